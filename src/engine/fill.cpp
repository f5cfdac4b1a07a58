/// Reading through: how a miss becomes a value, and how the value gets in.

#include "core/entry_format.hpp"
#include "engine/engine.hpp"

namespace strata::detail {

namespace {

/// How often a follower whose flight was fenced joins another one before it loads for itself.
constexpr int follow_attempts = 4;

std::vector<std::string> merged(std::vector<std::string> tags, const std::vector<std::string>& more) {
  for (const auto& tag : more) {
    if (std::ranges::find(tags, tag) == tags.end()) tags.push_back(tag);
  }
  return tags;
}

}  // namespace

any_lookup engine::failed(error what, miss_reason reason) {
  any_lookup lookup;
  lookup.info.reason = reason;
  lookup.failure = std::make_shared<const error>(std::move(what));
  return lookup;
}

any_lookup engine::source_lookup(const record_ptr& entry, read_info info, time_point at) {
  any_lookup lookup;
  lookup.value = entry->value;
  lookup.info = info;
  lookup.info.asof = entry->asof;
  lookup.info.ttl = info.stored ? std::max(entry->fresh_until - at, duration::zero()) : duration::zero();
  return lookup;
}

duration engine::jittered(duration ttl, double jitter) noexcept {
  // splitmix64 (Steele, Lea, Flood 2014) over a counter: no lock, and replayable from a seed.
  auto z = random_.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  const double share = static_cast<double>(z >> 11) * 0x1p-53 * jitter;
  return ttl - duration(static_cast<duration::rep>(static_cast<double>(ttl.count()) * share));
}

record_ptr engine::make_record(const any_key& where, any_value value, commit_time asof,
                               std::optional<duration> ttl, std::vector<std::string> tags) {
  const auto at = now();
  const auto& rules = *where.rules;
  auto all_tags = merged(rules.tags, tags);
  auto life = ttl.value_or(value == nullptr ? rules.negative_ttl : rules.ttl);
  life = std::clamp(life, duration::zero(), policy::max_ttl);
  auto made = std::make_shared<record>(record{.value = value,
                                              .type = where.value,
                                              .asof = asof,
                                              .created = at,
                                              .fresh_until = at + jittered(life, rules.jitter),
                                              .floors = floor_set(where.key.text(), all_tags),
                                              .tags = std::move(all_tags)});
  made->bytes = overhead_of(*made) + (value == nullptr ? 0 : where.value->size(value.get()));
  return made;
}

std::string engine::encode(const record& entry) const {
  std::string bytes;
  append_header(bytes, {.asof = entry.asof,
                        .life = entry.fresh_until - entry.created,
                        .negative = entry.value == nullptr,
                        .tags = entry.tags});
  if (entry.value != nullptr) entry.type->encode(entry.value.get(), bytes);
  return bytes;
}

std::expected<record_ptr, miss_reason> engine::decode(const any_key& where, const stored_value& stored) {
  const auto entry = decode_entry(stored.bytes);
  if (!entry) return std::unexpected(miss_reason::undecodable);
  auto made = std::make_shared<record>(record{.value = {},
                                              .type = where.value,
                                              .asof = entry->header.asof,
                                              .created = now(),
                                              .fresh_until = now() + stored.ttl,
                                              .floors = floor_set(where.key.text(), entry->header.tags),
                                              .tags = entry->header.tags});
  if (const auto why = made->floors.check(floors_, made->asof); why != miss_reason::none) {
    return std::unexpected(why);
  }
  if (!entry->header.negative) {
    auto value = where.value->decode(entry->payload);
    if (!value) return std::unexpected(miss_reason::undecodable);
    made->value = std::move(*value);
  }
  made->bytes = overhead_of(*made) + (made->value == nullptr ? 0 : where.value->size(made->value.get()));
  return made;
}

bool engine::too_large(const any_key& where, const record& entry, std::size_t encoded) const noexcept {
  return std::max(entry.bytes, encoded) > where.rules->max_size.count;
}

void engine::keep(const key& where, const record_ptr& entry) {
  memory_.insert_if(where.hash(), where.text(), {entry, entry->bytes, entry->fresh_until}, now(),
                    [&](const void* current) {
                      return current == nullptr || static_cast<const record*>(current)->asof <= entry->asof;
                    });
}

gate::verdict engine::admit(const gate::ticket& held, const key& where, const record_ptr& entry, bool store) {
  // A tag or prefix that is raised right after this check is seen by every later read.
  if (entry->floors.check(floors_, entry->asof) != miss_reason::none) return gate::verdict::fenced;
  return gate_.admit(held, entry->asof, [&] {
    if (store) keep(where, entry);
  });
}

engine::made engine::finish_factory(const any_key& where, any_value value, fill_context context) {
  const bool absent = value == nullptr;
  made out;
  out.entry = make_record(where, std::move(value), context.asof, context.ttl, std::move(context.tags));
  // Absence is not remembered where the policy says so, nor is what has no time to live.
  out.keep = !context.skip && !(absent && where.rules->negative_ttl == duration::zero()) &&
             out.entry->fresh_until > out.entry->created && out.entry->tags.size() <= max_entry_tags;
  return out;
}

engine::asked engine::judge(const any_key& where, result<acquired> answer) {
  asked out;
  if (!answered(answer)) {
    out.reason = miss_reason::l2_down;
    return out;
  }
  out.usable = true;
  out.lease = answer->lease;
  if (!answer->value) return out;
  auto entry = decode(where, *answer->value);
  if (entry) {
    out.entry = std::move(*entry);
  } else {
    out.reason = entry.error();
  }
  return out;
}

task<engine::asked> engine::ask_second_level(const any_key& where) {
  const auto name = l2_key(where.key);
  auto out = judge(where, co_await options_.second_level->acquire(name, options_.lease));
  if (out.usable && out.entry == nullptr && out.reason != miss_reason::none) {
    // What is there cannot be served: take the right to replace it.
    const auto lease = co_await options_.second_level->force_lease(name, options_.lease);
    if (answered(lease)) out.lease = *lease;
  }
  co_return out;
}

task<engine::placed> engine::place(const any_key& where, const gate::ticket& held, made what,
                                   const asked& second) {
  placed out;
  std::string bytes;
  if (!what.keep) out.reason = miss_reason::bypassed;
  if (what.keep && second.lease != 0) bytes = encode(*what.entry);
  if (what.keep && too_large(where, *what.entry, bytes.size())) {
    counters_.count(where.type, &type_cells::fills_too_large);
    departures_.note(where.key.hash(), miss_reason::too_large);
    out.reason = miss_reason::too_large;
    what.keep = false;
  }
  // Without the lease, or the store, nobody would tell us when the value becomes old.
  if (has_second_level() && second.lease == 0) what.keep = false;
  const auto name = l2_key(where.key);
  if (!what.keep && second.lease != 0) {
    answered(co_await options_.second_level->release(name, second.lease));
  }
  bool refused = false;
  if (what.keep && has_second_level()) {
    const fill_request request{.key = name,
                               .lease = second.lease,
                               .asof = what.entry->asof,
                               .bytes = bytes,
                               .ttl = what.entry->fresh_until - what.entry->created};
    const auto filled = co_await options_.second_level->fill(request);
    refused = answered(filled) && *filled != fill_result::stored;
    what.keep = filled.has_value() && !refused;
    if (refused && *filled == fill_result::older) counters_.count(where.type, &type_cells::fills_older);
  }
  const auto verdict = admit(held, where.key, what.entry, what.keep);
  out.usable = verdict == gate::verdict::entered && !refused;
  out.stored = what.keep && verdict != gate::verdict::fenced;
  if (out.stored) {
    counters_.count(where.type, &type_cells::fills);
  } else if (!out.usable) {
    counters_.count(where.type, &type_cells::fills_fenced);
    out.reason = miss_reason::fenced;
  }
  co_return out;
}

void engine::land(const gate::joined& flight, const record_ptr& entry, read_info info, bool usable) {
  flight.way->outcome = entry;
  flight.way->info = info;
  flight.way->usable = usable;
  gate_.land(flight.lead);
}

task<any_lookup> engine::lead(any_key where, gate::joined flight, any_factory& factory, miss_reason reason) {
  // Somebody may have filled between our look and our lead.
  if (auto found = find(where); found.info.from != layer::none) {
    land(flight, nullptr, {}, false);
    co_return found;
  }
  asked second;
  if (has_second_level()) {
    second = co_await ask_second_level(where);
    if (second.entry != nullptr) {
      const bool entered = admit(flight.lead, where.key, second.entry, true) == gate::verdict::entered;
      auto found = hit(where, second.entry, layer::l2, now());
      land(flight, second.entry, found.info, entered);
      co_return found;
    }
    if (second.reason != miss_reason::none) reason = second.reason;
  }
  fill_context context(commit_clock().load());
  counters_.count(where.type, &type_cells::factory_calls);
  result<any_value> value;
  try {
    value = co_await factory(context);
  } catch (...) {
    flight.way->thrown = std::current_exception();
  }
  if (flight.way->thrown != nullptr || !value) {
    counters_.count(where.type, &type_cells::factory_failures);
    if (second.lease != 0) {
      answered(co_await options_.second_level->release(l2_key(where.key), second.lease));
    }
    if (flight.way->thrown != nullptr) {
      land(flight, nullptr, {}, true);
      std::rethrow_exception(flight.way->thrown);
    }
    auto lookup = failed(value.error(), reason);
    flight.way->failure = lookup.failure;
    land(flight, nullptr, lookup.info, true);
    co_return lookup;
  }
  auto what = finish_factory(where, std::move(*value), std::move(context));
  const auto entry = what.entry;
  const auto outcome = co_await place(where, flight.lead, std::move(what), second);
  read_info info{.from = layer::source, .reason = reason, .stored = outcome.stored};
  if (outcome.reason != miss_reason::none) info.reason = outcome.reason;
  land(flight, entry, info, outcome.usable);
  co_return source_lookup(entry, info, now());
}

any_lookup engine::follow(const any_key& where, const flight& led) {
  if (led.thrown != nullptr) std::rethrow_exception(led.thrown);
  counters_.count(where.type, &type_cells::shared);
  auto info = led.info;
  info.shared = true;
  if (led.failure != nullptr) {
    any_lookup lookup;
    lookup.info = info;
    lookup.failure = led.failure;
    return lookup;
  }
  return source_lookup(led.outcome, info, now());
}

task<any_lookup> engine::load_unshared(any_key where, any_factory& factory) {
  fill_context context(commit_clock().load());
  counters_.count(where.type, &type_cells::factory_calls);
  auto value = co_await factory(context);
  if (!value) {
    counters_.count(where.type, &type_cells::factory_failures);
    co_return failed(value.error(), miss_reason::bypassed);
  }
  const auto what = finish_factory(where, std::move(*value), std::move(context));
  co_return source_lookup(what.entry, {.from = layer::source, .reason = miss_reason::bypassed}, now());
}

task<any_lookup> engine::fill(any_key where, any_factory factory, miss_reason reason) {
  const auto began = now();
  any_lookup out;
  bool done = false;
  if (where.key.cacheable()) {
    for (int attempt = 0; attempt < follow_attempts && !done; ++attempt) {
      auto flight = gate_.join(where.key);
      if (flight.leads) {
        out = co_await lead(where, std::move(flight), factory, reason);
        done = true;
        break;
      }
      co_await flight.way->done.wait();
      if (flight.way->usable) {
        out = follow(where, *flight.way);
        done = true;
      } else if (auto found = find(where); found.info.from != layer::none) {
        out = std::move(found);
        done = true;
      }
    }
  }
  if (!done) out = co_await load_unshared(where, factory);
  if (!out.info.hit()) {
    counters_.count_miss(where.type, out.info.reason);
    counters_.time(operation::get_or_set, now() - began);
  }
  co_return out;
}

task<any_lookup> engine::get(any_key where) {
  any_lookup missed;
  missed.info.reason = miss_reason::bypassed;
  if (!where.key.cacheable()) co_return give_up(where, std::move(missed));
  const auto began = now();
  const auto held = gate_.enter(where.key);
  const auto stored = co_await options_.second_level->get(l2_key(where.key));
  missed.info.reason = miss_reason::l2_down;
  if (!answered(stored)) co_return give_up(where, std::move(missed));
  missed.info.reason = departures_.reason(where.key.hash());
  if (!*stored) co_return give_up(where, std::move(missed));
  auto entry = decode(where, **stored);
  if (!entry) {
    missed.info.reason = entry.error();
    co_return give_up(where, std::move(missed));
  }
  admit(held, where.key, *entry, true);
  counters_.time(operation::get, now() - began);
  co_return hit(where, *entry, layer::l2, now());
}

}  // namespace strata::detail
