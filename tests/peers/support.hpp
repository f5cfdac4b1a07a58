#pragma once
/// One process or several, as the tests of this folder see them: a cache whose clock, timers and background
/// move only when the test says so. Only the public headers are used, as a user of the library would.
/// Threads: one.

#include <strata/strata.hpp>
#include <strata/testing.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace strata::peers {

using namespace std::chrono_literals;

/// The policy of these tests: an hour, exactly.
inline policy hour(policy rules = {}) {
  rules.ttl = 1h;
  rules.jitter = 0;
  return rules;
}

/// A key of an integer under `rules`.
inline typed_key<int> number(const std::string& id = "a", const policy& rules = hour()) {
  return entity<int, "number:{id}">(rules)(id);
}
/// The same key under other rules.
inline typed_key<int> number(const policy& rules) {
  return number("a", rules);
}

/// A call that was begun.
template <class T>
struct call {
  std::optional<T> got;
  std::exception_ptr thrown;
  bool over() const noexcept { return got.has_value() || thrown != nullptr; }
  /// What it returned; rethrows what it threw.
  T& value() {
    if (thrown != nullptr) std::rethrow_exception(thrown);
    if (!got) throw std::logic_error("the call is not over");
    return *got;
  }
};

/// The time of one test and, by default, of all its processes.
struct moment {
  testing::manual_clock clock;
  testing::manual_timers timers{clock};
};

/// A process with one cache.
struct process {
  std::shared_ptr<moment> now;
  run_loop background;
  run_loop front;
  strata::cache cache;

  explicit process(cache_options options = {}, std::shared_ptr<moment> at = std::make_shared<moment>())
      : now(std::move(at)), cache(on(*this, std::move(options))) {}

  static cache_options on(process& self, cache_options options) {
    options.time = &self.now->clock;
    options.timer = &self.now->timers;
    options.background = &self.background;
    options.seed = 1;
    return options;
  }

  /// Runs all that can run now.
  void settle() {
    while (now->timers.run_due() + background.run_ready() + front.run_ready() != 0) continue;
  }
  void advance(duration by) {
    now->clock.advance(by);
    settle();
  }

  /// Begins a call. It goes on when the process settles.
  template <class T>
  std::shared_ptr<call<T>> begin(task<T> work) {
    auto out = std::make_shared<call<T>>();
    start(&front, std::move(work), [out](completion<T> ended) {
      if (ended) {
        out->got.emplace(std::move(*ended));
      } else {
        out->thrown = ended.error();
      }
    });
    settle();
    return out;
  }
  /// Makes a call that ends without more time.
  template <class T>
  T run(task<T> work) {
    return std::move(begin(std::move(work))->value());
  }

  bool put(const typed_key<int>& key, int value) { return run(cache.set(key, value)); }
  lookup<int> get(const typed_key<int>& key) { return run(cache.get(key)); }
  template <class F>
  lookup<int> read(const typed_key<int>& key, F factory) {
    return run(cache.get_or_set(key, std::move(factory)));
  }
};

/// Several processes over one store in memory, each with its own way to it, which can be broken.
struct group {
  std::shared_ptr<moment> now = std::make_shared<moment>();
  std::shared_ptr<memory_server> server = make_memory_server(now->clock);
  std::vector<std::shared_ptr<testing::faulty_store>> stores;
  std::vector<std::unique_ptr<process>> processes;

  explicit group(std::size_t size = 2, const cache_options& options = {}) {
    for (std::size_t i = 0; i < size; ++i) join(options);
  }
  ~group() {
    heal();
    settle();
  }
  group(const group&) = delete;
  group& operator=(const group&) = delete;

  process& operator[](std::size_t index) { return *processes[index]; }

  /// Adds a process.
  process& join(cache_options options = {}) {
    stores.push_back(std::make_shared<testing::faulty_store>(connect(server)));
    options.second_level = stores.back();
    processes.push_back(std::make_unique<process>(std::move(options), now));
    return *processes.back();
  }

  void settle() {
    // A process may wake another one: as many rounds as there are processes, and one more.
    for (std::size_t round = 0; round <= processes.size(); ++round) {
      for (auto& each : processes) each->settle();
    }
  }
  void advance(duration by) {
    now->clock.advance(by);
    settle();
  }

  /// No process reaches the store.
  void cut() {
    for (auto& each : stores) each->fail({});
  }
  /// Every process reaches the store again, and what waited goes on.
  void heal() {
    for (auto& each : stores) {
      each->heal();
      while (each->let_go() != 0) settle();
    }
  }
};

/// A source that answers when the test says so, and counts its readers.
struct source {
  int calls = 0;
  async_latch answers;

  /// A factory that reads `value` at once and returns it when the source answers.
  auto slow(int value) {
    return [this, value]() -> task<int> {
      ++calls;
      co_await answers.wait();
      co_return value;
    };
  }
  auto fast(int value) {
    return [this, value] {
      ++calls;
      return value;
    };
  }
  /// A factory that throws.
  auto throwing() {
    return [this]() -> int {
      ++calls;
      throw std::domain_error("the source is down");
    };
  }
  /// A factory that returns an error.
  auto failing() {
    return [this]() -> result<int> {
      ++calls;
      return fail(errc::database_unavailable, "the source is down");
    };
  }
};

inline bool is_miss(const lookup<int>& read) {
  return read.outcome() == read_outcome::missed;
}
/// Whether `read` is `value`, fresh or `stale`.
inline ::testing::AssertionResult is(const lookup<int>& read, int value, bool stale = false) {
  const std::string got = read ? std::to_string(*read) : "no value";
  if (read && *read == value && read.info().stale == stale) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << got << (read.info().stale ? ", stale" : ", not stale") << ", " << name(read.info().reason);
}
inline ::testing::AssertionResult is_stale(const lookup<int>& read, int value) {
  return is(read, value, true);
}

}  // namespace strata::peers
