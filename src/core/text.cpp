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

bool is_utf8(std::string_view text) noexcept {
  std::size_t i = 0;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto tail = [&](std::size_t at) { return at < text.size() && (byte(at) & 0xC0) == 0x80; };
  while (i < text.size()) {
    const unsigned char lead = byte(i);
    if (lead < 0x80) {
      i += 1;
    } else if (lead >= 0xC2 && lead <= 0xDF && tail(i + 1)) {
      i += 2;
    } else if (lead >= 0xE0 && lead <= 0xEF && tail(i + 1) && tail(i + 2)) {
      if (lead == 0xE0 && byte(i + 1) < 0xA0) return false;  // overlong
      if (lead == 0xED && byte(i + 1) > 0x9F) return false;  // a surrogate
      i += 3;
    } else if (lead >= 0xF0 && lead <= 0xF4 && tail(i + 1) && tail(i + 2) && tail(i + 3)) {
      if (lead == 0xF0 && byte(i + 1) < 0x90) return false;  // overlong
      if (lead == 0xF4 && byte(i + 1) > 0x8F) return false;  // above U+10FFFF
      i += 4;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace strata::detail
