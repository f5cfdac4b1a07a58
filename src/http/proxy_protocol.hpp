#pragma once
/// The PROXY protocol of HAProxy, versions 1 and 2: a header before a connection's first byte in which a
/// proxy names the client (HAProxy's doc/proxy-protocol.txt). Threads: pure function.

#include "http/client_address.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace strata::http {

struct proxy_header {
  enum class parse_status : std::uint8_t { incomplete, complete, malformed };
  parse_status state = parse_status::incomplete;
  std::size_t length = 0;  ///< of a complete header
  /// The client; nothing if the proxy speaks for itself (a health check) or for another kind of address.
  std::optional<ip_address> client;
};

/// No longer header is accepted.
inline constexpr std::size_t longest_proxy_header = 1024;

/// Reads the header at the beginning of `bytes`. Malformed also if there is none.
proxy_header parse_proxy_header(std::string_view bytes) noexcept;

}  // namespace strata::http
