#include "engine/engine.hpp"

#include "core/glob.hpp"

#include <random>

namespace strata::detail {

namespace {

cache_options checked(cache_options options) {
  std::vector<std::string> wrong;
  if (options.memory.count < (64u << 10)) wrong.emplace_back("cache_options.memory must be at least 64 KiB");
  if (options.lease <= duration::zero()) wrong.emplace_back("cache_options.lease must be more than 0");
  if (options.time == nullptr) wrong.emplace_back("cache_options.time must not be null");
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (options.name_space.empty() || !std::ranges::all_of(options.name_space, legal)) {
    wrong.emplace_back("cache_options.name_space must be a-z, 0-9, _ and -, and not empty");
  }
  if (!wrong.empty()) throw bad_options(std::move(wrong));
  return options;
}

std::uint64_t seed_of(const cache_options& options) {
  if (options.seed != 0) return options.seed;
  std::random_device entropy;
  return std::uint64_t{entropy()} << 32 | entropy();
}

}  // namespace

engine::engine(cache_options options)
    : options_(checked(std::move(options))),
      memory_({.budget = options_.memory,
               .on_gone =
                   [this](std::string_view, std::uint64_t hash, memory::gone why) {
                     departures_.note(
                         hash, why == memory::gone::expired ? miss_reason::expired : miss_reason::evicted);
                   }}),
      random_(seed_of(options_)) {
  if (has_second_level()) {
    options_.second_level->observe(*this);
    start(nullptr, load_floors(), [](const completion<void>&) {});
  }
}

engine::~engine() {
  if (has_second_level()) options_.second_level->unobserve(*this);
}

task<> engine::load_floors() {
  const auto known = co_await options_.second_level->floors();
  if (!answered(known)) co_return;
  for (const auto& each : *known) floors_.raise(each.bucket, each.asof);
}

std::atomic<commit_time>& engine::commit_clock() noexcept {
  // One for the process: caches that share a memory server compare their times.
  static std::atomic<commit_time> clock = 1;
  return clock;
}

record_ptr engine::peek(const key& where) const {
  return std::static_pointer_cast<const record>(memory_.peek(where.hash(), where.text(), now()));
}

any_lookup engine::hit(const any_key& where, record_ptr entry, layer from, time_point at) noexcept {
  counters_.count(where.type, from == layer::l1 ? &type_cells::l1_hits : &type_cells::l2_hits);
  if (entry->value == nullptr) counters_.count(where.type, &type_cells::negative_hits);
  any_lookup found;
  found.info.from = from;
  found.info.stored = true;
  found.info.ttl = std::max(entry->fresh_until - at, duration::zero());
  found.info.asof = entry->asof;
  const void* value = entry->value.get();
  if (value != nullptr) found.value = any_value(std::move(entry), value);
  return found;
}

any_lookup engine::find(const any_key& where) noexcept {
  any_lookup missed;
  if (!where.key.cacheable()) {
    missed.info.reason = miss_reason::bypassed;
    return missed;
  }
  const bool timed = counters_.sample();
  const auto began = timed ? options_.time->now() : time_point();
  const auto at = options_.time->coarse_now();
  auto found = std::static_pointer_cast<const record>(memory_.find(where.key.hash(), where.key.text(), at));
  if (found == nullptr) {
    // What is past its time stays in memory until it is swept; sweep it now, to know the reason.
    const bool ended = memory_.erase_if(where.key.hash(), where.key.text(), [&](const void* current) {
      return static_cast<const record*>(current)->fresh_until <= at;
    });
    if (ended) departures_.note(where.key.hash(), miss_reason::expired);
    missed.info.reason = departures_.reason(where.key.hash());
    return missed;
  }
  auto why = found->floors.check(floors_, found->asof);
  if (why == miss_reason::none && found->type != where.value) why = miss_reason::undecodable;
  if (why != miss_reason::none) {
    memory_.erase_if(where.key.hash(), where.key.text(),
                     [&](const void* current) { return current == found.get(); });
    departures_.note(where.key.hash(), why);
    missed.info.reason = why;
    return missed;
  }
  auto lookup = hit(where, std::move(found), layer::l1, at);
  if (timed) counters_.time(operation::get, options_.time->now() - began, counters::sample_every);
  return lookup;
}

any_lookup engine::give_up(const any_key& where, any_lookup missed) noexcept {
  counters_.count_miss(where.type, missed.info.reason);
  return missed;
}

void engine::forget(const key& where, commit_time floor, miss_reason why) {
  gate_.invalidate(where.text(), floor, [&] {
    memory_.erase_if(where.hash(), where.text(),
                     [&](const void* current) { return static_cast<const record*>(current)->asof < floor; });
  });
  departures_.note(where.hash(), why);
}

task<> engine::remove(std::vector<key> keys) {
  const auto began = now();
  const auto floor = tick();
  std::vector<std::string> remote;
  for (const auto& each : keys) {
    if (!each.cacheable()) continue;
    forget(each, floor, miss_reason::removed);
    counters_.count(cache_type::find(each.entity()), &type_cells::removals);
    if (has_second_level()) remote.push_back(l2_key(each));
  }
  if (!remote.empty()) {
    answered(co_await options_.second_level->invalidate(remote, floor));
    // Once more: a read may have brought the old value from L2 before it was invalidated there.
    for (const auto& each : keys) forget(each, floor, miss_reason::removed);
  }
  counters_.time(operation::remove, now() - began);
}

task<> engine::raise(std::uint32_t bucket) {
  const floor_entry floor{bucket, tick()};
  floors_.raise(floor.bucket, floor.asof);
  if (has_second_level()) answered(co_await options_.second_level->raise({&floor, 1}));
}

task<> engine::clear() {
  const floor_entry floor{floor_table::root, tick()};
  floors_.raise(floor.bucket, floor.asof);
  memory_.erase_matching([&](std::string_view text, const void* current) {
    if (static_cast<const record*>(current)->asof >= floor.asof) return false;
    departures_.note(hash_of(text), miss_reason::cleared);
    return true;
  });
  if (has_second_level()) answered(co_await options_.second_level->raise({&floor, 1}));
}

task<> engine::remove_matching(std::string glob) {
  const auto floor = tick();
  const auto forget_matching = [&] {
    gate_.invalidate_if([&](std::string_view text) { return glob_matches(glob, text); }, floor);
    memory_.erase_matching([&](std::string_view text, const void* current) {
      if (static_cast<const record*>(current)->asof >= floor || !glob_matches(glob, text)) return false;
      departures_.note(hash_of(text), miss_reason::removed);
      return true;
    });
  };
  forget_matching();
  if (has_second_level()) {
    answered(co_await options_.second_level->invalidate_matching(options_.name_space + ':' + glob, floor));
    forget_matching();  // as in remove
  }
}

task<bool> engine::touch(key where, duration ttl) {
  bool touched = false;
  const auto at = now();
  if (const auto found = peek(where);
      found != nullptr && found->floors.check(floors_, found->asof) == miss_reason::none) {
    auto longer = std::make_shared<record>(*found);
    longer->fresh_until = at + ttl;
    touched = memory_.insert_if(where.hash(), where.text(), {longer, longer->bytes, longer->fresh_until}, at,
                                [&](const void* current) { return current == found.get(); }) ==
              memory::inserted::stored;
  }
  if (has_second_level()) {
    auto there = co_await options_.second_level->touch(l2_key(where), ttl);
    if (answered(there)) touched = touched || *there;
  }
  co_return touched;
}

cache_stats engine::stats() const {
  cache_stats out;
  counters_.collect(out);
  const auto memory = memory_.stats();
  out.entries = memory.entries;
  out.bytes = memory.bytes;
  out.budget = memory.budget;
  out.evictions = memory.evictions;
  out.expirations = memory.expirations;
  out.flights = gate_.flights();
  out.clock = commit_clock().load();
  return out;
}

void engine::maintain() {
  memory_.sweep(now());
}

void engine::changed(std::string_view full) {
  const auto prefix = options_.name_space.size() + 1;
  if (full.size() <= prefix || !full.starts_with(options_.name_space) || full[prefix - 1] != ':') return;
  const auto text = full.substr(prefix);
  const auto hash = hash_of(text);
  gate_.close(text, [&] { memory_.erase(hash, text); });
  departures_.note(hash, miss_reason::removed);
}

void engine::floor_raised(floor_entry floor) {
  floors_.raise(floor.bucket, floor.asof);
}

void engine::lost() {
  gate_.close_all();
  memory_.clear();
}

}  // namespace strata::detail
