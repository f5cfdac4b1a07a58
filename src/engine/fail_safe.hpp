#pragma once
/// Fail-safe: a stale value stands in when the source fails or is too slow, if the policy allows it.
/// Threads: any.

#include "engine/first_level.hpp"

#include <optional>

namespace strata::detail {

class fail_safe {
 public:
  /// Lifetime: all of them outlive it.
  fail_safe(engine_state& state, first_level& memory, read_reporter& reports) noexcept
      : state_(state), memory_(memory), reports_(reports) {}

  /// The record in memory that may stand in now, or null.
  record_ptr standby(const any_key& target) const;

  /// The standby as the answer of a read, if there is one. `throttles`: the source has failed, and the
  /// standby is then served for the policy's throttle.
  std::optional<any_lookup> stand_in(const any_key& target, bool throttles);

  /// Lands `flight`, whose factory failed, with `stale` instead, which is then served for the policy's
  /// throttle. A value that is still fresh stands in as it is, and keeps its time. Returns false, and does
  /// nothing, if `stale` may not stand in or is null.
  bool land_stale(const any_key& target, const fill_admission::joined& flight, const record_ptr& stale,
                  miss_reason reason);

  /// The source of `target`, asked as of `asof`, failed, and nothing stands in: remembers it for the policy's
  /// failure_ttl. Not a failure of this cache (busy).
  void remember(const any_key& target, known_failure failure, commit_time asof);

 private:
  /// `stale` with fresh time for the policy's throttle, so that the source is left alone for so long; itself
  /// if it is fresh.
  record_ptr throttled(const any_key& target, const record_ptr& stale) const;

  engine_state& state_;
  first_level& memory_;
  read_reporter& reports_;
};

}  // namespace strata::detail
