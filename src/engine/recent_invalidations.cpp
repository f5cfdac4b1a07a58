#include "engine/recent_invalidations.hpp"

#include <algorithm>

namespace strata::detail {

namespace {

constexpr std::size_t entry_overhead = 160;

}  // namespace

void recent_invalidations::drop_oldest() {
  bytes_ -= order_.front().name.size() + entry_overhead;
  by_name_.erase(order_.front().name);
  order_.pop_front();
}

void recent_invalidations::drop_old(time_point now) {
  while (!order_.empty() && order_.front().noted_at + span_ <= now) drop_oldest();
}

void recent_invalidations::note(invalidation_kind kind, std::string_view name, time_point now) {
  drop_old(now);
  auto entry = std::string(1, static_cast<char>('0' + static_cast<int>(kind)));
  entry += name;
  if (const auto at = by_name_.find(entry); at != by_name_.end()) {
    at->second->noted_at = now;
    order_.splice(order_.end(), order_, at->second);
    return;
  }
  order_.push_back({now, std::move(entry)});
  by_name_.emplace(order_.back().name, std::prev(order_.end()));
  bytes_ += order_.back().name.size() + entry_overhead;
  while (!order_.empty() && (order_.size() > limits_.count || bytes_ > limits_.bytes.count)) {
    incomplete_until_ = std::max(incomplete_until_, order_.front().noted_at + span_);
    drop_oldest();
  }
}

void recent_invalidations::replay(backlog& into, commit_time at_least, time_point now) {
  drop_old(now);
  if (now < incomplete_until_) {
    into.clear_everything(at_least);
    return;
  }
  for (const auto& each : order_) {
    into.add(static_cast<invalidation_kind>(each.name.front() - '0'), std::string_view(each.name).substr(1),
             at_least);
  }
}

}  // namespace strata::detail
