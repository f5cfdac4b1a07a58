#pragma once
/// The records of a run and the state its processes share: files mapped into memory, so that the records
/// survive a process that is killed at any moment.
/// Threads: any thread may write a log; a board's fields are atomic or belong to one session.

#include "tests/consistency/plan.hpp"
#include "tests/redis/child.hpp"

#include <strata/relay_stats.hpp>

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

namespace strata::consistency {

/// A point on the steady clock, which is CLOCK_MONOTONIC: all processes of a machine share it.
using nanoseconds = std::int64_t;
inline nanoseconds now() noexcept {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}
inline constexpr nanoseconds millisecond = 1'000'000;
inline constexpr nanoseconds second = 1'000'000'000;

enum class what : std::uint8_t {
  nothing,
  row,    ///< read by its key alone
  batch,  ///< read with others, each by its key
  list,   ///< read as part of a list under a prefix
  query,  ///< read as part of a result of the query cache
  rest,   ///< at the end, from the cache alone
  fill,   ///< at the end, by a normal read
  // Writes:
  through,    ///< by the repository
  statement,  ///< by one statement of another program
  several,    ///< by another program, of several rows at once
  early,      ///< by a transaction that got its number long before its COMMIT
  longer,     ///< by a transaction that was open for a long time
  refill,     ///< TRUNCATE and COPY in one transaction
  truncate,
  copy,
  aborted,
};
inline constexpr std::array<const char*, 16> what_names{
    "nothing",       "row",        "batch",     "list",         "query",        "rest",
    "fill",          "repository", "statement", "several rows", "early number", "long transaction",
    "truncate+copy", "truncate",   "copy",      "aborted"};
constexpr bool is_write(what of) noexcept {
  return of >= what::through;
}

/// One read or write. Written in place, `is` last.
struct record {
  nanoseconds begun = 0;
  nanoseconds ended = 0;         ///< 0: it never ended
  std::int64_t stamp = 0;        ///< of a read: the version, 0: no row
  std::int64_t token = 0;        ///< of a write: the token in its versions
  nanoseconds acknowledged = 0;  ///< of a write: when its COMMIT was acknowledged, 0: never
  std::uint32_t key = 0;
  std::uint16_t session = 0;  ///< 0: none
  std::uint8_t layer = 0;
  bool stale = false;  ///< marked stale
  bool failed = false;
  bool unanswered = false;  ///< failed or too late, although the source answered all the time
  bool marked = false;      ///< required its session's own writes
  std::atomic<what> is = what::nothing;
};

/// Other counters of a process.
struct counts {
  std::atomic<std::uint64_t> samples = 0, untrusted = 0;  ///< samples of the coherence lease
  std::atomic<std::uint64_t> fenced = 0, older = 0, too_large = 0;
  std::atomic<std::uint64_t> delivered = 0, losses = 0, evictions = 0, l2_errors = 0;
  // Counters of its relay; durations in nanoseconds.
  std::atomic<std::uint64_t> relayed = 0, takeovers = 0, replays = 0;
  std::array<std::atomic<std::uint64_t>, clear_reasons> clears = {};
  std::atomic<std::uint64_t> told_after_p50 = 0, told_after_p99 = 0;
};

/// Maps `file`, and creates it with `size` bytes if it does not exist.
class mapping {
 public:
  mapping(const std::string& file, std::size_t size) : size_(size) {
    const test::descriptor at(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (at.get() < 0 || ::ftruncate(at.get(), static_cast<off_t>(size)) != 0) {
      throw std::runtime_error("cannot make " + file);
    }
    at_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, at.get(), 0);
    if (at_ == MAP_FAILED) throw std::runtime_error("cannot map " + file);
  }
  mapping(const mapping&) = delete;
  mapping& operator=(const mapping&) = delete;
  ~mapping() { ::munmap(at_, size_); }
  void* data() const noexcept { return at_; }

 private:
  std::size_t size_;
  void* at_;
};

/// The reads and writes of one process. The file is sparse: unused records take no space.
class log {
 public:
  static constexpr std::size_t most = 8'000'000;

  explicit log(const std::string& file) : map_(file, sizeof(head) + most * sizeof(record)) {}

  /// A record to be filled in; `is` says that it is.
  record& next() {
    const auto at = begin().used.fetch_add(1, std::memory_order_relaxed);
    if (at >= most) throw std::length_error("a log is full");
    return records()[at];
  }
  counts& counted() noexcept { return begin().counted; }
  std::span<record> all() {
    const auto used = std::min<std::uint64_t>(begin().used, most);
    return {records(), used};
  }

 private:
  struct head {
    std::atomic<std::uint64_t> used;
    counts counted;
  };
  head& begin() const noexcept { return *static_cast<head*>(map_.data()); }
  record* records() const noexcept {
    return reinterpret_cast<record*>(static_cast<char*>(map_.data()) + sizeof(head));
  }
  mapping map_;
};

enum class phase : std::uint32_t {
  loading,  ///< processes are starting
  running,
  quiet,     ///< no more writes or faults
  checking,  ///< each process reads all keys
};

/// Engine processes. One more, with empty memory, starts at the end.
inline constexpr unsigned engine_processes = 3;
inline constexpr unsigned most_sessions = 64;
inline constexpr unsigned most_seconds = 4096;

/// The state that the driver and all processes share.
struct board {
  consistency::plan plan;
  std::atomic<phase> now;
  std::atomic<bool> ballast;          ///< store many other values, so that the store must evict
  std::atomic<std::uint32_t> looked;  ///< how many processes have read all keys
  nanoseconds began;
  std::array<std::atomic<std::uint32_t>, most_seconds> queries;  ///< to the database, by second since `began`

  struct process {
    std::atomic<bool> ready;
    std::atomic<bool> relays;         ///< its relay is the active one
    std::atomic<nanoseconds> served;  ///< when it last served from memory
    std::atomic<bool> dies_reading;   ///< kills itself in its next query, while it holds a lease
    std::atomic<bool> is_to_die;      ///< kills itself between its next COMMIT and the invalidation
  };
  std::array<process, engine_processes + 1> processes;

  /// A session that reads and writes, and moves between processes with the token of its writes.
  struct session {
    std::atomic<std::uint32_t> at;    ///< the current process; only that process changes the other fields
    std::atomic<std::uint32_t> lane;  ///< 0: no process runs its next step; else 1 + the process that does
    std::uint64_t mark_process, mark_at;
    std::int64_t untold_until;  ///< of a mark that no store knows the time of
    bool mark_shared;
    std::atomic<std::uint64_t> steps;
  };
  std::array<session, most_sessions> sessions;
};

class shared_board {
 public:
  explicit shared_board(const std::string& file) : map_(file, sizeof(board)) {}
  board* operator->() const noexcept { return static_cast<board*>(map_.data()); }
  board& operator*() const noexcept { return *static_cast<board*>(map_.data()); }

 private:
  mapping map_;
};

}  // namespace strata::consistency
