#pragma once
/// Leases that could not be released, or that may have been granted without our knowledge, because the server
/// was unreachable. They are released once it is back, so that no caller waits for them to expire.
/// Threads: internally locked.

#include "core/mutex.hpp"

#include <strata/store.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::redis {

struct orphaned_lease {
  std::string key;
  lease_token lease = 0;
};

class orphaned_leases {
 public:
  void add(std::string_view key, lease_token lease) {
    constexpr std::size_t limit = 10'000;
    detail::scoped_lock lock(mutex_);
    if (leases_.size() < limit) leases_.push_back({.key = std::string(key), .lease = lease});
  }
  bool empty() {
    detail::scoped_lock lock(mutex_);
    return leases_.empty();
  }
  std::vector<orphaned_lease> take() {
    detail::scoped_lock lock(mutex_);
    return std::exchange(leases_, {});
  }

 private:
  detail::mutex mutex_;
  std::vector<orphaned_lease> leases_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::redis
