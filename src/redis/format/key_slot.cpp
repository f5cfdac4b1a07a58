#include "redis/format/key_slot.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace strata::redis {

namespace {

/// CRC-16/XMODEM, as the specification of Redis Cluster asks for.
constexpr auto crc_table = [] {
  std::array<std::uint16_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ ((crc & 0x8000) != 0 ? 0x1021 : 0);
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}();

std::uint16_t crc16(std::string_view text) noexcept {
  std::uint16_t crc = 0;
  for (const char each : text) {
    crc = static_cast<std::uint16_t>(crc << 8) ^
          crc_table[(crc >> 8 ^ static_cast<unsigned char>(each)) & 0xff];
  }
  return crc;
}

}  // namespace

std::string_view hash_tag(std::string_view key) noexcept {
  const auto open = key.find('{');
  if (open == std::string_view::npos) return key;
  const auto close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

std::uint16_t slot_of(std::string_view key) noexcept {
  return crc16(hash_tag(key)) % slot_count;
}

std::uint32_t number_in_slot(std::uint16_t slot) {
  static const auto table = [] {
    std::vector<std::uint32_t> found(slot_count, 0);
    std::size_t missing = slot_count;
    for (std::uint32_t candidate = 1; missing > 0; ++candidate) {
      auto& at = found[crc16(std::to_string(candidate)) % slot_count];
      if (at != 0) continue;
      at = candidate;
      --missing;
    }
    return found;
  }();
  return table[slot];
}

}  // namespace strata::redis
