#include "gateway/logged_target.hpp"

#include <algorithm>
#include <array>

namespace strata::gateway {

namespace {

constexpr std::string_view hidden = "***";
constexpr std::array<std::string_view, 3> token_prefixes{"sess_", "inv_", "dev_"};
constexpr std::array<std::string_view, 9> secret_names{"token", "session", "password", "passwd",    "secret",
                                                       "key",   "auth",    "code",     "invitation"};

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

int digit_of(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/// In lower case, with percent-encoding undone.
std::string plain(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit_of(text[i + 1]) >= 0 && digit_of(text[i + 2]) >= 0) {
      out += lower(static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2])));
      i += 2;
    } else {
      out += lower(text[i]);
    }
  }
  return out;
}

bool holds_token(std::string_view text) {
  const auto all = plain(text);
  return std::ranges::any_of(token_prefixes, [&](std::string_view each) { return all.contains(each); });
}

bool is_secret_name(std::string_view name) {
  const auto all = plain(name);
  return std::ranges::any_of(secret_names, [&](std::string_view each) { return all.contains(each); });
}

/// Appends the parts of `text` between `separator`s, each as `shown` gives it.
template <class Shown>
void append_parts(std::string& out, std::string_view text, char separator, Shown shown) {
  for (;;) {
    const auto end = std::min(text.find(separator), text.size());
    out += shown(text.substr(0, end));
    if (end == text.size()) return;
    out += separator;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string without_secrets(std::string_view target) {
  std::string out;
  const auto question = std::min(target.find('?'), target.size());
  append_parts(out, target.substr(0, question), '/',
               [](std::string_view segment) { return std::string(holds_token(segment) ? hidden : segment); });
  if (question == target.size()) return out;
  out += '?';
  append_parts(out, target.substr(question + 1), '&', [](std::string_view parameter) {
    const auto equals = parameter.find('=');
    if (equals == std::string_view::npos) return std::string(holds_token(parameter) ? hidden : parameter);
    const auto name = parameter.substr(0, equals);
    if (!is_secret_name(name) && !holds_token(parameter)) return std::string(parameter);
    return std::string(holds_token(name) ? hidden : name).append("=").append(hidden);
  });
  return out;
}

}  // namespace strata::gateway
