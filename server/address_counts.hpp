#pragma once
/// How many connections each address has open. A network of IPv6 (the first 64 bits) counts as one address,
/// since one client can use all of it.
/// Threads: internally locked by `mutex_`.

#include "core/mutex.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>

#include <boost/asio/ip/address.hpp>

namespace strata::server {

using address_key = std::array<unsigned char, 16>;

inline address_key key_of(const boost::asio::ip::address& from) {
  namespace ip = boost::asio::ip;
  if (from.is_v4()) return ip::make_address_v6(ip::v4_mapped, from.to_v4()).to_bytes();
  auto bytes = from.to_v6().to_bytes();
  if (!from.to_v6().is_v4_mapped()) std::fill(bytes.begin() + 8, bytes.end(), 0);
  return bytes;
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
