#pragma once
/// Several tasks side by side, on whatever threads they complete.
/// Threads: pure functions; what a task touches is its own business.

#include <strata/error.hpp>
#include <strata/task.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace strata::detail {

/// Starts all of `work` on no executor, so that each goes on right where what it waits for completes,
/// and waits for the last. Returns what they returned, in their order; an exception is an error.
template <class T>
task<std::vector<result<T>>> gather(std::vector<task<result<T>>> work) {
  struct landing {
    std::vector<std::optional<result<T>>> ended;
    std::atomic<std::size_t> left = 0;
    async_latch done;
  };
  const auto at = std::make_shared<landing>();
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
