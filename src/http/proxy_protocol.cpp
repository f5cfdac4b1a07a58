#include "http/proxy_protocol.hpp"

#include "http/syntax.hpp"

#include <algorithm>

namespace strata::http {

namespace {

using state = proxy_header::parse_status;

constexpr std::string_view v1_opening = "PROXY ";
constexpr std::string_view v2_opening{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t v2_head = 16;
constexpr std::size_t longest_v1 = 107;

constexpr proxy_header malformed{.state = state::malformed};

bool is_port(std::string_view text) noexcept {
  const auto number = parse_number(text);
  return number && *number <= 65'535 && (text.size() == 1 || text.front() != '0');
}

proxy_header parse_v1(std::string_view bytes) noexcept {
  const auto end = bytes.substr(0, longest_v1).find("\r\n");
  if (end == std::string_view::npos) return bytes.size() < longest_v1 ? proxy_header{} : malformed;
  proxy_header out{.state = state::complete, .length = end + 2, .client = {}};
  auto line = bytes.substr(v1_opening.size(), end - v1_opening.size());
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return out;
  const bool v6 = line.starts_with("TCP6 ");
  if (!v6 && !line.starts_with("TCP4 ")) return malformed;
  line.remove_prefix(5);
  std::string_view words[4];
  for (std::size_t i = 0; i < 4; ++i) {
    words[i] = line.substr(0, line.find(' '));
    line.remove_prefix(words[i].size());
    if (line.empty() != (i == 3)) return malformed;
    if (i < 3) line.remove_prefix(1);
  }
  const auto source = parse_ip(words[0]);
  const auto target = parse_ip(words[1]);
  if (!source || !target || !is_port(words[2]) || !is_port(words[3])) return malformed;
  if (words[0].contains(':') != v6 || words[1].contains(':') != v6) return malformed;
  out.client = source;
  return out;
}

proxy_header parse_v2(std::string_view bytes) noexcept {
  if (bytes.size() < v2_head) return {};
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); };
  const auto version = byte(12) >> 4, command = byte(12) & 15;
  if (version != 2 || command > 1) return malformed;
  const std::size_t rest = static_cast<std::size_t>(byte(14)) << 8 | byte(15);
  proxy_header out{.state = state::complete, .length = v2_head + rest, .client = {}};
  if (out.length > longest_proxy_header) return malformed;
  if (bytes.size() < out.length) return {};
  const auto family = byte(13) >> 4;
  const std::size_t size = family == 1 ? 4 : family == 2 ? 16 : 0;
  if (command == 0 || size == 0) return out;  // LOCAL, or an address that is none of IP
  if (rest < 2 * size + 4) return malformed;
  ip_address client;
  if (size == 4) client = *parse_ip("0.0.0.0");
  std::transform(bytes.begin() + v2_head, bytes.begin() + static_cast<std::ptrdiff_t>(v2_head + size),
                 client.bytes.end() - static_cast<std::ptrdiff_t>(size),
                 [](char c) { return static_cast<std::uint8_t>(c); });
  out.client = client;
  return out;
}

}  // namespace

proxy_header parse_proxy_header(std::string_view bytes) noexcept {
  const auto begins = [&](std::string_view opening) {
    return bytes.substr(0, opening.size()) == opening.substr(0, bytes.size());
  };
  if (begins(v2_opening)) return bytes.size() < v2_opening.size() ? proxy_header{} : parse_v2(bytes);
  if (begins(v1_opening)) return bytes.size() < v1_opening.size() ? proxy_header{} : parse_v1(bytes);
  return malformed;
}

}  // namespace strata::http
