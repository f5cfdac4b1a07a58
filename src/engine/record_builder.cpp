#include "engine/record_builder.hpp"

#include "codec/envelope.hpp"

#include <algorithm>

namespace strata::detail {

namespace {

std::vector<std::string> merged(std::vector<std::string> tags, const std::vector<std::string>& more) {
  for (const auto& tag : more) {
    if (std::ranges::find(tags, tag) == tags.end()) tags.push_back(tag);
  }
  return tags;
}

const key_ring* usable(const std::shared_ptr<const key_ring>& keys) {
  return keys != nullptr && keys->active() != 0 ? keys.get() : nullptr;
}

std::size_t size_of(const record& entry) {
  return overhead_of(entry) + (entry.value == nullptr ? 0 : entry.value_type->size(entry.value.get()));
}

}  // namespace

void record_builder::stay_in_memory(record& entry, const policy& policy) const {
  entry.memory_until =
      policy.l1_ttl > duration::zero() ? options_.time->now() + policy.l1_ttl : time_point::max();
}

void record_builder::give_life(record& entry, const policy& policy, const fill_context& context) {
  const bool nothing = entry.value == nullptr || context.found_nothing_;
  auto life = context.ttl_.value_or(nothing ? policy.negative_ttl : policy.ttl);
  life = std::clamp(life, duration::zero(), policy::max_ttl);
  if (policy.jitter > 0) {
    const auto share = policy.jitter * random_.next();
    life -= duration(static_cast<duration::rep>(static_cast<double>(life.count()) * share));
  }
  entry.created = options_.time->now();
  entry.fresh_until = entry.created + life;
  entry.slides_until = time_point::min();
  if (policy.sliding > duration::zero() && policy.sliding < life && !nothing) {
    entry.slides_until = entry.fresh_until;
    entry.fresh_until = entry.created + policy.sliding;
  }
  // A stale "not found" is not worth serving.
  const bool window = !nothing && !context.refuse_stale_;
  entry.stale_until = entry.fresh_until + (window ? policy.stale_window() : duration::zero());
  stay_in_memory(entry, policy);
  if (mutated(mutation::stale_bound_off) && entry.value != nullptr) entry.stale_until += policy::max_ttl;
}

record_ptr record_builder::make(const any_key& target, any_value value, const fill_context& context,
                                source_timing source) {
  auto out = std::make_shared<record>();
  out->value = std::move(value);
  out->value_type = target.value_type;
  out->asof = clock_.merge(context.asof_);
  out->source = source;
  out->tags = merged(target.policy->tags, context.tags_);
  out->floors = floor_set(target.key.text(), out->tags);
  give_life(*out, *target.policy, context);
  out->bytes = size_of(*out);
  return out;
}

record_ptr record_builder::renew(const record& old, const any_key& target, const fill_context& context,
                                 source_timing source) {
  auto out = std::make_shared<record>(old);
  out->asof = clock_.merge(context.asof_);
  out->source = source;
  out->throttled = false;
  out->unleased = false;
  out->superseded = false;
  give_life(*out, *target.policy, context);
  return out;
}

factory_result record_builder::finish(const any_key& target, any_value value, const fill_context& context,
                                      const record_ptr& previous, source_timing source) {
  factory_result out;
  const bool unchanged = context.not_modified_ && previous != nullptr;
  const bool absent = !unchanged && value == nullptr;
  out.entry =
      unchanged ? renew(*previous, target, context, source) : make(target, std::move(value), context, source);
  // Neither absence that the policy does not cache, nor a value without any time to live.
  out.keep = context.skip_ == miss_reason::none &&
             !(absent && target.policy->negative_ttl == duration::zero()) &&
             out.entry->fresh_until > out.entry->created && out.entry->asof <= last_commit_time;
  out.local_at_first = context.local_at_first_;
  if (context.skip_ != miss_reason::none) out.why_not = context.skip_;
  if (auto possible = check_tags(out.entry->tags); out.keep && !possible) {
    out.keep = false;
    out.why_not = miss_reason::unstorable;
    out.refused = std::move(possible.error());
  }
  return out;
}

bool record_builder::too_large(const any_key& target, const record& entry, std::size_t encoded) noexcept {
  return std::max(entry.bytes, encoded) > target.policy->max_size.count;
}

bool record_builder::may_share(const any_key& target) const noexcept {
  return !target.policy->sensitive || usable(options_.encryption) != nullptr;
}

result<std::string> record_builder::encode(const any_key& target, const record& entry) const {
  std::string payload;
  if (entry.value != nullptr) {
    if (auto done = entry.value_type->encode(entry.value.get(), payload); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  const auto name = l2_key(target.key);
  return seal_entry({.asof = entry.asof,
                     .life = entry.fresh_until - entry.created,
                     .grace = entry.stale_until - entry.fresh_until,
                     .negative = entry.value == nullptr,
                     .tags = entry.tags},
                    payload,
                    {.name = name,
                     .keys = usable(options_.encryption),
                     .sensitive = target.policy->sensitive,
                     .max_size = target.policy->max_size.count,
                     .known = &target.policy->dictionaries});
}

std::shared_ptr<record> record_builder::outline(const key& key, const entry_header& header,
                                                const stored_value& stored) const {
  auto out = std::make_shared<record>();
  out->asof = header.asof;
  // The store reports how long until it drops the value: that is the end of the grace.
  out->stale_until = options_.time->now() + stored.ttl;
  out->fresh_until = out->stale_until - header.grace;
  // The moment of an expiry is unknown: it was no later than now.
  if (stored.expired) out->fresh_until = std::min(out->fresh_until, options_.time->coarse_now());
  // Life, grace and the remaining time are whole milliseconds: the record must not look younger than it is.
  out->created = out->stale_until - header.grace - header.life - std::chrono::milliseconds(3);
  out->tags = header.tags;
  out->floors = floor_set(key.text(), out->tags);
  return out;
}

std::optional<duration> record_builder::fresh_window(const key& key, const stored_value& stored) const {
  const auto name = l2_key(key);
  const auto header = check_entry(stored.bytes, {.name = name, .keys = options_.encryption.get()});
  if (!header) return std::nullopt;
  const auto entry = outline(key, *header, stored);
  const bool fresh = options_.time->now() < entry->fresh_until &&
                     entry->floors.check(floors_, entry->asof) == miss_reason::none &&
                     entry->floors.check_soft(floors_, entry->asof) == miss_reason::none;
  return fresh ? std::optional(header->grace) : std::nullopt;
}

std::expected<record_ptr, miss_reason> record_builder::decode(const any_key& target,
                                                              const stored_value& stored) {
  const auto name = l2_key(target.key);
  const auto entry = open_entry(stored.bytes, {.name = name,
                                               .keys = options_.encryption.get(),
                                               .sensitive = target.policy->sensitive,
                                               .max_size = target.policy->max_size.count,
                                               .known = &target.policy->dictionaries});
  if (!entry) {
    const bool forged = entry.error().code == errc::unauthentic_entry;
    return std::unexpected(forged ? miss_reason::unauthentic : miss_reason::undecodable);
  }
  const auto& header = entry->header;
  if (header.asof > last_commit_time) return std::unexpected(miss_reason::undecodable);
  clock_.merge(header.asof);
  const auto out = outline(target.key, header, stored);
  if (const auto why = out->floors.check(floors_, out->asof); why != miss_reason::none) {
    return std::unexpected(why);
  }
  out->value_type = target.value_type;
  stay_in_memory(*out, *target.policy);
  if (!header.negative) {
    auto value = target.value_type->decode(entry->payload());
    if (!value) return std::unexpected(miss_reason::undecodable);
    out->value = std::move(*value);
  }
  out->bytes = size_of(*out);
  return out;
}

}  // namespace strata::detail
