#pragma once
/// The relay's loop: one turn after another.
///
/// A turn reads the watermark, polls the outbox, and applies everything committed since the cursor. Then it
/// advances the watermark if no other relay has, and the cursor after it. A turn that fails leaves both as
/// they were, and the next one begins from there. So a watermark means: everything committed before the
/// *previous* watermark was written has been applied to *this life* of the store.
///
/// A store may forget what was applied in an earlier life. Its values are void then (decision 12), but an
/// invalidation between the last moments of that life and the first of this one is not made up for by that.
/// So before the first watermark of a new life, everything is applied again that the store can lack: the
/// changes since the watermark that it holds, if we wrote that one. Otherwise everything is removed. That
/// costs little, since only what was filled since the new life began still counts. Threads: one task, which
/// continues on whichever thread completes what it awaits; `stats` and `stop` may be called from any.

#include "core/mutex.hpp"
#include "relay/applied_watermarks.hpp"
#include "relay/apply_invalidation.hpp"
#include "relay/leader_watch.hpp"
#include "relay/leadership.hpp"
#include "relay/outbox_reader.hpp"
#include "relay/overflow_watch.hpp"

#include <strata/relay.hpp>

#include <array>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace strata {

class relay::worker : public std::enable_shared_from_this<worker> {
 public:
  explicit worker(relay_options options);
  void begin();
  void stop();
  relay_stats stats() const;

 private:
  task<> run();
  // Each returns the time from its start until the next turn is due.
  task<duration> watch_leader();
  task<duration> take_over();
  task<duration> run_turn();
  task<duration> publish(relay_detail::poll_result found, time_point polled);

  task<result<void>> advance_watermark();
  task<> save_cursor(time_point at, bool has_changes);
  task<> maintain(time_point at);
  /// Looks for faults of the outbox from time to time, and logs new ones.
  /// Errors: database_unavailable while changes may leave no trace.
  task<result<void>> check_outbox(time_point at);
  void count_widened(const std::vector<relay_detail::change>& changes);

  /// Why everything must be removed; nothing if it need not.
  std::optional<clear_reason> must_clear(const relay_detail::poll_result& found,
                                         relay_detail::overflow_watch& watching) const;
  void stand_down(std::string_view why);
  /// The time from one turn to the next. While nothing changes, turns are rarer.
  duration pause_at(time_point at) const;
  /// Return the pause before the next turn.
  duration failed(const error& why);
  void succeeded();
  time_point now() const noexcept { return options_.time->now(); }

  const relay_options options_;
  const std::string name_space_;  ///< of the caches over the target; empty without one
  relay_detail::outbox_reader reader_;
  relay_detail::leadership leadership_;
  const std::shared_ptr<async_latch> stop_ = std::make_shared<async_latch>();
  std::shared_future<void> ended_;

  // The task's own.
  bool leads_ = false;
  std::int64_t term_ = 0;
  relay_detail::cursor cursor_;
  std::uint64_t cursor_end_ = 0;  ///< the first transaction that the cursor's snapshot has not seen
  bool source_lost_ = false;      ///< PostgreSQL no longer knows our position
  relay_detail::overflow_watch overflow_;
  relay_detail::applied_watermarks applied_;
  bool store_lost_ = false;                   ///< the store lacks changes, and we do not know which
  std::string applied_life_;                  ///< of the store that has received everything before the cursor
  std::optional<relay_watermark> watermark_;  ///< as we read it after the previous turn
  relay_detail::leader_watch leader_;
  time_point changed_at_{};  ///< of the last turn that found changes, or the begin of our leadership
  duration retry_delay_{};
  time_point last_applied_{};  ///< begin of the last poll whose changes were all applied
  time_point cursor_saved_{};
  bool cursor_due_ = false;
  time_point maintained_{};
  std::optional<time_point> checked_;  ///< when `check_outbox` last looked
  std::vector<std::string> problems_;  ///< what it found
  std::string widened_reason_;         ///< the last one that was logged

  mutable detail::mutex mutex_;
  relay_stats stats_ STRATA_GUARDED_BY(mutex_);
  time_point source_watermark_ STRATA_GUARDED_BY(mutex_);
  std::array<duration, 1024> delays_ STRATA_GUARDED_BY(mutex_){};
  std::size_t samples_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace strata
