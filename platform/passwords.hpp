#pragma once
/// Passwords, hashed with argon2id (RFC 9106) on threads of their own: a hash costs tens of milliseconds and
/// must not block the threads that serve requests. Waiting jobs take turns by requester, such as a client's
/// address: a burst of one delays another by one job at most.
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
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace strata::platform {

struct password_settings {
  unsigned threads = 1;
  std::size_t queue = 64;        ///< jobs that may wait; then the requester with the most of them loses one
  std::size_t queue_each = 8;    ///< jobs of one requester that may wait; a further call ends with errc::busy
  std::uint64_t operations = 2;  ///< argon2id passes
  strata::byte_size memory{64u << 20};
};

/// In bytes.
inline constexpr std::size_t min_password_length = 8;
inline constexpr std::size_t max_password_length = 1024;

/// Why `password` is refused as a new password; empty: it is not.
std::string password_problem(std::string_view password);

class password_hasher {
 public:
  /// Throws strata::bad_options for a cost outside of argon2id's range.
  explicit password_hasher(password_settings settings);
  /// Waits for the running job. Queued jobs end with errc::busy.
  ~password_hasher();
  password_hasher(const password_hasher&) = delete;
  password_hasher& operator=(const password_hasher&) = delete;

  /// A hash of `password` with a new salt. Errors: busy.
  strata::task<strata::result<std::string>> hash(std::string password, std::string requester = {});

  /// Whether `password` matches the hash `known`. Without a known hash the result is false and takes as long
  /// as with one, so that timing does not reveal which accounts exist. Errors: busy.
  strata::task<strata::result<bool>> verify(std::optional<std::string> known, std::string password,
                                            std::string requester = {});

  /// True if `hash` was made with other parameters than those of the settings.
  bool is_outdated(const std::string& hash) const noexcept;

 private:
  struct job {
    std::function<void()> work;
    std::shared_ptr<strata::async_latch> done;
  };
  using jobs = std::deque<job>;
  bool enqueue(std::string requester, job what);
  bool make_room(std::size_t own, std::vector<job>& dropped) STRATA_REQUIRES(mutex_);
  void run();
  std::string make_hash(const std::string& password) const;

  password_settings settings_;
  std::string decoy_hash_;  // made on first use, on a worker, so that the start stays quick
  std::once_flag decoy_made_;
  strata::detail::mutex mutex_;
  std::condition_variable wake_;
  std::unordered_map<std::string, jobs> waiting_ STRATA_GUARDED_BY(mutex_);  // by requester; none is empty
  std::deque<std::string> turns_ STRATA_GUARDED_BY(mutex_);                  // the requesters, the next first
  std::size_t count_ STRATA_GUARDED_BY(mutex_) = 0;
  bool stopping_ STRATA_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace strata::platform
