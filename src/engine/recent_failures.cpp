#include "engine/recent_failures.hpp"

#include <utility>

namespace strata::detail {

bool recent_failures::over(const entry& one, time_point now) const noexcept {
  return now >= one.failure.until || one.floors.check(floors_, one.asof) != miss_reason::none ||
         one.floors.check_soft(floors_, one.asof) != miss_reason::none;
}

void recent_failures::note(const any_key& target, known_failure failure, commit_time asof, time_point now) {
  const auto& text = target.key.text();
  auto& part = shard_of(text);
  const scoped_lock lock(part.mutex);
  if (part.entries.size() >= most_in_shard) {
    count_ -= std::erase_if(part.entries, [&](const auto& each) { return over(each.second, now); });
    if (part.entries.size() >= most_in_shard) return;
  }
  const bool added =
      part.entries
          .insert_or_assign(text, entry{std::move(failure), asof, floor_set(text, target.policy->tags)})
          .second;
  if (added) ++count_;
}

std::optional<known_failure> recent_failures::find(const key& key, time_point now) {
  if (count_.load(std::memory_order_acquire) == 0) return std::nullopt;
  auto& part = shard_of(key.text());
  const scoped_lock lock(part.mutex);
  const auto found = part.entries.find(key.text());
  if (found == part.entries.end()) return std::nullopt;
  if (!over(found->second, now)) return found->second.failure;
  part.entries.erase(found);
  --count_;
  return std::nullopt;
}

void recent_failures::forget(std::string_view key) noexcept {
  if (count_.load(std::memory_order_acquire) == 0) return;
  auto& part = shard_of(key);
  const scoped_lock lock(part.mutex);
  const auto found = part.entries.find(key);
  if (found == part.entries.end()) return;
  part.entries.erase(found);
  --count_;
}

void recent_failures::clear() noexcept {
  for (auto& part : shards_) {
    const scoped_lock lock(part.mutex);
    count_ -= part.entries.size();
    part.entries.clear();
  }
}

}  // namespace strata::detail
