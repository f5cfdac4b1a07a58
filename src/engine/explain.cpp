/// Where one key stands, in words.

#include "codec/envelope.hpp"
#include "engine/engine.hpp"

namespace strata::detail {

namespace {

double seconds(duration span) {
  return std::chrono::duration<double>(span).count();
}

explanation::level level_of_memory(const record_ptr& found, miss_reason why, time_point at) {
  explanation::level out;
  out.layer = "l1";
  if (found == nullptr) {
    out.state = "absent";
    out.reason = name(why);
    return out;
  }
  out.state = why != miss_reason::none ? "invalid" : at < found->fresh_until ? "fresh" : "stale";
  if (out.state == "stale") out.reason = name(miss_reason::expired);
  if (why != miss_reason::none) out.reason = name(why);
  out.ttl_seconds = seconds(found->fresh_until - at);
  out.age_seconds = seconds(at - found->created);
  out.asof = found->asof;
  out.bytes = found->bytes;
  out.negative = found->value == nullptr;
  out.tags = found->tags;
  return out;
}

explanation::level level_of_store(const key& where, const result<std::optional<stored_value>>& stored,
                                  const floor_table& floors, const open_options& how,
                                  const second_level_stats& seen) {
  explanation::level out;
  out.layer = "l2";
  if (!stored) {
    out.state = "unreachable";
    out.reason = name(miss_reason::l2_down);
    out.detail = stored.error().detail;
    if (seen.kept != 0) {
      out.detail += "; " + std::to_string(seen.kept) +
                    (seen.kept == 1 ? " invalidation is" : " invalidations are") +
                    " kept for it, and delivered before it serves again";
    }
    return out;
  }
  if (!*stored) {
    out.state = "absent";
    out.reason = name(miss_reason::absent);
    return out;
  }
  const auto header = check_entry((*stored)->bytes, how);
  out.bytes = (*stored)->bytes.size();
  if (!header) {
    out.state = "invalid";
    out.reason = name(miss_reason::undecodable);
    out.detail = header.error().detail;
    return out;
  }
  const floor_set under(where.text(), header->tags);
  const auto why = under.check(floors, header->asof);
  const auto fresh_for = (*stored)->ttl - header->grace;
  const bool expired = (*stored)->expired || fresh_for <= duration::zero() ||
                       under.check_soft(floors, header->asof) != miss_reason::none;
  out.state = why != miss_reason::none ? "invalid" : expired ? "stale" : "fresh";
  if (out.state == "stale") out.reason = name(miss_reason::expired);
  if (why != miss_reason::none) out.reason = name(why);
  if (out.state == "fresh" && !seen.coherent) {
    out.state = "invalid";
    out.reason = name(miss_reason::not_coherent);
    out.detail = "the store does not tell this process of changes now, so floors may have been missed";
  }
  out.ttl_seconds = seconds(fresh_for);
  out.age_seconds = seconds(header->life - fresh_for);
  out.asof = header->asof;
  out.negative = header->negative;
  out.tags = header->tags;
  return out;
}

std::string next_read(const explanation& so_far) {
  if (so_far.levels[0].state == "fresh") return "The next read is answered from memory.";
  if (so_far.levels[1].state == "fresh") return "The next read is answered from the second level.";
  if (so_far.in_flight) return "The next read waits for the factory call that is running.";
  if (so_far.levels[0].state == "stale" || so_far.levels[1].state == "stale") {
    return "The next read calls the factory; the policy says whether the stale value stands in.";
  }
  const std::string why = so_far.levels[0].reason;
  if (why == name(miss_reason::not_coherent)) {
    return "The next read calls the factory, because what is in memory may have changed unheard.";
  }
  return "The next read calls the factory, because the key is " +
         (why == "absent" ? std::string("in no layer") : "gone from memory: " + why) + ".";
}

}  // namespace

task<explanation> engine::explain(key where) {
  explanation out;
  out.key = where.text();
  out.type = cache_type::names()[cache_type::find(where.entity()).index()];
  if (!where.cacheable()) {
    out.levels.resize(2);
    for (auto& each : out.levels) {
      each.state = "off";
      each.reason = name(miss_reason::bypassed);
    }
    out.levels[0].layer = "l1";
    out.levels[1].layer = "l2";
    out.next_read = "The key is empty or over 1024 bytes: it is never cached.";
    co_return out;
  }
  const auto found = peek(where);
  auto why = found == nullptr ? departures_.reason(where.hash()) : found->floors.check(floors_, found->asof);
  auto memory = level_of_memory(found, why, now());
  if (memory.state == "fresh") {
    why = found->floors.check_soft(floors_, found->asof);
    if (why != miss_reason::none) {
      memory.state = "stale";
      memory.reason = name(why);
    }
  }
  if (memory.state == "fresh" && !coherent(now()) && !found->throttled) {
    memory.state = "invalid";
    memory.reason = name(miss_reason::not_coherent);
    memory.detail = "the store does not tell this process of changes now";
  }
  out.levels.push_back(std::move(memory));
  if (has_second_level()) {
    const auto full = l2_key(where);
    const auto stored = co_await second_.get(full);
    out.levels.push_back(level_of_store(where, stored, floors_,
                                        {.name = full, .keys = options_.encryption.get()}, second_.stats()));
  } else {
    out.levels.emplace_back();
    out.levels.back().layer = "l2";
    out.levels.back().state = "off";
  }
  out.in_flight = gate_.in_flight(where.text());
  out.next_read = next_read(out);
  co_return out;
}

}  // namespace strata::detail
