#pragma once
/// Keeps a fault from filling the log: of equal lines it lets one through every ten seconds, with their
/// number. Threads: one at a time.

#include <strata/time.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace strata::gateway {

class repeat_filter {
 public:
  static constexpr duration window = std::chrono::seconds(10);
  static constexpr std::size_t remembered = 64;

  /// Returns: how many lines equal to `line` were held back since the last one that was let through, if this
  /// one
  ///          is to be written | nothing, if it is held back too
  /// Cost:    O(`remembered`), no allocation
  std::optional<std::uint64_t> pass(std::string_view line, time_point now);

 private:
  struct entry {
    std::uint64_t hash = 0;
    time_point written{};
    std::uint64_t held_back = 0;
    bool used = false;
  };
  std::array<entry, remembered> lines_;
};

}  // namespace strata::gateway
