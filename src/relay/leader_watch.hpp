#pragma once
/// Whether the leading relay still works, as another relay sees it: by the watermark that it advances.
/// Threads: one at a time. Reads no clock.
///
/// On a busy machine a healthy leader is late, and so is the process that watches it. Both are measured:
///  - A look counts for one interval, however late it comes. So a process that was not running does not
///    blame the leader for it.
///  - The longest standstill that ended by itself, and the longest delay of a look, show how late a healthy
///    leader can be here. The patience is twice that, within limits; what was seen long ago counts less.
///  - A leader that was replaced while it worked doubles its patience, which was too short.

#include <strata/store.hpp>
#include <strata/time.hpp>

#include <optional>

namespace strata::relay_detail {

class leader_watch {
 public:
  /// `shortest`: the patience while nothing is ever late.
  explicit leader_watch(duration shortest) noexcept : shortest_(shortest) {}

  /// The store held `found` at `at`. Returns whether the leader has stood still for longer than the patience.
  bool looked(time_point at, const relay_watermark& found);
  /// Forgets the watermark, but not what was learned: the store did not answer, or leadership has changed.
  void restart() noexcept { seen_.reset(); }
  /// We led and worked, and another relay took over.
  void replaced_at(time_point at);

  duration patience_at(time_point at) const;
  /// From one look to the next.
  duration interval_at(time_point at) const { return patience_at(at) / looks; }

  /// The patience is at most this many times the shortest.
  static constexpr int longest = 8;

 private:
  static constexpr int looks = 2;  ///< at a standstill, before the leader is replaced

  void note_delay(time_point at, duration seen);
  duration longest_delay_at(time_point at) const;

  duration shortest_;
  std::optional<relay_watermark> seen_;
  time_point looked_at_{};
  duration still_for_{};      ///< of `seen_`
  duration longest_delay_{};  ///< at `noted_at_`
  time_point noted_at_{};
};

}  // namespace strata::relay_detail
