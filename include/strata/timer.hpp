#pragma once
/// Doing something later: what soft and hard timeouts and waits stand on.
/// Threads: internally synchronised.

#include <strata/task.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <functional>

namespace strata {

/// Runs functions at a time.
class timers {
 public:
  using id = std::uint64_t;
  virtual ~timers() = default;

  /// Runs `work` once, at `when` or up to a few milliseconds later, on the timers' own thread:
  /// be short, post what is not. Cost: O(log n), one lock.
  virtual id at(time_point when, std::move_only_function<void()> work) = 0;

  /// Returns true if the work has not begun and now never will.
  virtual bool cancel(id which) = 0;
};

/// The machine's timers, on `system_clock()`: one thread, started by the first use.
timers& system_timers();

/// A few threads for work that nobody waits for, started by the first use.
executor& system_background();

}  // namespace strata
