#pragma once
/// The slots of a Redis Cluster: each key is in one of 16,384, and each slot on one master.
/// Threads: pure functions.

#include <cstdint>
#include <string_view>

namespace strata::redis {

inline constexpr std::uint16_t slot_count = 16384;

/// The slot of `key`: the CRC-16 of its hash tag, or of the whole key if it has none.
std::uint16_t slot_of(std::string_view key) noexcept;
/// The part of `key` that decides its slot: the text in its first braces, or all of it.
std::string_view hash_tag(std::string_view key) noexcept;
/// A number whose decimal digits are in `slot`.
std::uint32_t number_in_slot(std::uint16_t slot);

}  // namespace strata::redis
