#pragma once
/// The objects that handlers use.
/// Threads: immutable references to internally locked objects.

#include "platform/passwords.hpp"
#include "platform/repositories.hpp"
#include "platform/settings.hpp"

#include "core/mutex.hpp"

#include <strata/cache.hpp>
#include <strata/limiter.hpp>
#include <strata/log.hpp>
#include <strata/session_store.hpp>
#include <strata/time.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace strata::platform {

/// The limiter in force of one kind of caller; none where the limit is 0.
/// Threads: internally locked.
class current_limiter {
 public:
  explicit current_limiter(const strata::rate_limit& rule) { set(rule); }
  /// Counts from zero if the rule differs.
  void set(const strata::rate_limit& rule);
  /// Null: no limit. Lifetime: this object's.
  strata::limiter* get() const noexcept { return now_.load(std::memory_order_acquire); }

 private:
  std::atomic<strata::limiter*> now_{nullptr};
  strata::detail::mutex mutex_;
  strata::rate_limit rule_ STRATA_GUARDED_BY(mutex_){.limit = 0};
  /// Replaced ones too: requests may still use them. An operator replaces few.
  std::vector<std::unique_ptr<strata::limiter>> all_ STRATA_GUARDED_BY(mutex_);
};

struct limits {
  explicit limits(const limit_settings& settings);
  void set(const limit_settings& settings);
  current_limiter user, address, login_account, login_address;
};

/// Lifetime: every referenced object outlives it.
struct services {
  const repositories& data;
  strata::cache& cache;
  strata::session_store& sessions;
  password_hasher& passwords;
  limits& limited;
  const strata::clock& time;
  const auth_settings& auth;
  strata::log_function log;
};

}  // namespace strata::platform
