#include "engine/invalidator.hpp"

#include "core/glob.hpp"

namespace strata::detail {

namespace {

commit_time asof_at(const void* current) noexcept {
  return static_cast<const record*>(current)->asof;
}

std::vector<floor_entry> floors_of(const invalidation& what, commit_time floor) {
  if (what.everything) return {{.bucket = floor_table::root, .asof = floor, .soft = what.soft}};
  std::vector<floor_entry> out;
  out.reserve(what.prefixes.size() + what.tags.size());
  for (const auto& each : what.prefixes) {
    const auto prefix = prefix_without_boundary(each);
    const auto bucket = prefix.empty() ? floor_table::root : floor_table::prefix_bucket(prefix);
    out.push_back({.bucket = bucket, .asof = floor, .soft = what.soft});
  }
  for (const auto& each : what.tags) {
    out.push_back({.bucket = floor_table::tag_bucket(each), .asof = floor, .soft = what.soft});
  }
  return out;
}

}  // namespace

void invalidator::forget(const key& key, commit_time floor, miss_reason why) {
  state_.failures.forget(key.text());
  state_.admission.invalidate(key.text(), floor, [&] {
    state_.memory.erase_if(key.hash(), key.text(),
                           [&](const void* current) { return asof_at(current) < floor; });
  });
  state_.miss_reasons.note(key.hash(), why);
}

void invalidator::forget_undelivered(const key& key) {
  state_.admission.note_change(key.text(), [&] { state_.memory.erase(key.hash(), key.text()); });
}

void invalidator::make_stale(const key& key, commit_time floor, commit_time older_than) {
  state_.failures.forget(key.text());
  state_.admission.invalidate(key.text(), floor, [&] {
    const auto found = memory_.peek(key);
    if (found != nullptr && found->asof < older_than) memory_.expire(key, found);
  });
  state_.miss_reasons.note(key.hash(), miss_reason::expired);
}

void invalidator::erase_everything(commit_time floor) {
  state_.memory.erase_matching([&](std::string_view text, const void* current) {
    if (asof_at(current) >= floor) return false;
    state_.miss_reasons.note(hash_of(text), miss_reason::cleared);
    return true;
  });
}

task<invalidation_result> invalidator::invalidate(invalidation what) {
  const auto began = state_.now();
  const auto floor = state_.clock.tick();
  if (what.everything) what.keys.clear();
  std::erase_if(what.keys, [](const key& each) { return !each.cacheable(); });
  second_level::change change{
      .names = {}, .floors = floors_of(what, floor), .soft = what.soft, .floor = floor};
  for (const auto& each : what.keys) {
    if (what.soft) {
      make_stale(each, floor, floor);
    } else {
      forget(each, floor, miss_reason::removed);
      state_.counters.count(cache_type::find(each.entity()), &type_cells::removals);
    }
    if (state_.has_second_level()) change.names.push_back(state_.l2_key(each));
  }
  for (const auto& each : change.floors) state_.floors.raise(each);
  if (what.everything && !what.soft) erase_everything(floor);
  if (state_.options.observer != nullptr) report(what);
  invalidation_result out{.floor = floor, .delivered = true};
  const bool times = !what.soft && !what.keys.empty();
  if (state_.has_second_level() && !(change.names.empty() && change.floors.empty())) {
    const auto rest = std::make_shared<last_step>(std::move(what), change.floors, std::string());
    const auto delivered = co_await state_.l2.invalidate(
        std::move(change), [this, rest](const auto& floor_there) { finish(*rest, floor_there); });
    out.delivered = delivered.has_value();
    out.floor = finish(*rest, delivered);
  }
  if (times) state_.counters.time(operation::remove, state_.now() - began);
  co_return out;
}

void invalidator::report(const invalidation& what) noexcept {
  const auto hook = what.soft ? &cache_observer::on_expire : &cache_observer::on_remove;
  using enum invalidation_scope;
  if (what.everything) return state_.hook(hook, everything, std::string_view());
  for (const auto& each : what.keys) state_.hook(hook, invalidation_scope::key, each.text());
  for (const auto& each : what.prefixes) state_.hook(hook, prefix, each);
  for (const auto& each : what.tags) state_.hook(hook, tag, each);
}

commit_time invalidator::finish(last_step& rest, std::optional<commit_time> delivered) {
  const auto floor = delivered ? *delivered : state_.clock.tick();  // above every time received meanwhile
  if (rest.done.exchange(true)) return floor;
  // Once more: a read may have brought the old value from L2 before it was invalidated there.
  const auto& what = rest.what;
  for (const auto& each : what.keys) {
    if (what.soft) {
      if (!delivered) state_.admission.note_change(each.text(), [] {});
      make_stale(each, floor, delivered.value_or(any_asof));
    } else {
      forget(each, floor, miss_reason::removed);
      if (!delivered) forget_undelivered(each);
    }
  }
  if (!delivered && !(rest.floors.empty() && rest.glob.empty())) state_.admission.note_change_of_all();
  for (auto each : rest.floors) {
    each.asof = floor;
    state_.floors.raise(each);
  }
  if (!rest.glob.empty()) forget_matching(rest.glob, floor);
  return floor;
}

void invalidator::invalidate_behind(invalidation what) {
  auto work = [](std::shared_ptr<engine_state>, invalidator& self, invalidation what) -> task<> {
    co_await self.invalidate(std::move(what));
  };
  start(nullptr, work(state_.shared(), *this, std::move(what)), [](const completion<void>&) {});
}

task<> invalidator::drop_in_l2(key key, bool soft) {
  second_level::change change{
      .names = {state_.l2_key(key)}, .floors = {}, .soft = soft, .floor = state_.clock.tick()};
  const auto rest = std::make_shared<last_step>(invalidation{.keys = {std::move(key)}, .soft = soft},
                                                std::vector<floor_entry>(), std::string());
  finish(*rest, co_await state_.l2.invalidate(std::move(change), [this, rest](const auto& floor_there) {
    finish(*rest, floor_there);
  }));
}

void invalidator::forget_matching(const std::string& glob, commit_time floor) {
  state_.failures.clear();
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

task<invalidation_result> invalidator::remove_matching(std::string glob) {
  const auto floor = state_.clock.tick();
  forget_matching(glob, floor);
  state_.hook(&cache_observer::on_remove, invalidation_scope::pattern, glob);
  if (!state_.has_second_level()) co_return invalidation_result{.floor = floor, .delivered = true};
  auto there = state_.options.name_space + ':' + glob;
  const auto rest = std::make_shared<last_step>(invalidation(), std::vector<floor_entry>(), std::move(glob));
  const auto delivered = co_await state_.l2.invalidate_matching(
      std::move(there), floor, [this, rest](const auto& floor_there) { finish(*rest, floor_there); });
  co_return invalidation_result{.floor = finish(*rest, delivered), .delivered = delivered.has_value()};
}

std::optional<std::string_view> invalidator::own_key(std::string_view l2_key) const {
  const auto& name_space = state_.options.name_space;
  const auto prefix = name_space.size() + 1;
  if (l2_key.size() <= prefix || !l2_key.starts_with(name_space) || l2_key[prefix - 1] != ':') {
    return std::nullopt;
  }
  return l2_key.substr(prefix);
}

void invalidator::changed(std::string_view l2_key) {
  const auto text = own_key(l2_key);
  if (!text) return;
  const auto hash = hash_of(*text);
  state_.failures.forget(*text);
  state_.admission.note_change(*text, [&] { state_.memory.erase(hash, *text); });
  state_.miss_reasons.note(hash, miss_reason::removed);
}

void invalidator::replaced(std::string_view l2_key) {
  const auto text = own_key(l2_key);
  if (!text) return;
  const auto hash = hash_of(*text);
  state_.failures.forget(*text);
  state_.admission.note_change(*text, [&] { memory_.demote(hash, *text); });
  state_.miss_reasons.note(hash, miss_reason::removed);
}

void invalidator::floor_raised(floor_entry floor) {
  state_.clock.merge(floor.asof);
  state_.floors.raise(floor);
}

void invalidator::lost(bool may_have_forgotten) {
  state_.failures.clear();
  state_.l2.lost(may_have_forgotten);
  state_.admission.note_change_of_all();
  state_.memory.clear();
  state_.admission.note_change_of_all();  // as in forget_matching
}

void invalidator::trust_until(time_point until, time_point source_watermark) noexcept {
  state_.l2.trust_until(until, source_watermark);
}

}  // namespace strata::detail
