#include "engine/floors.hpp"

#include <xxhash.h>

namespace strata::detail {

namespace {

/// Apart from prefixes, so that the tag "agent" and the prefix "agent" are two things.
constexpr XXH64_hash_t tag_seed = 0x7461675f73656564;

}  // namespace

std::uint32_t floor_table::prefix_bucket(std::string_view prefix) noexcept {
  return static_cast<std::uint32_t>(XXH3_64bits(prefix.data(), prefix.size())) & (buckets - 1);
}

std::uint32_t floor_table::tag_bucket(std::string_view tag) noexcept {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(tag.data(), tag.size(), tag_seed)) & (buckets - 1);
}

}  // namespace strata::detail
