#include "engine/record.hpp"

#include <tuple>

namespace strata::detail {

floor_set::floor_set(std::string_view key, const std::vector<std::string>& tags) {
  for (auto colon = key.find(':'); colon != std::string_view::npos; colon = key.find(':', colon + 1)) {
    buckets_.push_back(floor_table::prefix_bucket(key.substr(0, colon)));
  }
  buckets_.push_back(floor_table::prefix_bucket(key));
  prefixes_ = buckets_.size();
  for (const auto& tag : tags) buckets_.push_back(floor_table::tag_bucket(tag));
}

record::record(const record& other)
    : value(other.value),
      value_type(other.value_type),
      asof(other.asof),
      created(other.created),
      fresh_until(other.fresh_until),
      stale_until(other.stale_until),
      memory_until(other.memory_until),
      slides_until(other.slides_until),
      source(other.source),
      throttled(other.throttled),
      unleased(other.unleased),
      superseded(other.superseded),
      floors(other.floors),
      tags(other.tags),
      bytes(other.bytes) {
}

bool not_older(const record& candidate, const record& than) noexcept {
  const auto age = [](const record& of) {
    const auto& source = of.source;
    const bool fetched = source.order != 0 && !source.written;
    return std::tuple(of.asof, fetched ? source.began : of.created, source.order);
  };
  return age(than) <= age(candidate);
}

std::size_t overhead_of(const record& entry) noexcept {
  constexpr std::size_t control_blocks = 2 * 32;  // of the shared_ptr to the record and to the value
  std::size_t sum = sizeof(record) + control_blocks;
  for (const auto& tag : entry.tags) sum += sizeof tag + heap_bytes(tag);
  return sum;
}

}  // namespace strata::detail
