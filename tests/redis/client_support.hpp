#pragma once
/// Support for tests of the Redis client.

#include "core/mutex.hpp"
#include "redis/connection/client.hpp"
#include "tests/redis/server.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace strata::test {

/// A deadline for a call that must succeed, however busy the machine is.
inline time_point patiently() {
  return system_clock().now() + std::chrono::seconds(30);
}

/// Options that a busy machine or a sanitizer does not make fail; tests of time set their own.
inline redis::client_options options_for(std::uint16_t port) {
  redis::client_options made;
  made.at.port = port;
  made.request_timeout = std::chrono::seconds(10);
  made.connect_timeout = std::chrono::seconds(10);
  made.silence = std::chrono::seconds(10);
  return made;
}
inline redis::client_options options_for(const redis_server& server) {
  return options_for(server.port());
}

inline std::optional<std::string> get(redis::client& from, const std::string& key) {
  auto got = sync_wait(from.execute(resp::command("GET").arg(key)));
  EXPECT_TRUE(got.has_value()) << got.error().detail;
  if (!got || got->is_null()) return std::nullopt;
  return std::move(*got).take_text();
}

inline bool set(redis::client& in, const std::string& key, const std::string& bytes) {
  auto got = sync_wait(in.execute(resp::command("SET").arg(key).arg(bytes)));
  EXPECT_TRUE(got.has_value()) << got.error().detail;
  return got && got->is_ok();
}

/// Waits until `of` has a connection.
inline bool connects(const redis::client& of) {
  return eventually([&] { return of.state() == redis::client_state::connected; });
}

/// Lets a millisecond pass and the other tasks of this thread run: for loops that meet errors.
inline task<void> pause() {
  executor* const here = co_await this_executor{};
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  co_await resume_on{*here};
}

/// Records what a client reports.
class recorder final : public redis::client_observer {
 public:
  result<void> connected(const redis::connection_info& about) override {
    detail::scoped_lock lock(guard_);
    if (!refusal_.empty()) return fail(errc::store_unavailable, refusal_);
    ++connections_;
    last_ = redis::connection_info{about.generation, about.server, about.version,   about.mode,
                                   about.role,       about.run_id, about.client_id, {}};
    setup_.clear();
    for (const auto& each : about.setup) setup_.push_back(resp::to_text(each));
    return {};
  }
  void lost(std::uint64_t generation, const error& why) override {
    detail::scoped_lock lock(guard_);
    lost_.emplace_back(generation, why.detail);
  }
  void pushed(resp::value message) override {
    detail::scoped_lock lock(guard_);
    pushes_.push_back(resp::to_text(message));
  }

  /// Refuses connections with these words from now on. Empty words end that.
  void refuse(std::string words) {
    detail::scoped_lock lock(guard_);
    refusal_ = std::move(words);
  }
  int connections() const {
    detail::scoped_lock lock(guard_);
    return connections_;
  }
  int losses() const {
    detail::scoped_lock lock(guard_);
    return static_cast<int>(lost_.size());
  }
  std::string last_loss() const {
    detail::scoped_lock lock(guard_);
    return lost_.empty() ? std::string() : lost_.back().second;
  }
  /// The last connection without the replies to its setup, which `setup` returns as text.
  redis::connection_info last() const {
    detail::scoped_lock lock(guard_);
    return {last_.generation, last_.server, last_.version,   last_.mode,
            last_.role,       last_.run_id, last_.client_id, {}};
  }
  std::vector<std::string> setup() const {
    detail::scoped_lock lock(guard_);
    return setup_;
  }
  std::vector<std::string> pushes() const {
    detail::scoped_lock lock(guard_);
    return pushes_;
  }

 private:
  mutable detail::mutex guard_;
  std::string refusal_ STRATA_GUARDED_BY(guard_);
  int connections_ STRATA_GUARDED_BY(guard_) = 0;
  redis::connection_info last_ STRATA_GUARDED_BY(guard_);
  std::vector<std::string> setup_ STRATA_GUARDED_BY(guard_);
  std::vector<std::pair<std::uint64_t, std::string>> lost_ STRATA_GUARDED_BY(guard_);
  std::vector<std::string> pushes_ STRATA_GUARDED_BY(guard_);
};

/// Many tasks at once on a few threads, each with a run_loop of its own.
class many_tasks {
 public:
  explicit many_tasks(int count, int threads = 3) : count_(count), threads_(threads) {}

  /// Runs `work(0)` … `work(count - 1)` to their ends.
  void run(const std::function<task<void>(int)>& work) const {
    std::vector<std::thread> running;
    for (int thread = 0; thread < threads_; ++thread) {
      running.emplace_back([this, thread, &work] {
        run_loop loop;
        int left = 0;
        for (int i = thread; i < count_; i += threads_) ++left;
        for (int i = thread; i < count_; i += threads_) {
          strata::start(&loop, work(i), [&left](completion<void> how) {
            EXPECT_TRUE(how.has_value());
            --left;
          });
        }
        loop.run_until([&] { return left == 0; });
      });
    }
    for (auto& each : running) each.join();
  }

 private:
  int count_;
  int threads_;
};

}  // namespace strata::test
