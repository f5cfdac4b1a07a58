#include "core/text.hpp"

#include <algorithm>

namespace strata::detail {

std::string_view cut(std::string_view& rest, char separator) noexcept {
  const auto at = std::min(rest.find(separator), rest.size());
  const auto before = rest.substr(0, at);
  rest.remove_prefix(std::min(rest.size(), at + 1));
  return before;
}

std::string_view shortened(std::string_view text) noexcept {
  constexpr std::size_t limit = 120;
  if (text.size() <= limit) return text;
  auto end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace strata::detail
