#include "engine/invalidator.hpp"

#include "core/glob.hpp"

namespace strata::detail {

namespace {

commit_time asof_at(const void* current) noexcept {
  return static_cast<const record*>(current)->asof;
}

}  // namespace

void invalidator::forget(const key& key, commit_time floor, miss_reason why) {
  state_.admission.invalidate(key.text(), floor, [&] {
    state_.memory.erase_if(key.hash(), key.text(),
                           [&](const void* current) { return asof_at(current) < floor; });
  });
  state_.miss_reasons.note(key.hash(), why);
}

void invalidator::forget_undelivered(const key& key) {
  state_.admission.note_change(key.text(), [&] { state_.memory.erase(key.hash(), key.text()); });
}

task<> invalidator::remove(std::vector<key> keys) {
  const auto began = state_.now();
  const auto floor = state_.clock.tick();
  std::vector<std::string> names;
  for (const auto& each : keys) {
    if (!each.cacheable()) continue;
    forget(each, floor, miss_reason::removed);
    state_.counters.count(cache_type::find(each.entity()), &type_cells::removals);
    if (state_.has_second_level()) names.push_back(state_.l2_key(each));
  }
  if (!names.empty()) {
    const auto delivered = co_await state_.l2.invalidate(std::move(names), floor);
    // Once more: a read may have brought the old value from L2 before it was invalidated there.
    for (const auto& each : keys) {
      forget(each, delivered.value_or(floor), miss_reason::removed);
      if (!delivered) forget_undelivered(each);
    }
  }
  state_.counters.time(operation::remove, state_.now() - began);
}

void invalidator::make_stale(const key& key, commit_time floor, commit_time older_than) {
  state_.admission.invalidate(key.text(), floor, [&] {
    const auto at = state_.now();
    const auto found = memory_.peek(key);
    if (found == nullptr || found->asof >= older_than || found->fresh_until <= at) return;
    auto expired = std::make_shared<record>(*found);
    expired->fresh_until = state_.options.time->coarse_now();  // `find` compares it with this clock
    state_.memory.insert_if(key.hash(), key.text(), {expired, expired->bytes, expired->stale_until}, at,
                            [&](const void* current) { return current == found.get(); });
  });
  state_.miss_reasons.note(key.hash(), miss_reason::expired);
}

task<> invalidator::expire(key key) {
  if (!key.cacheable()) co_return;
  const auto floor = state_.clock.tick();
  make_stale(key, floor, floor);
  if (!state_.has_second_level()) co_return;
  std::vector<std::string> names{state_.l2_key(key)};
  const auto delivered = co_await state_.l2.expire(std::move(names), floor);
  if (!delivered) state_.admission.note_change(key.text(), [] {});
  make_stale(key, delivered.value_or(floor), delivered.value_or(any_asof));  // as in remove
}

task<> invalidator::raise(std::vector<floor_entry> floors) {
  if (floors.empty()) co_return;
  const auto at = state_.clock.tick();
  for (auto& each : floors) each.asof = at;
  co_await raise_to(std::move(floors));
}

task<> invalidator::raise_to(std::vector<floor_entry> floors) {
  for (const auto& each : floors) state_.floors.raise(each);
  if (!state_.has_second_level()) co_return;
  const auto delivered = co_await state_.l2.raise(floors);
  if (!delivered) state_.admission.note_change_of_all();
  const auto at = delivered ? *delivered : state_.clock.tick();  // above every time received meanwhile
  for (auto& each : floors) {
    each.asof = at;
    state_.floors.raise(each);
  }
}

task<> invalidator::clear() {
  const floor_entry floor{.bucket = floor_table::root, .asof = state_.clock.tick(), .soft = false};
  state_.floors.raise(floor);
  state_.memory.erase_matching([&](std::string_view text, const void* current) {
    if (asof_at(current) >= floor.asof) return false;
    state_.miss_reasons.note(hash_of(text), miss_reason::cleared);
    return true;
  });
  std::vector<floor_entry> floors{floor};
  co_await raise_to(std::move(floors));
}

void invalidator::forget_matching(const std::string& glob, commit_time floor) {
  const auto fence = [&] {
    state_.admission.invalidate_if([&](std::string_view text) { return glob_matches(glob, text); }, floor);
  };
  fence();
  state_.memory.erase_matching([&](std::string_view text, const void* current) {
    if (asof_at(current) >= floor || !glob_matches(glob, text)) return false;
    state_.miss_reasons.note(hash_of(text), miss_reason::removed);
    return true;
  });
  fence();  // a flight that found the old value before it was erased must not hand it on now
}

task<> invalidator::remove_matching(std::string glob) {
  const auto floor = state_.clock.tick();
  forget_matching(glob, floor);
  if (!state_.has_second_level()) co_return;
  const auto delivered =
      co_await state_.l2.invalidate_matching(state_.options.name_space + ':' + glob, floor);
  if (!delivered) state_.admission.note_change_of_all();
  forget_matching(glob, delivered ? *delivered : state_.clock.tick());  // as in remove, and in raise_to
}

void invalidator::changed(std::string_view l2_key) {
  const auto& name_space = state_.options.name_space;
  const auto prefix = name_space.size() + 1;
  if (l2_key.size() <= prefix || !l2_key.starts_with(name_space) || l2_key[prefix - 1] != ':') return;
  const auto text = l2_key.substr(prefix);
  const auto hash = hash_of(text);
  state_.admission.note_change(text, [&] { state_.memory.erase(hash, text); });
  state_.miss_reasons.note(hash, miss_reason::removed);
}

void invalidator::floor_raised(floor_entry floor) {
  state_.clock.merge(floor.asof);
  state_.floors.raise(floor);
}

void invalidator::lost(bool may_have_forgotten) {
  state_.l2.lost(may_have_forgotten);
  state_.admission.note_change_of_all();
  state_.memory.clear();
  state_.admission.note_change_of_all();  // as in forget_matching
}

void invalidator::trust_until(time_point until, time_point source_watermark) noexcept {
  state_.l2.trust_until(until, source_watermark);
}

}  // namespace strata::detail
