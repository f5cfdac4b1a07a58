#pragma once
/// Byte ranges (RFC 9110 §14) and If-Range (§13.1.5).
/// Threads: pure functions.

#include "http/conditions.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace strata::http {

/// From `first` to `last`, both included.
struct byte_range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t size() const noexcept { return last - first + 1; }
  friend bool operator==(const byte_range&, const byte_range&) = default;
};

struct range_answer {
  enum class outcome {
    whole,          ///< 200: the field is malformed, of another unit, or names too many ranges
    parts,          ///< 206
    unsatisfiable,  ///< 416: no range begins within the representation
  };
  outcome result = outcome::whole;
  /// In the order of the request. Ranges that overlap or touch are one part, so that the parts are never
  /// longer together than the representation.
  std::vector<byte_range> parts;
};

/// A request with more ranges is answered with the whole representation.
inline constexpr std::size_t most_ranges = 16;

/// Which parts of `size` bytes the Range field asks for.
range_answer evaluate_range(std::string_view field, std::uint64_t size);

/// True if the Range field counts: If-Range names the representation that would be sent. A tag is compared
/// strongly and whole, so the tag of another coding does not match. A date must be exactly Last-Modified.
bool if_range_holds(std::string_view field, const validators& current, std::chrono::sys_seconds now);

}  // namespace strata::http
