#pragma once
/// Clients that send requests to a gateway in a loop, and count its responses.
/// Threads: one for `load`, which runs its own threads.

#include "tests/system/gateway.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace strata::system_test {

/// One kind of request. `target` returns the target of the n-th one.
struct asked {
  std::string name;
  std::string method;
  std::function<std::string(unsigned)> target;
  field_list fields = {};
  std::string body = {};
};

class load {
 public:
  /// Responses by outcome: "agent 200 hit", "agent 503".
  using tally = std::map<std::string, std::uint64_t>;

  /// One client for each of `what`, so that a slow one delays no other.
  load(std::uint16_t port, const std::vector<asked>& what) : port_(port) {
    for (const auto& each : what) threads_.emplace_back([this, each] { run(each); });
  }
  ~load() { stop(); }
  load(const load&) = delete;
  load& operator=(const load&) = delete;

  void stop() {
    stopping_ = true;
    for (auto& each : threads_) each.join();
    threads_.clear();
  }

  /// The responses since the last call.
  tally taken() {
    const std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
  }
  clock::duration longest() {
    const std::lock_guard lock(mutex_);
    return std::exchange(longest_, {});
  }
  /// Responses that must never occur.
  std::vector<std::string> wrong() {
    const std::lock_guard lock(mutex_);
    return wrong_;
  }

 private:
  void run(const asked& each) {
    std::optional<connection> to;
    for (unsigned number = 0; !stopping_; ++number) {
      try {
        if (!to) to.emplace(port_);
        const auto began = clock::now();
        const auto got = to->ask(each.method, each.target(number), each.fields, each.body);
        note(each.name, got, clock::now() - began);
      } catch (const std::exception& failure) {
        to.reset();
        if (!stopping_) complain(each.name + ": " + failure.what());
      }
    }
  }

  void note(const std::string& name, const answer& got, clock::duration took) {
    std::string text = name + ' ' + std::to_string(got.status);
    const auto status = got.field("cache-status");
    if (status.contains("detail=stale")) {
      text += " stale";
    } else if (status.contains("hit")) {
      text += " hit";
    }
    const bool good =
        (got.status >= 200 && got.status < 300) || (got.status == 503 && !got.field("retry-after").empty());
    if (!good) complain(text + ": " + got.body);
    const std::lock_guard lock(mutex_);
    ++answers_[text];
    longest_ = std::max(longest_, took);
  }

  void complain(std::string what) {
    const std::lock_guard lock(mutex_);
    if (wrong_.size() < 20) wrong_.push_back(std::move(what));
  }

  const std::uint16_t port_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  tally answers_;
  clock::duration longest_{};
  std::vector<std::string> wrong_;
  std::vector<std::thread> threads_;
};

}  // namespace strata::system_test
