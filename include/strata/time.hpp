#pragma once
/// Clocks, durations and sizes. Time is always passed in: nothing below `open` reads a clock
/// by itself, so a test can own time.
/// Threads: values are immutable; a `clock` may be read from any thread.

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

namespace strata {

/// A span of time.
using duration = std::chrono::nanoseconds;

/// A point on the process's monotonic clock. Never compared across processes.
using time_point = std::chrono::time_point<std::chrono::steady_clock, duration>;

/// A calendar time, for people and HTTP only; no cache decision depends on it.
using wall_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// A point on the commit clock of the source of truth. Larger is later.
using commit_time = std::uint64_t;

/// The largest commit time: scripts count in doubles, which are exact up to here.
inline constexpr commit_time last_commit_time = (std::uint64_t{1} << 53) - 1;

/// A source of time.
/// Threads: any. Cost: one virtual call and the clock's own.
class clock {
 public:
  virtual ~clock() = default;
  /// Never goes back.
  virtual time_point now() const noexcept = 0;
  /// The same, up to 10 ms late, and cheaper: for deciding expiry on a hit. It can lag further while the
  /// processor that advances it is paused, as in a virtual machine.
  virtual time_point coarse_now() const noexcept { return now(); }
  virtual wall_time wall() const noexcept = 0;
};

/// The machine's clocks. Lifetime: static.
const clock& system_clock() noexcept;

/// `when` as RFC 3339 in UTC with milliseconds: "2026-03-01T09:30:00.250Z". Years 0 to 9999.
std::string rfc3339(wall_time when);

/// A number of bytes.
struct byte_size {
  std::uint64_t count = 0;
  friend constexpr auto operator<=>(byte_size, byte_size) = default;
};

namespace literals {
constexpr byte_size operator""_B(unsigned long long n) {
  return {n};
}
constexpr byte_size operator""_KiB(unsigned long long n) {
  return {n << 10};
}
constexpr byte_size operator""_MiB(unsigned long long n) {
  return {n << 20};
}
constexpr byte_size operator""_GiB(unsigned long long n) {
  return {n << 30};
}
}  // namespace literals

}  // namespace strata
