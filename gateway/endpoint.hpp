#pragma once
/// Addresses as users write them: "127.0.0.1:8080", "[::1]:0", "localhost:9090".
/// Threads: pure functions.

#include <strata/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace strata::gateway {

struct endpoint {
  std::string host;  ///< an IP address without brackets, or "localhost"
  std::uint16_t port = 0;

  /// True if only this machine can reach it.
  bool loopback() const;
  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// Reads "HOST:PORT"; HOST is an IPv4 address, an IPv6 address in brackets, or localhost.
/// Errors: invalid_argument with the reason.
strata::result<endpoint> parse_endpoint(std::string_view text);

/// Reads an endpoint with or without "http://" before it and "/" after it.
strata::result<endpoint> parse_url(std::string_view text);

/// "127.0.0.1:8080", "[::1]:8080".
std::string to_text(const endpoint& at);

}  // namespace strata::gateway
