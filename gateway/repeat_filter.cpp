#include "gateway/repeat_filter.hpp"

#include <strata/key.hpp>

#include <algorithm>

namespace strata::gateway {

std::optional<std::uint64_t> repeat_filter::pass(std::string_view line, time_point now) {
  const auto hash = hash_of(line);
  const auto known =
      std::ranges::find_if(lines_, [&](const entry& each) { return each.used && each.hash == hash; });
  if (known != lines_.end()) {
    if (now - known->written < window) {
      ++known->held_back;
      return std::nullopt;
    }
    const auto held_back = known->held_back;
    *known = {.hash = hash, .written = now, .held_back = 0, .used = true};
    return held_back;
  }
  const auto oldest = std::ranges::min_element(lines_, [](const entry& a, const entry& b) {
    return a.used != b.used ? b.used : a.written < b.written;
  });
  *oldest = {.hash = hash, .written = now, .held_back = 0, .used = true};
  return 0;
}

}  // namespace strata::gateway
