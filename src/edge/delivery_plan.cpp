#include "edge/delivery_plan.hpp"

#include <algorithm>

namespace strata::edge_detail {

void delivery_plan::add(queued_purge row, time_point now) {
  const auto place = next_place_++;
  put(place, {.row = std::move(row), .first_seen = now, .last_seen = now});
}

void delivery_plan::put(std::uint64_t at, item what) {
  const auto [found, fresh] = places_.try_emplace({what.row.what.kind, what.row.what.value}, at);
  if (fresh) {
    waiting_.emplace(at, std::move(what));
    return;
  }
  auto& present = waiting_.at(found->second);
  present.row.id = std::max(present.row.id, what.row.id);
  present.row.what.soft = present.row.what.soft && what.row.what.soft;
  present.first_seen = std::min(present.first_seen, what.first_seen);
  present.last_seen = std::max(present.last_seen, what.last_seen);
}

void delivery_plan::clear() {
  ++generation_;
  waiting_.clear();
  places_.clear();
  in_flight_.clear();
}

std::optional<delivery> delivery_plan::next(time_point now, edge_limits limits) {
  std::optional<delivery> out;
  std::size_t bytes = 0;
  std::vector<item> later;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const auto& [row, first_seen, last_seen] = at->second;
    if (first_seen + settle_ > now) break;  // the rest is younger
    if (!out) {
      out.emplace();
      out->batch.kind = row.what.kind;
      out->batch.soft = row.what.soft;
    }
    if (row.what.kind != out->batch.kind || row.what.soft != out->batch.soft) {
      ++at;
      continue;
    }
    const auto size =
        row.what.kind == edge_purge_kind::tag ? edge_tag(row.what.value).size() : row.what.value.size();
    const bool full = !out->seen.empty() && (out->seen.size() >= limits.items || bytes + size > limits.bytes);
    if (full) break;
    bytes += size;
    if (row.what.kind != edge_purge_kind::everything) out->batch.values.push_back(row.what.value);
    out->seen.push_back(first_seen);
    auto taken = std::move(*at);
    places_.erase({taken.second.row.what.kind, taken.second.row.what.value});
    at = waiting_.erase(at);
    if (taken.second.last_seen + settle_ <= now) {
      out->ids.push_back(taken.second.row.id);
      out->covered = std::max(out->covered, taken.second.last_seen + settle_);
    } else {
      out->covered = std::max(out->covered, taken.second.first_seen + settle_);
      later.push_back(taken.second);
      later.back().first_seen = later.back().last_seen;
    }
    in_flight_.push_back(std::move(taken));
  }
  for (auto& each : later) put(next_place_++, std::move(each));
  return out;
}

void delivery_plan::failed() {
  for (auto& [place, each] : in_flight_) put(place, std::move(each));
  in_flight_.clear();
}

}  // namespace strata::edge_detail
