#pragma once
/// Decides whether a record may answer a read: fresh, stale or gone, and why.
/// Threads: pure functions of their arguments; they read floors and clocks and change nothing.
///
/// There is one answer for all: `find` asks it on a hit, fills and batches for what L2 returned, and
/// `explain` for what it reports.

#include "engine/record.hpp"
#include "engine/uncached_read_fence.hpp"

#include <strata/cache.hpp>

#include <algorithm>

namespace strata::detail {

struct freshness {
  enum class state : std::uint8_t { fresh, stale, gone };

  state standing = state::gone;
  miss_reason why = miss_reason::none;  ///< why the record is not fresh
  time_point stale_since{};             ///< when a stale record ceased to be fresh
  bool superseded = false;              ///< L2 has a newer value, or had one: not to be served without asking

  bool fresh() const noexcept { return standing == state::fresh; }
  bool stale() const noexcept { return standing == state::stale; }
  bool gone() const noexcept { return standing == state::gone; }

  /// Whether a read at `at` may be answered with the stale record while it is refreshed
  /// (stale-while-revalidate). A soft floor says that a record is stale, not since when: `stale_since` may be
  /// later than `at`.
  bool servable_stale(const policy& policy, time_point at) const noexcept {
    const auto window = policy.stale_while_revalidate;
    return stale() && !superseded && window > duration::zero() && at < stale_since + window;
  }
  /// Whether the record may become servable again: it is not out of date, only not trusted or not new enough
  /// for this reader.
  bool worth_keeping() const noexcept {
    return why == miss_reason::not_coherent || why == miss_reason::behind;
  }
};

/// What a record is judged against, besides the read itself.
struct read_context {
  const floor_table& floors;
  const uncached_read_fence& uncached_reads;
  const clock& time;
  time_point at;                ///< of the read; may be late by as much as a coarse clock is
  time_point trusted_until;     ///< changes are reported in time until then
  time_point source_watermark;  ///< when the record was looked up
  bool relayed;                 ///< a relay reports watermarks
};

/// Whether the clock is surely before `end`, though `at` may come from a late, coarse clock.
inline bool surely_before(time_point end, time_point at, const clock& time) noexcept {
  // More than a coarse clock is late while its processor runs, and less than what is left of a lease that is
  // renewed in time.
  constexpr duration doubt = std::chrono::milliseconds(100);
  return at < end && (end - at > doubt || time.now() < end);
}

/// Whether `entry` may be older than a value that was returned to a reader without being cached.
inline bool may_be_behind(const record& entry, std::uint64_t hash, const read_context& context) noexcept {
  const auto kept_end = entry.unleased ? std::optional(entry.created) : std::nullopt;
  return context.relayed &&
         context.uncached_reads.may_be_older(hash, entry.source.began, context.source_watermark, kept_end);
}

/// Cost: O(tags and prefixes of the record), no lock.
inline freshness judge(const record& entry, const any_key& target, const read_context& context) noexcept {
  using enum freshness::state;
  if (const auto why = entry.floors.check(context.floors, entry.asof); why != miss_reason::none) {
    return {gone, why};
  }
  if (entry.value_type != target.value_type) return {gone, miss_reason::undecodable};
  if (entry.asof < target.required_asof ||
      context.uncached_reads.is_before_kept(target.key.hash(), entry.asof)) {
    return {gone, miss_reason::behind};
  }
  const auto at = context.at;
  const auto soft = entry.floors.check_soft(context.floors, entry.asof);
  auto why = soft != miss_reason::none ? soft
             : at < entry.fresh_until  ? miss_reason::none
                                       : miss_reason::expired;
  const bool throttled = entry.throttled && at < entry.fresh_until;
  const bool superseded = entry.superseded && !throttled;
  if (superseded && why == miss_reason::expired) why = miss_reason::removed;
  const auto trusted_until = may_be_behind(entry, target.key.hash(), context)
                                 ? std::min(context.source_watermark, context.trusted_until)
                                 : context.trusted_until;
  if (surely_before(trusted_until, at, context.time) || throttled) {
    if (why == miss_reason::none) return {fresh, why};
    return {at < entry.stale_until ? stale : gone, why, entry.fresh_until, superseded};
  }
  // Changes since `trusted_until` may not have been reported: the record counts as stale since then.
  if (why == miss_reason::none) why = miss_reason::not_coherent;
  const auto until = std::min(entry.stale_until, trusted_until + target.policy->stale_window());
  return {at < until ? stale : gone, why, std::min(trusted_until, entry.fresh_until), superseded};
}

}  // namespace strata::detail
