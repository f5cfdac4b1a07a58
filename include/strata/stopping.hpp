#pragma once
/// Waiting for work until a stop is requested (std::stop_token).
/// Threads: the work runs on an executor of its own; its caller resumes on the caller's executor.

#include <strata/task.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

namespace strata::detail {

/// Work, and the task that waits for its end or for a stop: whichever is first.
template <class T>
struct stoppable_work {
  async_latch ended;
  std::optional<completion<T>> outcome;  ///< written by the first, before `ended` is set

  /// True for the first caller: it ends the wait.
  bool claim() noexcept { return !claimed_.exchange(true, std::memory_order_acq_rel); }
  bool is_claimed() const noexcept { return claimed_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> claimed_ = false;
};

/// Runs `work` on `background` and waits for it. Returns its value or throws its exception; returns nothing
/// as soon as a stop of `token` is requested. The work then goes on, unless it has not begun yet. Cancel: as
/// after a stop. Lifetime: `alive` is kept until the work has ended; `background` outlives it.
template <class T>
task<std::optional<T>> run_until_stopped(executor& background, std::shared_ptr<void> alive, task<T> work,
                                         std::stop_token token) {
  const auto waits = std::make_shared<stoppable_work<T>>();
  background.post([&background, waits, alive = std::move(alive), work = std::move(work)]() mutable {
    if (waits->is_claimed()) return;
    start(&background, std::move(work), [waits, alive = std::move(alive)](completion<T> done) {
      if (!waits->claim()) return;
      waits->outcome.emplace(std::move(done));
      waits->ended.set();
    });
  });
  const std::stop_callback stopped(std::move(token), [waits] {
    const auto kept = waits;  // the waiting task may go on here, and destroy this function
    if (kept->claim()) kept->ended.set();
  });
  co_await waits->ended.wait();
  if (!waits->outcome) co_return std::nullopt;
  if (!*waits->outcome) std::rethrow_exception(waits->outcome->error());
  co_return std::move(**waits->outcome);
}

}  // namespace strata::detail
