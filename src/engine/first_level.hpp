#pragma once
/// L1 as the engine sees it: reads of memory, and the way in through the admission.
/// Threads: any.

#include "engine/engine_state.hpp"
#include "engine/freshness.hpp"
#include "engine/read_reporter.hpp"

#include <optional>

namespace strata::detail {

class first_level {
 public:
  /// Lifetime: both outlive it.
  first_level(engine_state& state, read_reporter& reports) noexcept : state_(state), reports_(reports) {}

  /// Memory only. On a miss `info.from` is none and `info.reason` says why.
  /// Cost: O(1), no I/O, no lock.
  any_lookup find(const any_key& target) noexcept;

  /// The record of `key`, whatever its state; null if there is none. Not a use.
  record_ptr peek(const key& key) const;
  /// As `peek`, but also a record past its time that has not been swept yet.
  record_ptr peek_expired(const key& key) const;

  /// How `entry` stands to a read of `target` at `at`. `source_watermark` is that of the moment when the
  /// record was looked up.
  freshness judge(const any_key& target, const record& entry, time_point at,
                  time_point source_watermark) const noexcept {
    return detail::judge(entry, target, context(at, source_watermark));
  }
  freshness judge(const any_key& target, const record& entry, time_point at) const noexcept {
    return judge(target, entry, at, state_.l2.source_watermark());
  }

  /// Puts `entry` in memory unless a newer one is there. Runs under the admission's lock. Returns whether
  /// memory has it or a newer one now: it has not if the entry is too large for it, or the cache is disabled.
  bool keep(const key& key, const record_ptr& entry);

  /// Admits `entry` under the ticket and puts it in memory if `store` says so. If it may not enter, older
  /// records are removed: the reader of `entry` returns it all the same, and must not get an older one later.
  /// `kept`, if not null: whether it was to be put in memory and `keep` did.
  fill_admission::verdict admit(const fill_admission::ticket& held, const key& key, const record_ptr& entry,
                                bool store, bool* kept = nullptr);

  /// Another process has replaced the value of the key `text`: what is here may only stand in for it, within
  /// its grace. Runs under the admission's lock.
  void demote(std::uint64_t hash, std::string_view text);

  /// A value that is newer than what is in memory was read, and is not stored: what is there is no longer
  /// fresh (`keep_stale`), or goes. Requires: `newer` has passed `admit`.
  void supersede(const key& key, const record& newer, bool keep_stale);

  /// Makes `found` stale now, if it still is what memory has.
  void expire(const key& key, const record_ptr& found);

  /// Puts `changed`, a copy of `found` with another time to live, in its place. Returns false if `found` no
  /// longer is what memory has.
  bool replace(const key& key, const record_ptr& found, const record_ptr& changed);

  /// Takes the refresh for which a hit was due. Returns false if another hit has it: if its refresh fails or
  /// is lost, the next may be taken after the throttle of fail-safe, else after `refresh_retry`.
  bool take_refresh(const any_key& target);
  /// The refresh was left to another process: the next may be taken after `refresh_retry`.
  void leave_refresh(const key& key);

  /// Gives a fresh record a new time to live. Returns how long after it the record may be served stale;
  /// nothing if there was none.
  std::optional<duration> touch(const key& key, duration ttl);

 private:
  read_context context(time_point at, time_point source_watermark) const noexcept {
    return {.floors = state_.floors,
            .uncached_reads = state_.uncached_reads,
            .time = *state_.options.time,
            .at = at,
            .trusted_until = state_.l2.trusted_until(),
            .source_watermark = source_watermark,
            .relayed = state_.l2.source_watermark() != time_point::min()};
  }
  /// A fresh record was read: prolongs it as policy::sliding says, here and in L2, at most once in a quarter
  /// of that time.
  void slide(const any_key& target, const record_ptr& found, time_point at);
  static task<> touch_l2(std::shared_ptr<engine_state> alive, std::string name, duration ttl);
  static constexpr duration refresh_retry = std::chrono::seconds(1);
  bool refresh_due(const policy& policy, const record& entry, time_point at, bool stale) noexcept;

  engine_state& state_;
  read_reporter& reports_;
};

}  // namespace strata::detail
