#pragma once
/// Timers, which soft and hard timeouts and every wait with a deadline use.
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

  /// Runs `work` once, at `when` or up to a few milliseconds later, on the timers' own thread. It must
  /// be short; post longer work to an executor. Cost: O(log n), one lock.
  virtual id at(time_point when, std::move_only_function<void()> work) = 0;

  /// Returns true if the work had not begun; then it never will.
  virtual bool cancel(id which) = 0;
};

/// The machine's timers, on `system_clock()`: one thread, started by the first use.
timers& system_timers();

/// At most four threads for background work, started when they are first needed.
executor& system_background();

}  // namespace strata
