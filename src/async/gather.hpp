#pragma once
/// Several tasks at the same time.
/// Threads: the tasks run on the threads that complete their waits.

#include <strata/error.hpp>
#include <strata/task.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace strata::detail {

/// Starts all of `work` without an executor and waits for the last to end. Returns their results in
/// order; an exception becomes an error. If the waiting task is destroyed, the others go on.
template <class T>
task<std::vector<result<T>>> gather(std::vector<task<result<T>>> work) {
  struct shared_state {
    std::vector<std::optional<result<T>>> ended;
    std::atomic<std::size_t> left = 0;
    async_latch done;
  };
  const auto at = std::make_shared<shared_state>();
  at->ended.resize(work.size());
  at->left = work.size();
  for (std::size_t i = 0; i < work.size(); ++i) {
    start(nullptr, std::move(work[i]), [at, i](completion<result<T>> ended) {
      at->ended[i].emplace(ended ? std::move(*ended) : fail(errc::store_unavailable, "a task failed"));
      if (at->left.fetch_sub(1) == 1) at->done.set();
    });
  }
  if (!work.empty()) co_await at->done.wait();
  std::vector<result<T>> out;
  out.reserve(work.size());
  for (auto& each : at->ended) out.push_back(std::move(*each));
  co_return out;
}

}  // namespace strata::detail
