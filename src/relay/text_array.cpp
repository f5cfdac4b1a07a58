#include "relay/text_array.hpp"

namespace strata::relay_detail {

namespace {

std::unexpected<error> malformed() {
  return fail(errc::corrupt_entry, "not a text[] of PostgreSQL");
}

/// Removes a quoted element from the front of `rest`. nullopt: it is not terminated.
std::optional<std::string> take_quoted(std::string_view& rest) {
  std::string out;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return out;
    }
    if (rest[i] == '\\' && ++i == rest.size()) break;
    out += rest[i];
  }
  return std::nullopt;
}

}  // namespace

result<text_array> read_text_array(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return malformed();
  auto rest = text.substr(1, text.size() - 2);
  text_array out;
  if (rest.empty()) return out;
  for (;;) {
    if (rest.starts_with('"')) {
      auto element = take_quoted(rest);
      if (!element) return malformed();
      out.emplace_back(std::move(*element));
    } else {
      const auto plain = rest.substr(0, rest.find(','));
      if (plain.empty() || plain.find_first_of("{}\"\\") != std::string_view::npos) return malformed();
      if (plain == "NULL") {
        out.emplace_back();
      } else {
        out.emplace_back(plain);
      }
      rest.remove_prefix(plain.size());
    }
    if (rest.empty()) return out;
    if (rest.front() != ',') return malformed();
    rest.remove_prefix(1);
  }
}

std::string write_text_array(const std::vector<std::string>& elements) {
  std::string out = "{";
  for (const auto& each : elements) {
    out += out.size() == 1 ? "\"" : ",\"";
    for (const char c : each) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out += '}';
}

}  // namespace strata::relay_detail
