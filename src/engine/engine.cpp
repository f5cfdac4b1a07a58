#include "engine/engine.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace strata::detail {

namespace {

constexpr byte_size least_memory{64u << 10};

cache_options checked(cache_options options) {
  std::vector<std::string> wrong;
  if (options.memory < least_memory) wrong.emplace_back("cache_options.memory must be at least 64 KiB");
  if (options.l2_timeout < duration::zero())
    wrong.emplace_back("cache_options.l2_timeout must not be negative");
  if (options.breaker_open_for < duration::zero())
    wrong.emplace_back("cache_options.breaker_open_for must not be negative");
  if (options.fill_lease <= duration::zero())
    wrong.emplace_back("cache_options.fill_lease must be more than 0");
  if (options.time == nullptr) wrong.emplace_back("cache_options.time must not be null");
  if (options.timer == nullptr) wrong.emplace_back("cache_options.timer must not be null");
  if (options.relayed && options.second_level != nullptr) {
    wrong.emplace_back("cache_options.relayed is of a cache without second_level; store_options has it too");
  }
  if (options.background == nullptr) wrong.emplace_back("cache_options.background must not be null");
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
      second_({.options = options_, .clock = clock_, .counted = counters_, .floors = floors_}),
      memory_({.budget = options_.memory,
               .on_gone = [this](std::string_view text, std::uint64_t hash,
                                 memory::gone why) { note_gone(text, hash, why); },
               .policy = memory::maker_of(options_.eviction),
               .wanted = options_.objective}),
      bulkhead_(options_.factory_limit, options_.factory_queue),
      random_(seed_of(options_)) {
}

void engine::open() {
  second_.open(shared_from_this(), *this);
}

void engine::note_gone(std::string_view text, std::uint64_t hash, memory::gone why) {
  const auto reason = why == memory::gone::expired ? miss_reason::expired : miss_reason::evicted;
  departures_.note(hash, reason);
  if (options_.observer != nullptr) options_.observer->on_evict(text, reason);
}

void engine::close() noexcept {
  second_.close(*this);
}

record_ptr engine::peek(const key& where) const {
  return std::static_pointer_cast<const record>(memory_.peek(where.hash(), where.text(), now()));
}

engine::judgement engine::judge(const any_key& where, const record& entry, time_point at,
                                time_point told) const noexcept {
  if (const auto why = entry.floors.check(floors_, entry.asof); why != miss_reason::none) {
    return {state::gone, why};
  }
  if (entry.type != where.value) return {state::gone, miss_reason::undecodable};
  if (entry.asof < where.least) return {state::gone, miss_reason::behind};
  const auto soft = entry.floors.check_soft(floors_, entry.asof);
  auto why = soft != miss_reason::none ? soft
             : at < entry.fresh_until  ? miss_reason::none
                                       : miss_reason::expired;
  const bool behind = may_be_behind(where.key, entry, told);
  const auto good = behind ? std::min(told, second_.trusted_until()) : second_.trusted_until();
  if (surely_before(good, at) || (entry.throttled && at < entry.fresh_until)) {
    if (why == miss_reason::none) return {state::fresh, why};
    return {at < entry.stale_until ? state::stale : state::gone, why, entry.fresh_until};
  }
  // Nobody would have told us of a change since then: it is as good as it was.
  if (why == miss_reason::none) why = miss_reason::not_coherent;
  const auto until = std::min(entry.stale_until, good + where.rules->stale_window());
  return {at < until ? state::stale : state::gone, why, std::min(good, entry.fresh_until)};
}

bool engine::surely_before(time_point end, time_point at) const noexcept {
  // More than a coarse clock is late by while its processor runs, and less than is left of a lease that is
  // renewed in time.
  constexpr duration doubt = std::chrono::milliseconds(100);
  return at < end && (end - at > doubt || now() < end);
}

bool engine::refresh_due(const any_key& where, const record& entry, time_point at, bool stale) noexcept {
  const auto& rules = *where.rules;
  bool due = stale;
  if (!due && rules.eager_refresh > 0) {
    const auto life = entry.fresh_until - entry.created;
    due = at >= entry.created + std::chrono::duration_cast<duration>(life * rules.eager_refresh);
  }
  if (!due && rules.xfetch_beta > 0) {
    const auto early = static_cast<double>(entry.took.count()) * rules.xfetch_beta * -std::log(1 - random());
    due = at + duration(static_cast<duration::rep>(early)) >= entry.fresh_until;
  }
  if (!due) return false;
  // One hit takes the refresh; if that fails or is lost, another may after the throttle.
  auto after = entry.refresh_after.load(std::memory_order_relaxed);
  const auto ticks = at.time_since_epoch().count();
  return ticks >= after && entry.refresh_after.compare_exchange_strong(after, ticks + rules.throttle.count(),
                                                                       std::memory_order_relaxed);
}

any_lookup engine::hit(const any_key& where, record_ptr entry, layer from, time_point at) noexcept {
  counters_.count(where.type, from == layer::l1 ? &type_cells::l1_hits : &type_cells::l2_hits);
  if (entry->value == nullptr) counters_.count(where.type, &type_cells::negative_hits);
  any_lookup found;
  found.info.from = from;
  found.info.stored = true;
  found.info.ttl = std::max(entry->fresh_until - at, duration::zero());
  found.info.asof = entry->asof;
  found.info.stale = entry->throttled || at >= entry->fresh_until;
  const void* value = entry->value.get();
  if (value != nullptr) found.value = any_value(std::move(entry), value);
  if (options_.observer != nullptr) options_.observer->on_hit(where.key.text(), found.info);
  return found;
}

any_lookup engine::find(const any_key& where) noexcept {
  any_lookup missed;
  if (!where.cacheable()) {
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
      return static_cast<const record*>(current)->stale_until <= at;
    });
    if (ended) departures_.note(where.key.hash(), miss_reason::expired);
    missed.info.reason = departures_.reason(where.key.hash());
    return missed;
  }
  const auto stands = judge(where, *found, at);
  const bool still_good = stands.why == miss_reason::not_coherent || stands.why == miss_reason::behind;
  if (stands.is == state::gone && !still_good) {
    memory_.erase_if(where.key.hash(), where.key.text(),
                     [&](const void* current) { return current == found.get(); });
    departures_.note(where.key.hash(), stands.why);
  }
  const auto& rules = *where.rules;
  // A soft floor says that a value is stale, and not since when: its time may still be to come.
  const auto window = rules.stale_while_revalidate;
  const bool serve_stale =
      stands.is == state::stale && window > duration::zero() && at < stands.since + window;
  if (stands.is != state::fresh && !serve_stale) {
    missed.info.reason = stands.why;
    return missed;
  }
  bool due = false;
  if (serve_stale || rules.eager_refresh > 0 || rules.xfetch_beta > 0) {
    due = refresh_due(where, *found, at, serve_stale);
  }
  auto lookup = hit(where, std::move(found), layer::l1, at);
  lookup.refresh_due = due;
  if (serve_stale) {
    lookup.info.stale = true;
    lookup.info.ttl = duration::zero();
  }
  if (lookup.info.stale) count_stale(where);
  if (timed) counters_.time(operation::get, options_.time->now() - began, counters::sample_every);
  return lookup;
}

consistency_token engine::latest_write() const noexcept {
  // Nobody knows the time of what the store has not been told: no value in it will do then.
  const bool untold = has_second_level() && !second_.told_all();
  return {.process = marks_.process(),
          .shared = has_second_level(),
          .at = untold ? last_commit_time : clock_.now()};
}

commit_time engine::required_asof(const consistency_token& mark) {
  if (mark.process == marks_.process()) return 0;
  if (!has_second_level()) return marks_.translate(mark, clock_);
  return mark.shared ? marks::heard(mark.at, clock_) : last_commit_time;
}

void engine::count_miss(const any_key& where, miss_reason why) noexcept {
  counters_.count_miss(where.type, why);
  if (options_.observer != nullptr) options_.observer->on_miss(where.key.text(), why);
}

void engine::count_stale(const any_key& where) noexcept {
  counters_.count(where.type, &type_cells::stale_hits);
  if (options_.observer != nullptr) options_.observer->on_stale(where.key.text());
}

any_lookup engine::give_up(const any_key& where, any_lookup missed) noexcept {
  count_miss(where, missed.info.reason);
  return missed;
}

record_ptr engine::standby(const any_key& where) const {
  if (!where.rules->fail_safe) return nullptr;
  auto found = peek(where.key);
  if (found == nullptr || judge(where, *found, now()).is == state::gone) return nullptr;
  return found;
}

double engine::random() noexcept {
  // splitmix64 (Steele, Lea, Flood 2014) over a counter: no lock, and replayable from a seed.
  auto z = random_.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-53;
}

task<bool> engine::touch(key where, duration ttl) {
  bool touched = false;
  const auto at = now();
  if (const auto found = peek(where); found != nullptr && at < found->fresh_until &&
                                      found->floors.check(floors_, found->asof) == miss_reason::none &&
                                      found->floors.check_soft(floors_, found->asof) == miss_reason::none) {
    auto longer = std::make_shared<record>(*found);
    const auto window = found->stale_until - found->fresh_until;
    longer->fresh_until = at + ttl;
    longer->stale_until = longer->fresh_until + window;
    touched = memory_.insert_if(where.hash(), where.text(), {longer, longer->bytes, longer->stale_until}, at,
                                [&](const void* current) { return current == found.get(); }) ==
              memory::inserted::stored;
  }
  if (has_second_level()) {
    const auto there = co_await second_.touch(l2_key(where), ttl);
    if (there) touched = touched || *there;
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
  out.clock = clock_.now();
  out.second_level = second_.stats();
  return out;
}

void engine::maintain() {
  memory_.sweep(now());
}

void engine::resize(byte_size memory) {
  if (memory < least_memory) throw bad_options({"cache::resize: memory must be at least 64 KiB"});
  memory_.resize(memory, now());
}

void engine::changed(std::string_view full) {
  const auto prefix = options_.name_space.size() + 1;
  if (full.size() <= prefix || !full.starts_with(options_.name_space) || full[prefix - 1] != ':') return;
  const auto text = full.substr(prefix);
  const auto hash = hash_of(text);
  gate_.note_change(text, [&] { memory_.erase(hash, text); });
  departures_.note(hash, miss_reason::removed);
}

void engine::floor_raised(floor_entry floor) {
  clock_.merge(floor.asof);
  floors_.raise(floor);
}

void engine::trust_until(time_point until, time_point source_watermark) noexcept {
  second_.trust_until(until, source_watermark);
}

void engine::lost(bool may_have_forgotten) {
  second_.lost(may_have_forgotten);
  gate_.note_change_of_all();
  memory_.clear();
  gate_.note_change_of_all();  // as in remove_matching
}

}  // namespace strata::detail
