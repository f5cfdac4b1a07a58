#include "edge/proof.hpp"

#include <strata/edge_queue.hpp>

#include <charconv>
#include <cstdint>
#include <optional>

namespace strata::edge_detail {

namespace {

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || status != std::errc() || end != text.data() + text.size() || out < 0)
    return std::nullopt;
  return out;
}

}  // namespace

bool proves(const edge_response& shown, wall_time covered, duration called) {
  if (!shown.trouble.empty() || shown.status >= 500) return false;
  if (const auto made = number_of(shown.field("strata-asof"))) {
    return wall_time(std::chrono::milliseconds(*made)) + clock_tolerance >= covered;
  }
  const auto age = number_of(shown.field("age"));
  return !age || std::chrono::seconds(*age) <= std::chrono::floor<std::chrono::seconds>(called);
}

}  // namespace strata::edge_detail
