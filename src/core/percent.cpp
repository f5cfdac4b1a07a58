#include "core/percent.hpp"

#include "core/text.hpp"

namespace strata::detail {

bool append_percent_decoded(std::string& out, std::string_view text, plus meaning) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '+' && meaning == plus::space ? ' ' : text[i];
    }
  }
  return true;
}

}  // namespace strata::detail
