#pragma once
/// The relay at work: one turn after the other.
///
/// A turn sees the mark, looks at the outbox, tells all that was committed since the cursor, moves the
/// mark if it still is what it was, and then the cursor. What fails leaves mark and cursor where they are,
/// and the next turn begins from there. So a mark says: what was committed before the mark before was
/// written has been told to *this life* of the store.
///
/// What the store was told in an earlier life may be forgotten. Its values are void then (decision 12), but
/// what the last moments of that life and the first of this one have crossed is not: so all that the
/// outbox keeps is told again before the first mark of a new life.
/// Threads: one task, which goes on on whichever thread ends what it waits for; `stats` and `stop` from any.

#include "core/mutex.hpp"
#include "relay/apply_invalidation.hpp"
#include "relay/duty.hpp"
#include "relay/outbox_reader.hpp"
#include "relay/overflow_watch.hpp"

#include <strata/relay.hpp>

#include <array>
#include <future>
#include <memory>
#include <optional>
#include <string>

namespace strata {

class relay::worker : public std::enable_shared_from_this<worker> {
 public:
  explicit worker(relay_options options);
  void begin();
  void stop();
  relay_stats stats() const;

 private:
  task<> run();
  /// Each returns how long after it began the next is due.
  task<duration> watch();
  task<duration> take_over();
  task<duration> turn();
  task<duration> tell(relaying::glance found, time_point looked);
  task<result<void>> move_mark();
  task<> move_cursor(time_point at, bool news);
  task<> maintain(time_point at);

  /// Why everything is to be removed, if it is.
  std::optional<clear_reason> must_clear(const relaying::glance& found,
                                         relaying::overflow_watch& watching) const;
  void stand_down(std::string_view why);
  duration failed(const error& why);
  void succeeded();
  time_point now() const noexcept { return options_.time->now(); }

  const relay_options options_;
  relaying::outbox_reader reader_;
  relaying::duty duty_;
  const std::shared_ptr<async_latch> stop_ = std::make_shared<async_latch>();
  std::shared_future<void> ended_;

  // The task's own.
  bool active_ = false;
  std::int64_t term_ = 0;
  relaying::cursor cursor_;
  std::uint64_t cursor_end_ = 0;  ///< the first transaction that the cursor's snapshot has not seen
  bool source_lost_ = false;      ///< PostgreSQL has forgotten where we were
  relaying::overflow_watch overflow_;
  std::string told_life_;                ///< of the store that was told all before the cursor
  std::optional<relay_watermark> mark_;  ///< as it was seen, by us, after the turn before
  std::optional<relay_watermark> watched_;
  time_point stands_since_{};  ///< the mark that is watched
  duration patience_{};
  time_point looked_{};  ///< the last time that all was told
  time_point cursor_moved_{};
  bool cursor_due_ = false;
  time_point maintained_{};

  mutable detail::mutex mutex_;
  relay_stats stats_ STRATA_GUARDED_BY(mutex_);
  time_point told_ STRATA_GUARDED_BY(mutex_);
  std::array<duration, 1024> told_after_ STRATA_GUARDED_BY(mutex_){};
  std::size_t samples_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace strata
