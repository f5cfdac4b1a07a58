#pragma once
/// Addresses of clients, also behind proxies: IP addresses and networks as text, and the fields Forwarded
/// (RFC 7239) and X-Forwarded-For.
/// Threads: pure functions.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::http {

/// An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d.
struct ip_address {
  std::array<std::uint8_t, 16> bytes{};
  bool is_v4() const noexcept;
  bool operator==(const ip_address&) const = default;
};

/// "192.0.2.1", "2001:db8::1" or "::ffff:192.0.2.1", without port, brackets and zone.
std::optional<ip_address> parse_ip(std::string_view text) noexcept;
std::string to_text(const ip_address& address);

/// What a limit counts as one client: the address, or the first 64 bits of an IPv6 address, all of which one
/// client may have.
ip_address client_network(const ip_address& address) noexcept;
/// The same as text, "192.0.2.1" or "2001:db8::/64"; `text` itself if it is no address.
std::string client_network(std::string_view text);

/// "192.0.2.0/24", "2001:db8::/32", or one address.
struct ip_network {
  ip_address address;
  unsigned bits = 128;  ///< that count, of all 128
  bool contains(const ip_address& other) const noexcept;
};
std::optional<ip_network> parse_network(std::string_view text) noexcept;

/// The fields that tell a client's address.
enum class forwarded_field : std::uint8_t {
  either,           ///< whichever is there; if both are and disagree, neither
  forwarded,        ///< Forwarded
  x_forwarded_for,  ///< X-Forwarded-For
};

/// The client of a request that `peer` sent with these fields, each joined with ", ", or empty if absent.
/// Goes from the last hop to the first as long as the hop before is in `trusted`; the first address that is
/// not, or that no proxy can have seen (it is malformed or hidden), ends the search: the client is the last
/// address that a trusted proxy reported, else `peer`.
ip_address find_client(const ip_address& peer, std::string_view forwarded, std::string_view x_forwarded_for,
                       std::span<const ip_network> trusted, forwarded_field which);

}  // namespace strata::http
