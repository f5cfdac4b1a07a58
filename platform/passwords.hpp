#pragma once
/// Passwords, hashed with argon2id (RFC 9106) on threads of their own: a hash costs tens of milliseconds and
/// must not block the threads that serve requests.
/// Threads: internally locked; tasks resume on their caller's executor.

#include "core/mutex.hpp"

#include <strata/error.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>  // once_flag
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace strata::platform {

struct password_settings {
  unsigned threads = 1;
  std::size_t queue = 64;        ///< jobs that may wait; a further call ends with errc::busy
  std::uint64_t operations = 2;  ///< argon2id passes
  strata::byte_size memory{64u << 20};
};

inline constexpr std::size_t max_password_length = 1024;

class password_hasher {
 public:
  /// Throws strata::bad_options for a cost outside of argon2id's range.
  explicit password_hasher(password_settings settings);
  /// Waits for the running job. Queued jobs end with errc::busy.
  ~password_hasher();
  password_hasher(const password_hasher&) = delete;
  password_hasher& operator=(const password_hasher&) = delete;

  /// A hash of `password` with a new salt. Errors: busy.
  strata::task<strata::result<std::string>> hash(std::string password);

  /// Whether `password` matches the hash `known`. Without a known hash the result is false and takes as long
  /// as with one, so that timing does not reveal which accounts exist. Errors: busy.
  strata::task<strata::result<bool>> verify(std::optional<std::string> known, std::string password);

 private:
  struct job {
    std::function<void()> work;
    std::shared_ptr<strata::async_latch> done;
  };
  bool enqueue(job what);
  void run();
  std::string make_hash(const std::string& password) const;

  password_settings settings_;
  std::string decoy_hash_;  // made on first use, on a worker, so that the start stays quick
  std::once_flag decoy_made_;
  strata::detail::mutex mutex_;
  std::condition_variable wake_;
  std::deque<job> queue_ STRATA_GUARDED_BY(mutex_);
  bool stopping_ STRATA_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace strata::platform
