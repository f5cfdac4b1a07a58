#include "relay/leader_watch.hpp"

#include <algorithm>
#include <chrono>

namespace strata::relay_detail {

namespace {

/// A delay counts half as much after this time.
constexpr duration half_life = std::chrono::minutes(2);

}  // namespace

bool leader_watch::looked(time_point at, const relay_watermark& found) {
  const auto interval = interval_at(at);
  const auto since = seen_ ? at - looked_at_ : duration::zero();
  if (since > interval) note_delay(at, since - interval);
  looked_at_ = at;
  if (!seen_ || *seen_ != found) {
    note_delay(at, still_for_);
    seen_ = found;
    still_for_ = duration::zero();
    return false;
  }
  still_for_ += std::min(since, interval);
  return still_for_ >= patience_at(at);
}

void leader_watch::replaced_at(time_point at) {
  note_delay(at, patience_at(at));
}

void leader_watch::note_delay(time_point at, duration seen) {
  if (seen <= longest_delay_at(at)) return;
  longest_delay_ = std::min(seen, longest * shortest_);
  noted_at_ = at;
}

duration leader_watch::longest_delay_at(time_point at) const {
  const auto halves = std::clamp<std::int64_t>((at - noted_at_) / half_life, 0, 30);
  return longest_delay_ / (std::int64_t{1} << halves);
}

duration leader_watch::patience_at(time_point at) const {
  return std::clamp(2 * longest_delay_at(at), shortest_, longest * shortest_);
}

}  // namespace strata::relay_detail
