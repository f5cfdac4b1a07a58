#pragma once
/// How many connections each address has open. A network of IPv6 (the first 64 bits) counts as one address,
/// since one client can use all of it.
/// Threads: internally locked by `mutex_`.

#include "core/mutex.hpp"
#include "http/client_address.hpp"

#include <array>
#include <cstdint>
#include <map>

#include <boost/asio/ip/address.hpp>

namespace strata::server {

using address_key = std::array<unsigned char, 16>;

/// All 16 bytes of an address; IPv4 as ::ffff:a.b.c.d.
inline address_key whole_of(const boost::asio::ip::address& from) {
  namespace ip = boost::asio::ip;
  return (from.is_v4() ? ip::make_address_v6(ip::v4_mapped, from.to_v4()) : from.to_v6()).to_bytes();
}

inline address_key key_of(const boost::asio::ip::address& from) {
  return http::client_network(http::ip_address{whole_of(from)}).bytes;
}

class address_counts {
 public:
  explicit address_counts(std::uint32_t limit) : limit_(limit) {}

  /// Counts one more, unless the address has as many as it may.
  bool add(const address_key& from) {
    const detail::scoped_lock lock(mutex_);
    auto& count = counts_[from];
    if (count >= limit_) return false;
    ++count;
    return true;
  }
  void remove(const address_key& from) {
    const detail::scoped_lock lock(mutex_);
    const auto at = counts_.find(from);
    if (--at->second == 0) counts_.erase(at);
  }

 private:
  const std::uint32_t limit_;
  detail::mutex mutex_;
  std::map<address_key, std::uint32_t> counts_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::server
