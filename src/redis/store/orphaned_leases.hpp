#pragma once
/// Leases that could not be ended, or that we may have been granted unheard, since the server was not there:
/// nobody is to wait for their time to pass once it is back.
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
    constexpr std::size_t most = 10'000;
    detail::scoped_lock lock(mutex_);
    if (left_.size() < most) left_.push_back({.key = std::string(key), .lease = lease});
  }
  bool empty() {
    detail::scoped_lock lock(mutex_);
    return left_.empty();
  }
  std::vector<orphaned_lease> take() {
    detail::scoped_lock lock(mutex_);
    return std::exchange(left_, {});
  }

 private:
  detail::mutex mutex_;
  std::vector<orphaned_lease> left_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::redis
