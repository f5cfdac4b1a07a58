/// Making records from what a factory returned.

#include "core/entry_format.hpp"
#include "engine/engine.hpp"

#include <algorithm>

namespace strata::detail {

namespace {

std::vector<std::string> merged(std::vector<std::string> tags, const std::vector<std::string>& more) {
  for (const auto& tag : more) {
    if (std::ranges::find(tags, tag) == tags.end()) tags.push_back(tag);
  }
  return tags;
}

}  // namespace

void engine::give_life(record& entry, const policy& rules, std::optional<duration> ttl) {
  auto life = ttl.value_or(entry.value == nullptr ? rules.negative_ttl : rules.ttl);
  life = std::clamp(life, duration::zero(), policy::max_ttl);
  if (rules.jitter > 0) {
    life -= duration(static_cast<duration::rep>(static_cast<double>(life.count()) * rules.jitter * random()));
  }
  entry.created = now();
  entry.fresh_until = entry.created + life;
  // That nothing was found is not worth serving when it is old.
  entry.stale_until = entry.fresh_until + (entry.value == nullptr ? duration::zero() : rules.stale_window());
  if (mutated(mutation::stale_bound_off) && entry.value != nullptr) entry.stale_until += policy::max_ttl;
}

record_ptr engine::make_record(const any_key& where, any_value value, const fill_context& context,
                               reading source) {
  auto out = std::make_shared<record>();
  out->value = std::move(value);
  out->type = where.value;
  out->asof = clock_.merge(context.asof_);
  out->took = source.took;
  out->began = source.began;
  out->tags = merged(where.rules->tags, context.tags_);
  out->floors = floor_set(where.key.text(), out->tags);
  give_life(*out, *where.rules, context.ttl_);
  out->bytes = overhead_of(*out) + (out->value == nullptr ? 0 : where.value->size(out->value.get()));
  return out;
}

record_ptr engine::renewed(const record& old, const any_key& where, const fill_context& context,
                           reading source) {
  auto out = std::make_shared<record>(old);
  out->asof = clock_.merge(context.asof_);
  out->took = source.took;
  out->began = source.began;
  out->throttled = false;
  give_life(*out, *where.rules, context.ttl_);
  return out;
}

engine::made engine::finish_factory(const any_key& where, any_value value, const fill_context& context,
                                    const record_ptr& previous, reading source) {
  made out;
  const bool unchanged = context.not_modified_ && previous != nullptr;
  const bool absent = !unchanged && value == nullptr;
  out.entry = unchanged ? renewed(*previous, where, context, source)
                        : make_record(where, std::move(value), context, source);
  // Absence is not remembered where the policy says so, nor is what has no time to live.
  out.keep = context.skip_ == miss_reason::none &&
             !(absent && where.rules->negative_ttl == duration::zero()) &&
             out.entry->fresh_until > out.entry->created && out.entry->tags.size() <= max_entry_tags &&
             out.entry->asof <= last_commit_time;
  if (context.skip_ != miss_reason::none) out.why_not = context.skip_;
  return out;
}

bool engine::too_large(const any_key& where, const record& entry, std::size_t encoded) noexcept {
  return std::max(entry.bytes, encoded) > where.rules->max_size.count;
}

}  // namespace strata::detail
