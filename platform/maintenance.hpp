#pragma once
/// The platform's background work on a thread of its own.
/// Threads: internally locked.

#include "core/mutex.hpp"

#include <strata/cache.hpp>
#include <strata/database.hpp>
#include <strata/log.hpp>
#include <strata/session_store.hpp>
#include <strata/time.hpp>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <thread>

namespace strata::platform {

/// Checks at short intervals whether another program wrote to the database, and clears the cache if so (an
/// interval of 0: never). About every minute it records the uses of sessions and deletes ended ones, and once
/// more when it stops.
class maintenance {
 public:
  /// Lifetime: all outlive it.
  maintenance(strata::database& source, strata::cache& target, strata::session_store& sessions,
              strata::duration interval, strata::log_function log);
  ~maintenance();

  void start();
  /// Waits for the work in progress. Idempotent.
  void stop();

  /// Checks the database once. Returns: whether the cache was cleared.
  bool check();

 private:
  void run();
  bool checks() const noexcept { return interval_ > strata::duration::zero(); }
  void keep_sessions();

  strata::database* source_;
  strata::cache* cache_;
  strata::session_store* sessions_;
  strata::duration interval_;
  strata::log_function log_;
  std::optional<std::uint64_t> seen_;  // only the checking thread uses it
  bool failing_ = false;               // likewise
  bool sessions_failing_ = false;      // likewise
  strata::detail::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ STRATA_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace strata::platform
