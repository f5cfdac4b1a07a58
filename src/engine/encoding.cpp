/// Records as bytes of the second level, and back.

#include "codec/envelope.hpp"
#include "engine/engine.hpp"

#include <algorithm>

namespace strata::detail {

namespace {

const key_ring* usable(const std::shared_ptr<const key_ring>& keys) {
  return keys != nullptr && keys->active() != 0 ? keys.get() : nullptr;
}

}  // namespace

bool engine::may_share(const any_key& where) const noexcept {
  return !where.rules->sensitive || usable(options_.encryption) != nullptr;
}

std::string engine::encode(const any_key& where, const record& entry) const {
  std::string payload;
  if (entry.value != nullptr) entry.type->encode(entry.value.get(), payload);
  const auto name = l2_key(where.key);
  return seal_entry({.asof = entry.asof,
                     .life = entry.fresh_until - entry.created,
                     .grace = entry.stale_until - entry.fresh_until,
                     .negative = entry.value == nullptr,
                     .tags = entry.tags},
                    payload,
                    {.name = name,
                     .keys = where.rules->sensitive ? usable(options_.encryption) : nullptr,
                     .max_size = where.rules->max_size.count,
                     .known = &where.rules->dictionaries});
}

std::expected<record_ptr, miss_reason> engine::decode(const any_key& where, const stored_value& stored) {
  const auto name = l2_key(where.key);
  const auto entry = open_entry(stored.bytes, {.name = name,
                                               .keys = options_.encryption.get(),
                                               .sensitive = where.rules->sensitive,
                                               .max_size = where.rules->max_size.count,
                                               .known = &where.rules->dictionaries});
  if (!entry) return std::unexpected(miss_reason::undecodable);
  const auto& header = entry->header;
  if (header.asof > last_commit_time) return std::unexpected(miss_reason::undecodable);
  auto out = std::make_shared<record>();
  out->type = where.value;
  out->asof = clock_.merge(header.asof);
  // The store tells what is left until it forgets the value; the grace is the end of that.
  out->stale_until = now() + stored.ttl;
  out->fresh_until = out->stale_until - header.grace;
  // Nobody knows when it was expired: now at the latest.
  if (stored.expired) out->fresh_until = std::min(out->fresh_until, options_.time->coarse_now());
  // Life, grace and what is left are told in whole milliseconds: it is not to look younger than it is.
  out->created = out->stale_until - header.grace - header.life - std::chrono::milliseconds(3);
  out->tags = header.tags;
  out->floors = floor_set(where.key.text(), out->tags);
  if (const auto why = out->floors.check(floors_, out->asof); why != miss_reason::none) {
    return std::unexpected(why);
  }
  if (!header.negative) {
    auto value = where.value->decode(entry->payload());
    if (!value) return std::unexpected(miss_reason::undecodable);
    out->value = std::move(*value);
  }
  out->bytes = overhead_of(*out) + (out->value == nullptr ? 0 : where.value->size(out->value.get()));
  return out;
}

}  // namespace strata::detail
