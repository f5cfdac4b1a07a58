#pragma once
/// What L1 holds under a key: a decoded value and everything needed to judge it (freshness.hpp).
/// Threads: immutable once shared.

#include "engine/floors.hpp"
#include "engine/mutation.hpp"

#include <strata/cache.hpp>

#include <algorithm>
#include <atomic>
#include <boost/container/small_vector.hpp>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace strata::detail {

/// The floors that apply to one record: those of each prefix of its key at a `:`, of the whole key, and of
/// its tags.
class floor_set {
 public:
  floor_set(std::string_view key, const std::vector<std::string>& tags);

  /// miss_reason::none if no hard floor is above `asof`, else which kind of floor is.
  miss_reason check(const floor_table& floors, commit_time asof) const noexcept {
    if (mutated(mutation::floor_check_off)) return miss_reason::none;
    return below(asof, [&](std::uint32_t bucket) { return floors.hard(bucket); });
  }

  /// miss_reason::none if no soft floor is above `asof`, else which kind of floor is.
  miss_reason check_soft(const floor_table& floors, commit_time asof) const noexcept {
    if (!floors.any_soft()) return miss_reason::none;
    return below(asof, [&](std::uint32_t bucket) { return floors.soft(bucket); });
  }

 private:
  template <class FloorOf>
  miss_reason below(commit_time asof, FloorOf floor_of) const noexcept {
    if (asof < floor_of(floor_table::root)) return miss_reason::cleared;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      if (asof < floor_of(buckets_[i])) return i < prefixes_ ? miss_reason::prefix : miss_reason::tag;
    }
    return miss_reason::none;
  }

  boost::container::small_vector<std::uint32_t, 6> buckets_;
  std::size_t prefixes_ = 0;
};

/// When a value's source was read.
struct source_timing {
  time_point began = time_point::min();  ///< the source was not read before; min: unknown
  duration took{};                       ///< by the factory
  std::uint64_t order = 0;               ///< fill_admission::next_read() of that moment; 0: it came from L2
  bool written = false;                  ///< `set` or committed: true when it was stored, not when it began
};

struct record {
  any_value value;  ///< null: known not to exist
  const detail::value_type* value_type = nullptr;
  commit_time asof = 0;
  time_point created{};
  time_point fresh_until{};
  time_point stale_until{};                     ///< may be served stale until then; not before fresh_until
  time_point memory_until = time_point::max();  ///< L1 drops it then (policy::l1_ttl)
  time_point slides_until =
      time_point::min();  ///< reads may prolong fresh_until up to here (policy::sliding)
  source_timing source;
  bool throttled = false;   ///< stale, and given a little freshness after a factory failed
  bool unleased = false;    ///< read without the lease of L2: only the memory of this process has it
  bool superseded = false;  ///< another process has replaced the value: this one may only stand in
  floor_set floors{"", {}};
  std::vector<std::string> tags;
  std::size_t bytes = 0;  ///< of the value and this record

  /// One hit at a time may start a refresh; not before this time (a clock's ticks).
  mutable std::atomic<duration::rep> refresh_after = std::numeric_limits<duration::rep>::min();

  /// When it leaves L1.
  time_point gone_at() const noexcept { return std::min(stale_until, memory_until); }

  record() = default;
  record(const record& other);
};

using record_ptr = std::shared_ptr<const record>;

/// Whether `candidate` is as new as `than`, or newer. Of two records with the same asof, the one whose
/// factory began later is newer. A write counts from the moment when it was stored.
bool not_older(const record& candidate, const record& than) noexcept;

/// The bytes that a record occupies besides its value. Cost: O(tags).
std::size_t overhead_of(const record& entry) noexcept;

}  // namespace strata::detail
