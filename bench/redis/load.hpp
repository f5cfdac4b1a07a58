#pragma once
/// One client's work: a command on random keys, `depth` of them in flight on one connection.
/// Threads: values.

#include <chrono>
#include <cstdint>
#include <string>

#include <sys/resource.h>

namespace bench {

inline constexpr unsigned keys = 10'000;
inline constexpr std::size_t value_size = 512;

struct redis_load {
  bool sets = false;
  int depth = 1;
  std::uint16_t port = 0;
  std::chrono::milliseconds warm_up{200};
  std::chrono::milliseconds measured{1000};
};

struct redis_measure {
  double operations_per_second = 0;
  double client_microseconds = 0;  ///< CPU an operation
  double server_microseconds = 0;
};

/// Each runs in a process of its own and returns what it measured, but for the server's CPU.
redis_measure run_strata(const redis_load& what);
/// The same with the callers on another thread than the connection.
redis_measure run_strata_elsewhere(const redis_load& what);
redis_measure run_hiredis(const redis_load& what);

/// The keys of redis-benchmark. Without printf, which would take a tenth of a client's time.
inline std::string key_of(std::uint32_t number) {
  std::string text = "key:000000000000";
  number %= keys;
  for (auto digit = text.rbegin(); number > 0; ++digit, number /= 10) {
    *digit = static_cast<char>('0' + number % 10);
  }
  return text;
}

/// xorshift64 (Marsaglia 2003).
class numbers {
 public:
  explicit numbers(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  std::uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::uint32_t>(state_ >> 16);
  }

 private:
  std::uint64_t state_;
};

inline double own_cpu() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& of) {
    return static_cast<double>(of.tv_sec) + 1e-6 * static_cast<double>(of.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// What was done between its start and its end, once the warm-up is over.
class meter {
 public:
  explicit meter(const redis_load& what)
      : begin_(clock::now() + what.warm_up), end_(begin_ + what.measured) {}

  /// Counts one operation. Returns false when the time is over.
  bool count() {
    const auto now = clock::now();
    if (now >= end_) return false;
    if (now >= begin_ && operations_++ == 0) {
      started_ = now;
      cpu_ = own_cpu();
    }
    return true;
  }
  redis_measure result() const {
    const auto done = static_cast<double>(operations_);
    return {.operations_per_second = done / std::chrono::duration<double>(clock::now() - started_).count(),
            .client_microseconds = (own_cpu() - cpu_) * 1e6 / done};
  }

 private:
  using clock = std::chrono::steady_clock;
  clock::time_point begin_, end_, started_;
  double cpu_ = 0;
  std::uint64_t operations_ = 0;
};

}  // namespace bench
