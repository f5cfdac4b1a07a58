#pragma once
/// Takes: a read that removes what it returns, so that of several callers at most one gets it.
/// Threads: any.
///
/// L2 decides who gets a value, if there is one: only its answer counts, and it removes and returns in one
/// step. Without L2, and for values that must not leave this process, the lock of the memory decides.

#include "engine/invalidator.hpp"
#include "engine/record_builder.hpp"

namespace strata::detail {

class taker {
 public:
  /// Lifetime: all outlive it.
  taker(engine_state& state, first_level& memory, read_reporter& reports, record_builder& records,
        invalidator& invalidations) noexcept
      : state_(state), memory_(memory), reports_(reports), records_(records), invalidations_(invalidations) {}

  /// Removes the value of `target` from every level, and returns it if it was fresh.
  task<any_lookup> take(any_key target);

 private:
  /// Removes what memory has that is older than `floor`, fences fills under way, and returns the record.
  record_ptr take_from_memory(const key& key, commit_time floor);
  /// `entry` as the answer, if it is fresh.
  any_lookup answer(const any_key& target, const record_ptr& entry, layer from, time_point source_watermark,
                    any_lookup missed);

  engine_state& state_;
  first_level& memory_;
  read_reporter& reports_;
  record_builder& records_;
  invalidator& invalidations_;
};

}  // namespace strata::detail
