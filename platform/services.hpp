#pragma once
/// The objects that handlers use.
/// Threads: immutable references to internally locked objects.

#include "platform/consistency_seal.hpp"
#include "platform/passwords.hpp"
#include "platform/repositories.hpp"
#include "platform/settings.hpp"

#include "core/mutex.hpp"

#include <strata/cache.hpp>
#include <strata/log.hpp>
#include <strata/rate_limiter.hpp>
#include <strata/session_store.hpp>
#include <strata/time.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::platform {

/// What the limiters of a gateway have in common.
struct limits_shared {
  std::shared_ptr<strata::rate_limit_store> store;  ///< null: this process counts alone
  const strata::clock* time = &strata::system_clock();
};

/// The limiter in force of one kind of caller; none where the limit is 0.
/// Threads: internally locked.
class current_limiter {
 public:
  /// Lifetime: `name` is a literal.
  current_limiter(std::string_view name, const strata::rate_limit& rule, limits_shared with)
      : name_(name), shared_(std::move(with)) {
    set(rule);
  }
  /// If the rule differs, this process forgets what it has counted.
  void set(const strata::rate_limit& rule);
  /// Null: no limit. Lifetime: this object's.
  strata::rate_limiter* get() const noexcept { return now_.load(std::memory_order_acquire); }
  /// Of the kind of caller, in the RateLimit fields.
  std::string_view name() const noexcept { return name_; }

 private:
  const std::string_view name_;
  const limits_shared shared_;
  std::atomic<strata::rate_limiter*> now_{nullptr};
  strata::detail::mutex mutex_;
  strata::rate_limit rule_ STRATA_GUARDED_BY(mutex_){.limit = 0};
  /// Replaced ones too: requests may still use them. An operator replaces few.
  std::vector<std::unique_ptr<strata::rate_limiter>> all_ STRATA_GUARDED_BY(mutex_);
};

struct limits {
  limits(const limit_settings& settings, const limits_shared& with);
  void set(const limit_settings& settings);
  /// The counters of those in force, by their names.
  std::vector<std::pair<std::string_view, strata::rate_limiter_stats>> stats() const;
  current_limiter user, user_writes, address, login_account, login_address;
};

/// Lifetime: every referenced object outlives it.
struct services {
  const repositories& data;
  strata::cache& cache;
  strata::session_store& sessions;
  password_hasher& passwords;
  limits& limited;
  const consistency_seal& tokens;
  const strata::clock& time;
  const auth_settings& auth;
  strata::log_function log;
};

}  // namespace strata::platform
