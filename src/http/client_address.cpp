#include "http/client_address.hpp"

#include "http/syntax.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace strata::http {

namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t most_hops = 64;  // a longer list is a client's invention

bool parse_v4(std::string_view text, std::span<std::uint8_t, 4> into) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    const auto part = text.substr(0, text.find('.'));
    if (part.empty() || part.size() > 3 || (part.size() > 1 && part.front() == '0')) return false;
    unsigned value = 0;
    const auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (failed != std::errc() || end != part.data() + part.size() || value > 255) return false;
    into[i] = static_cast<std::uint8_t>(value);
    text.remove_prefix(part.size());
    if (i == 3) return text.empty();
    if (text.empty()) return false;
    text.remove_prefix(1);
  }
  return false;
}

/// The groups of `text`, two bytes each. Returns their count in bytes; nothing if it is malformed.
std::optional<std::size_t> parse_groups(std::string_view text, std::span<std::uint8_t, 16> into) noexcept {
  std::size_t size = 0;
  if (text.empty()) return size;
  while (true) {
    const auto part = text.substr(0, text.find(':'));
    if (part.size() == text.size() && part.contains('.')) {  // ::ffff:192.0.2.1
      if (size > 12 || !parse_v4(part, std::span<std::uint8_t, 4>(into.data() + size, 4))) return {};
      return size + 4;
    }
    unsigned value = 0;
    if (part.empty() || part.size() > 4 || size > 14) return {};
    const auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), value, 16);
    if (failed != std::errc() || end != part.data() + part.size()) return {};
    into[size] = static_cast<std::uint8_t>(value >> 8);
    into[size + 1] = static_cast<std::uint8_t>(value);
    size += 2;
    text.remove_prefix(part.size());
    if (text.empty()) return size;
    text.remove_prefix(1);
  }
}

std::optional<ip_address> parse_v6(std::string_view text) noexcept {
  ip_address out;
  const auto gap = text.find("::");
  const auto size = parse_groups(text.substr(0, gap), out.bytes);
  if (!size) return {};
  if (gap == std::string_view::npos) return *size == 16 ? std::optional(out) : std::nullopt;
  std::array<std::uint8_t, 16> tail{};
  const auto rest = parse_groups(text.substr(gap + 2), tail);
  if (!rest || *size + *rest > 14) return {};
  std::copy_n(tail.begin(), *rest, out.bytes.end() - static_cast<std::ptrdiff_t>(*rest));
  return out;
}

/// The address of a node: "192.0.2.1", "192.0.2.1:80", "2001:db8::1" or "[2001:db8::1]:80". Nothing for
/// "unknown" and "_hidden".
std::optional<ip_address> parse_node(std::string_view text) noexcept {
  text = trim(text);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return {};
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return {};
    return parse_ip(text.substr(1, end - 1));
  }
  if (std::ranges::count(text, ':') == 1) text = text.substr(0, text.find(':'));
  return parse_ip(text);
}

/// The elements of a list, of which a quoted one may hold commas. At most the last `most_hops`.
std::vector<std::string_view> elements_of(std::string_view list, char separator) {
  std::vector<std::string_view> out;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    if (i < list.size() && list[i] == '"') quoted = !quoted;
    if (i < list.size() && (quoted || list[i] != separator)) continue;
    if (const auto element = trim(list.substr(begin, i - begin)); !element.empty()) out.push_back(element);
    begin = i + 1;
  }
  if (out.size() > most_hops) out.erase(out.begin(), out.end() - most_hops);
  return out;
}

/// The node that an element of Forwarded names after "for="; nothing if it names none.
std::optional<ip_address> for_of(std::string_view element) {
  for (const auto pair : elements_of(element, ';')) {
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && iequals(trim(pair.substr(0, equals)), "for")) {
      return parse_node(pair.substr(equals + 1));
    }
  }
  return {};
}

/// Follows the hops from the last to the first.
ip_address follow(const ip_address& peer, std::string_view list, std::span<const ip_network> trusted,
                  std::optional<ip_address> (*node_of)(std::string_view)) {
  auto client = peer;
  const auto hops = elements_of(list, ',');
  for (auto at = hops.rbegin(); at != hops.rend(); ++at) {
    if (!std::ranges::any_of(trusted, [&](const auto& each) { return each.contains(client); })) break;
    const auto node = node_of(*at);
    if (!node) break;
    client = *node;
  }
  return client;
}

}  // namespace

bool ip_address::is_v4() const noexcept {
  return std::ranges::equal(v4_prefix, std::span(bytes).first(v4_prefix.size()));
}

std::optional<ip_address> parse_ip(std::string_view text) noexcept {
  if (text.contains(':')) return parse_v6(text);
  ip_address out;
  std::ranges::copy(v4_prefix, out.bytes.begin());
  if (!parse_v4(text, std::span<std::uint8_t, 4>(out.bytes.data() + 12, 4))) return {};
  return out;
}

std::string to_text(const ip_address& address) {
  const auto& bytes = address.bytes;
  std::string out;
  if (address.is_v4()) {
    for (std::size_t i = 12; i < 16; ++i) {
      if (i > 12) out += '.';
      out += std::to_string(bytes[i]);
    }
    return out;
  }
  // RFC 5952: the longest run of zero groups, if it has two, becomes "::".
  std::size_t best = 8, longest = 1;
  for (std::size_t i = 0; i < 8;) {
    std::size_t end = i;
    while (end < 8 && bytes[2 * end] == 0 && bytes[2 * end + 1] == 0) ++end;
    if (end - i > longest) best = i, longest = end - i;
    i = std::max(end, i + 1);
  }
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += longest - 1;
      continue;
    }
    if (!out.empty() && !out.ends_with(':')) out += ':';
    std::array<char, 4> digits{};
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), bytes[2 * i] << 8 | bytes[2 * i + 1], 16)
            .ptr;
    out.append(digits.data(), end);
  }
  return out;
}

ip_address client_network(const ip_address& address) noexcept {
  auto out = address;
  if (!out.is_v4()) std::fill(out.bytes.begin() + 8, out.bytes.end(), std::uint8_t{0});
  return out;
}

std::string client_network(std::string_view text) {
  const auto address = parse_ip(text);
  if (!address) return std::string(text);
  if (address->is_v4()) return to_text(*address);
  return to_text(client_network(*address)) + "/64";
}

bool ip_network::contains(const ip_address& other) const noexcept {
  const auto whole = bits / 8;
  if (std::memcmp(address.bytes.data(), other.bytes.data(), whole) != 0) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - bits % 8));
  return ((address.bytes[whole] ^ other.bytes[whole]) & mask) == 0;
}

std::optional<ip_network> parse_network(std::string_view text) noexcept {
  const auto slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  if (!address) return {};
  ip_network out{.address = *address, .bits = 128};
  if (slash == std::string_view::npos) return out;
  const auto digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const unsigned most = address->is_v4() && !text.contains(':') ? 32 : 128;
  if (failed != std::errc() || end != digits.data() + digits.size() || bits > most) return {};
  out.bits = bits + 128 - most;
  return out;
}

ip_address find_client(const ip_address& peer, std::string_view forwarded, std::string_view x_forwarded_for,
                       std::span<const ip_network> trusted, forwarded_field which) {
  const bool has_forwarded = !forwarded.empty() && which != forwarded_field::x_forwarded_for;
  const bool has_x = !x_forwarded_for.empty() && which != forwarded_field::forwarded;
  const auto by_forwarded = has_forwarded ? follow(peer, forwarded, trusted, for_of) : peer;
  const auto by_x =
      has_x ? follow(
                  peer, x_forwarded_for, trusted, +[](std::string_view hop) { return parse_node(hop); })
            : peer;
  // A proxy that sets one of them may pass on the other as the client has sent it.
  if (has_forwarded && has_x) return by_forwarded == by_x ? by_x : peer;
  return has_x ? by_x : by_forwarded;
}

}  // namespace strata::http
