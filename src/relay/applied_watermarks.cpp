#include "relay/applied_watermarks.hpp"

#include <algorithm>
#include <chrono>
#include <ranges>

namespace strata::relay_detail {

namespace {

/// How often a snapshot is kept.
constexpr duration snapshot_period = std::chrono::milliseconds(100);

}  // namespace

void applied_watermarks::add(time_point at, std::uint64_t watermark, const std::string& seen) {
  if (written_.size() == most) written_.pop_front();
  const bool shares = !written_.empty() && at - written_.back().snapshot_at < snapshot_period;
  written_.push_back({.watermark = watermark,
                      .snapshot_at = shares ? written_.back().snapshot_at : at,
                      .seen = shares ? written_.back().seen : std::make_shared<const std::string>(seen)});
}

std::optional<std::string> applied_watermarks::applied_before(std::uint64_t watermark) const {
  const auto newest_first = written_ | std::views::reverse;
  const auto found = std::ranges::find(newest_first, watermark, &written::watermark);
  if (watermark == 0 || found == newest_first.end()) return std::nullopt;
  return *found->seen;
}

}  // namespace strata::relay_detail
