#include "engine/explainer.hpp"

#include "codec/envelope.hpp"
#include "core/glob.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace strata {

std::string_view name(explanation::state state) noexcept {
  static constexpr std::array<std::string_view, 6> names{"fresh",  "stale",       "invalid",
                                                         "absent", "unreachable", "off"};
  return names[static_cast<std::size_t>(state)];
}

namespace detail {

namespace {

using state = explanation::state;

std::string next_read(const explanation& found) {
  const auto& memory = found.levels[0];
  const auto& l2 = found.levels[1];
  if (memory.state == state::fresh) return "The next read is answered from memory.";
  if (l2.state == state::fresh) return "The next read is answered from the second level.";
  if (found.in_flight) return "The next read waits for the factory call that is running.";
  if (memory.state == state::stale || l2.state == state::stale) {
    return "The next read calls the factory; the policy decides whether the stale value is served instead.";
  }
  if (memory.reason == miss_reason::failed) {
    return "The next read gets that failure and does not call the factory.";
  }
  if (memory.reason == miss_reason::not_coherent) {
    return "The next read calls the factory, because a change of the value in memory may not have been "
           "reported.";
  }
  if (memory.reason == miss_reason::absent) {
    return "The next read calls the factory, because the key is in no layer.";
  }
  return "The next read calls the factory, because the key is gone from memory: " +
         std::string(name(memory.reason)) + ".";
}

std::string undelivered(std::uint64_t count) {
  if (count == 0) return {};
  return "; " + std::to_string(count) + (count == 1 ? " invalidation is" : " invalidations are") +
         " kept for it, and delivered before it serves again";
}

}  // namespace

void explainer::judge(explanation::level& into, const key& key, const record& entry,
                      time_point source_watermark) const {
  // A read judges with its own policy; here the record's own stale window stands for it.
  const auto policy = std::make_shared<const strata::policy>(
      strata::policy{.stale_while_revalidate = entry.stale_until - entry.fresh_until});
  const any_key target{key, policy, cache_type::find(key.entity()), entry.value_type};
  const auto at = state_.now();
  const auto standing = memory_.judge(target, entry, at, source_watermark);
  into.state = standing.fresh() ? state::fresh : standing.stale() ? state::stale : state::invalid;
  into.reason = standing.why;
  if (standing.why == miss_reason::not_coherent) {
    into.detail = state_.l2.trusted_until() > at
                      ? "a newer value was read and not kept, and its change has not been reported yet"
                      : "changes are not reported to this process now";
  }
  if (standing.superseded) into.detail = "another process has changed the key: only fail-safe may serve this";
  into.ttl = entry.fresh_until - at;
  into.age = at - entry.created;
  into.asof = entry.asof;
  into.tags = entry.tags;
}

explanation::level explainer::explain_memory(const key& key) const {
  explanation::level out{.layer = layer::l1, .state = state::absent};
  const auto found = memory_.peek_expired(key);
  if (found == nullptr) {
    out.reason = state_.miss_reasons.reason(key.hash());
    if (const auto failure = state_.failures.find(key, state_.now())) {
      out.reason = miss_reason::failed;
      out.detail = "its source failed, and the policy's failure_ttl is not over: " + failure->what->detail;
      out.ttl = failure->until - state_.now();
    }
    return out;
  }
  if (found->gone_at() <= state_.options.time->coarse_now()) {
    out.reason = miss_reason::expired;
    return out;
  }
  judge(out, key, *found, state_.l2.source_watermark());
  out.size = {found->bytes};
  out.negative = found->value == nullptr;
  return out;
}

explanation::level explainer::explain_l2(const key& key, const result<std::optional<stored_value>>& stored,
                                         time_point source_watermark) const {
  explanation::level out{.layer = layer::l2};
  if (!stored) {
    out.state = state::unreachable;
    out.reason = miss_reason::l2_down;
    out.detail = stored.error().detail + undelivered(state_.l2.stats().backlog);
    return out;
  }
  if (!*stored) {
    out.state = state::absent;
    out.reason = miss_reason::absent;
    return out;
  }
  out.size = {(*stored)->bytes.size()};
  const auto name = state_.l2_key(key);
  const auto header = check_entry((*stored)->bytes, {.name = name, .keys = state_.options.encryption.get()});
  if (!header) {
    out.state = state::invalid;
    out.reason =
        header.error().code == errc::unauthentic_entry ? miss_reason::unauthentic : miss_reason::undecodable;
    out.detail = header.error().detail;
    return out;
  }
  judge(out, key, *records_.outline(key, *header, **stored), source_watermark);
  out.negative = header->negative;
  return out;
}

task<explanation> explainer::explain(key key) {
  explanation out;
  out.key = key.text();
  out.type = cache_type::names()[cache_type::find(key.entity()).index()];
  if (!key.cacheable()) {
    for (const auto each : {layer::l1, layer::l2}) {
      out.levels.push_back({.layer = each, .state = state::off, .reason = miss_reason::bypassed});
    }
    out.next_read = "The key is empty or over 1024 bytes: it is never cached.";
    co_return out;
  }
  if (!state_.enabled.load(std::memory_order_relaxed)) {
    for (const auto each : {layer::l1, layer::l2}) {
      out.levels.push_back({.layer = each, .state = state::off, .reason = miss_reason::bypassed});
    }
    out.next_read = "The next read calls the factory, because the cache is disabled.";
    co_return out;
  }
  out.levels.push_back(explain_memory(key));
  if (state_.has_second_level()) {
    const auto watermark = state_.l2.source_watermark();
    const auto stored = co_await state_.l2.get(state_.l2_key(key));
    out.levels.push_back(explain_l2(key, stored, watermark));
  } else {
    out.levels.push_back({.layer = layer::l2, .state = state::off});
  }
  out.in_flight = state_.admission.in_flight(key.text());
  out.next_read = next_read(out);
  co_return out;
}

std::vector<value_count> explainer::preview(const invalidation& what,
                                            const std::vector<std::string>& globs) const {
  std::set<std::string_view> keys;
  for (const auto& each : what.keys) keys.insert(each.text());
  const std::set<std::string_view> tags(what.tags.begin(), what.tags.end());
  const auto is_below = [](std::string_view key, std::string_view prefix) {
    prefix = prefix_without_boundary(prefix);
    return prefix.empty() ||
           (key.starts_with(prefix) && (key.size() == prefix.size() || key[prefix.size()] == ':'));
  };
  const auto is_meant = [&](std::string_view key, const record& entry) {
    return what.everything || keys.contains(key) ||
           std::ranges::any_of(what.prefixes, [&](const auto& each) { return is_below(key, each); }) ||
           std::ranges::any_of(entry.tags, [&](const auto& each) { return tags.contains(each); }) ||
           std::ranges::any_of(globs, [&](const auto& each) { return glob_matches(each, key); });
  };
  const auto at = state_.now();
  std::map<std::size_t, value_count> found;
  state_.memory.visit([&](std::string_view text, const void* current) {
    const auto& entry = *static_cast<const record*>(current);
    const bool counts =
        entry.stale_until > at && entry.floors.check(state_.floors, entry.asof) == miss_reason::none;
    if (!counts || !is_meant(text, entry)) return;
    auto& of = found[cache_type::find(text.substr(0, text.find(':'))).index()];
    ++of.values;
    of.size.count += entry.bytes;
  });
  std::vector<value_count> out;
  for (auto& [type, of] : found) {
    of.type = cache_type::names()[type];
    out.push_back(std::move(of));
  }
  return out;
}

}  // namespace detail

}  // namespace strata
