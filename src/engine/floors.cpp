#include "engine/floors.hpp"

#include <xxhash.h>

namespace strata::detail {

namespace {

/// Tags hash differently from prefixes, so that the tag "agent" and the prefix "agent" differ.
constexpr XXH64_hash_t tag_seed = 0x7461675f73656564;

}  // namespace

std::uint32_t floor_table::prefix_bucket(std::string_view prefix) noexcept {
  return static_cast<std::uint32_t>(XXH3_64bits(prefix.data(), prefix.size())) & (buckets - 1);
}

std::vector<floor_entry> floor_table::raised() const {
  std::vector<floor_entry> out;
  for (std::uint32_t bucket = 0; bucket <= root; ++bucket) {
    if (const auto asof = hard(bucket); asof != 0) out.push_back({.bucket = bucket, .asof = asof});
    if (!any_soft()) continue;
    if (const auto asof = soft(bucket); asof != 0) {
      out.push_back({.bucket = bucket, .asof = asof, .soft = true});
    }
  }
  return out;
}

std::uint32_t floor_table::tag_bucket(std::string_view tag) noexcept {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(tag.data(), tag.size(), tag_seed)) & (buckets - 1);
}

}  // namespace strata::detail
