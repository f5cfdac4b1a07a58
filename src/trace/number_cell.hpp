#pragma once
/// The smallest entry of a memory cache: a number stored under a number. Traces are replayed with it, and
/// benchmarks measure it.
/// Threads: as the shard that holds it.

#include "memory/shard.hpp"

#include <cstdint>
#include <optional>

namespace strata::detail {

__extension__ using wide_number = unsigned __int128;

/// Mixes all bits of a number into all bits of the hash.
inline std::uint64_t mixed(std::uint64_t key) noexcept {
  const auto wide = static_cast<wide_number>(key ^ 0x9e37'79b9'7f4a'7c15) * 0xd6e8'feb8'6659'fd93;
  const auto once = static_cast<std::uint64_t>(wide) ^ static_cast<std::uint64_t>(wide >> 64);
  return once * 0xd6e8'feb8'6659'fd93 ^ once >> 32;
}

class number_cell : public memory::node {
 public:
  using key_type = std::uint64_t;
  using value_type = std::uint64_t;
  using found_type = std::optional<std::uint64_t>;
  using shared_type = std::optional<std::uint64_t>;

  static constexpr bool lingers = false;
  static constexpr bool accepts(std::uint64_t) noexcept { return true; }
  static constexpr std::size_t key_bytes(std::uint64_t) noexcept { return 0; }

  std::optional<std::uint64_t> look(std::uint64_t, std::uint64_t key) const noexcept {
    return key_ == key ? std::optional<std::uint64_t>(value_) : std::nullopt;
  }
  static std::optional<std::uint64_t> share(std::optional<std::uint64_t> found) noexcept { return found; }

  void fill(std::uint64_t, std::uint64_t key, std::uint64_t value) noexcept {
    key_ = key;
    value_ = value;
  }
  std::uint64_t put(std::uint64_t value) noexcept {
    const std::uint64_t old = value_;
    value_ = value;
    return old;
  }
  std::uint64_t take() noexcept { return value_; }
  void move_to(number_cell& empty) const noexcept { empty = *this; }

  std::uint64_t hash() const noexcept { return mixed(key_); }

 private:
  memory::relaxed<std::uint64_t> key_ = 0;
  memory::relaxed<std::uint64_t> value_ = 0;
};
static_assert(sizeof(number_cell) == 32);

/// Ignores the entries that leave.
struct forget {
  void gone(const number_cell&, memory::left) const noexcept {}
  void free(std::uint64_t) const noexcept {}
};

}  // namespace strata::detail
