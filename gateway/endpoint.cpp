#include "gateway/endpoint.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace strata::gateway {

namespace {

bool is_ipv4(const std::string& text) {
  in_addr parsed{};
  return inet_pton(AF_INET, text.c_str(), &parsed) == 1;
}

bool is_ipv6(const std::string& text) {
  in6_addr parsed{};
  return inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
}

}  // namespace

bool endpoint::loopback() const {
  if (host == "localhost") return true;
  if (in_addr v4{}; inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (in6_addr v6{}; inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6) != 0;
  return false;
}

strata::result<endpoint> parse_endpoint(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return strata::fail(strata::errc::invalid_argument,
                        '"' + std::string(text.substr(0, 80)) + "\" is not HOST:PORT: " + std::string(why));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse("it has no port, e.g. \"127.0.0.1:8080\"");
  endpoint parsed;
  const auto port = text.substr(colon + 1);
  const auto [end, status] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (status != std::errc() || end != port.data() + port.size()) return refuse("the port is 0 to 65535");

  const auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    parsed.host = host.substr(1, host.size() - 2);
    if (!is_ipv6(parsed.host)) return refuse("the text in the brackets is not an IPv6 address");
    return parsed;
  }
  parsed.host = host;
  if (is_ipv6(parsed.host)) return refuse("an IPv6 address needs brackets, e.g. \"[::1]:8080\"");
  if (parsed.host != "localhost" && !is_ipv4(parsed.host)) {
    return refuse("the host is an IP address or localhost; 0.0.0.0 is every IPv4 address of this machine");
  }
  return parsed;
}

strata::result<endpoint> parse_url(std::string_view text) {
  if (text.starts_with("http://")) text.remove_prefix(7);
  if (text.ends_with('/')) text.remove_suffix(1);
  return parse_endpoint(text);
}

std::string to_text(const endpoint& at) {
  const bool bracketed = at.host.contains(':');
  return (bracketed ? '[' + at.host + ']' : at.host) + ':' + std::to_string(at.port);
}

}  // namespace strata::gateway
