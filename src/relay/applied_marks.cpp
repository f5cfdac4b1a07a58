#include "relay/applied_marks.hpp"

#include <algorithm>
#include <chrono>
#include <ranges>

namespace strata::relay_detail {

namespace {

/// How often a snapshot is kept.
constexpr duration snapshot_period = std::chrono::milliseconds(100);

}  // namespace

void applied_marks::add(time_point at, std::uint64_t watermark, const std::string& seen) {
  if (marks_.size() == most) marks_.pop_front();
  const bool shares = !marks_.empty() && at - marks_.back().snapshot_at < snapshot_period;
  marks_.push_back({.watermark = watermark,
                    .snapshot_at = shares ? marks_.back().snapshot_at : at,
                    .seen = shares ? marks_.back().seen : std::make_shared<const std::string>(seen)});
}

std::optional<std::string> applied_marks::applied_before(std::uint64_t watermark) const {
  const auto newest_first = marks_ | std::views::reverse;
  const auto found = std::ranges::find(newest_first, watermark, &mark::watermark);
  if (watermark == 0 || found == newest_first.end()) return std::nullopt;
  return *found->seen;
}

}  // namespace strata::relay_detail
