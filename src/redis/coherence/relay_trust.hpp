#pragma once
/// How long a process may trust its copies when a relay reports to the store what the source's writers
/// change: what the watermarks seen by heartbeats prove.
/// Threads: one at a time.
///
/// A relay that writes a watermark m had read the one before it, b. Then it asked the source what had been
/// committed, applied all of it to the store, and wrote m only if the watermark still was b
/// (`store::advance_watermark`). Take a heartbeat that sees m, and an earlier one, sent at h, that saw a
/// watermark below b. Then
///
///   h < b was written < the relay asked the source < all was applied to the store < m was written
///
/// Hence all that was committed before h was applied to the store before the heartbeat that saw m was
/// answered. Which relay applied it, and how long that relay was paused, does not matter. The store's pushes
/// about it may still be on their way; with the reply to the next heartbeat they have arrived
/// (coherence_session.hpp). From then on we were notified of all that was committed before h.

#include <strata/time.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>

namespace strata::redis {

class relay_trust {
 public:
  /// The heartbeat sent at `sent` was answered: it saw `watermark`, which was written over `previous`.
  /// Returns the source watermark: we were notified of all that was committed before it.
  /// time_point::min(): none.
  time_point heartbeat_answered(time_point sent, std::uint64_t watermark, std::uint64_t previous) {
    if (!seen_.empty() && watermark < seen_.back().watermark) restart();
    source_watermark_ = std::max(source_watermark_, std::exchange(pending_, time_point::min()));
    while (seen_.size() > 1 && seen_[1].watermark < previous) seen_.pop_front();
    if (!seen_.empty() && seen_.front().watermark < previous) pending_ = seen_.front().sent;
    if (!seen_.empty() && seen_.back().watermark == watermark) {
      seen_.back().sent = sent;
    } else {
      seen_.push_back({watermark, sent});
    }
    return source_watermark_;
  }

  /// Forgets all heartbeats: there is another connection, or the store may have lost data.
  void restart() {
    seen_.clear();
    pending_ = source_watermark_ = time_point::min();
  }

 private:
  struct sighting {
    std::uint64_t watermark = 0;
    time_point sent{};  ///< of the last heartbeat that saw it
  };
  std::deque<sighting> seen_;               ///< watermarks rise
  time_point pending_ = time_point::min();  ///< the source watermark once the next heartbeat is answered
  time_point source_watermark_ = time_point::min();
};

}  // namespace strata::redis
