/// Removing and expiring: what is in memory first, then what is in the second level, then what a read
/// brought from there in between.
///
/// When the second level cannot be told, it is kept for later (second_level), and nothing is served from
/// it before. A read of it that is on its way may bring a value whose asof we cannot judge, since our
/// clock has not heard of it: so the tickets of such reads are voided, whatever the floor.

#include "core/glob.hpp"
#include "engine/engine.hpp"

namespace strata::detail {

void engine::forget(const key& where, commit_time floor, miss_reason why) {
  gate_.invalidate(where.text(), floor, [&] {
    memory_.erase_if(where.hash(), where.text(),
                     [&](const void* current) { return static_cast<const record*>(current)->asof < floor; });
  });
  departures_.note(where.hash(), why);
}

void engine::forget_untold(const key& where) {
  gate_.note_change(where.text(), [&] { memory_.erase(where.hash(), where.text()); });
}

task<> engine::remove(std::vector<key> keys) {
  const auto began = now();
  const auto floor = clock_.tick();
  std::vector<std::string> remote;
  for (const auto& each : keys) {
    if (!each.cacheable()) continue;
    forget(each, floor, miss_reason::removed);
    counters_.count(cache_type::find(each.entity()), &type_cells::removals);
    if (has_second_level()) remote.push_back(l2_key(each));
  }
  if (!remote.empty()) {
    const auto done = co_await second_.invalidate(std::move(remote), floor);
    // Once more: a read may have brought the old value from L2 before it was invalidated there.
    for (const auto& each : keys) {
      forget(each, done.value_or(floor), miss_reason::removed);
      if (!done) forget_untold(each);
    }
  }
  counters_.time(operation::remove, now() - began);
}

void engine::make_stale(const key& where, commit_time floor, commit_time older_than) {
  gate_.invalidate(where.text(), floor, [&] {
    const auto at = now();
    const auto found = peek(where);
    if (found == nullptr || found->asof >= older_than || found->fresh_until <= at) return;
    auto expired = std::make_shared<record>(*found);
    expired->fresh_until = options_.time->coarse_now();  // what `find` compares it with
    memory_.insert_if(where.hash(), where.text(), {expired, expired->bytes, expired->stale_until}, at,
                      [&](const void* current) { return current == found.get(); });
  });
  departures_.note(where.hash(), miss_reason::expired);
}

task<> engine::expire(key where) {
  if (!where.cacheable()) co_return;
  const auto floor = clock_.tick();
  make_stale(where, floor, floor);
  if (!has_second_level()) co_return;
  std::vector<std::string> names{l2_key(where)};
  const auto done = co_await second_.expire(std::move(names), floor);
  if (!done) gate_.note_change(where.text(), [] {});
  make_stale(where, done.value_or(floor), done.value_or(whatever_is_there));  // as in remove
}

task<> engine::raise(std::vector<floor_entry> floors) {
  if (floors.empty()) co_return;
  const auto at = clock_.tick();
  for (auto& each : floors) each.asof = at;
  co_await raise_to(std::move(floors));
}

task<> engine::raise_to(std::vector<floor_entry> floors) {
  for (const auto& each : floors) floors_.raise(each);
  if (!has_second_level()) co_return;
  const auto done = co_await second_.raise(floors);
  if (!done) gate_.note_change_of_all();
  const auto at = done ? *done : clock_.tick();  // above all that was heard of meanwhile
  for (auto& each : floors) {
    each.asof = at;
    floors_.raise(each);
  }
}

task<> engine::clear() {
  const floor_entry floor{.bucket = floor_table::root, .asof = clock_.tick(), .soft = false};
  floors_.raise(floor);
  memory_.erase_matching([&](std::string_view text, const void* current) {
    if (static_cast<const record*>(current)->asof >= floor.asof) return false;
    departures_.note(hash_of(text), miss_reason::cleared);
    return true;
  });
  std::vector<floor_entry> floors{floor};
  co_await raise_to(std::move(floors));
}

void engine::forget_matching(const std::string& glob, commit_time floor) {
  const auto fence = [&] {
    gate_.invalidate_if([&](std::string_view text) { return glob_matches(glob, text); }, floor);
  };
  fence();
  memory_.erase_matching([&](std::string_view text, const void* current) {
    if (static_cast<const record*>(current)->asof >= floor || !glob_matches(glob, text)) return false;
    departures_.note(hash_of(text), miss_reason::removed);
    return true;
  });
  fence();  // who found the old value there before it was erased must not hand it on now
}

task<> engine::remove_matching(std::string glob) {
  const auto floor = clock_.tick();
  forget_matching(glob, floor);
  if (!has_second_level()) co_return;
  const auto done = co_await second_.invalidate_matching(options_.name_space + ':' + glob, floor);
  if (!done) gate_.note_change_of_all();
  forget_matching(glob, done ? *done : clock_.tick());  // as in remove, and in raise_to
}

}  // namespace strata::detail
