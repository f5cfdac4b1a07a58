#pragma once
/// Counters that cost a hit next to nothing: each thread writes its own cells.
/// Threads: any thread may count and read; a reader may miss counts of the moment.

#include <strata/entity.hpp>
#include <strata/stats.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

namespace strata::detail {

/// The counters of one cache type.
struct type_cells {
  using cell = std::atomic<std::uint64_t>;
  cell l1_hits, l2_hits, negative_hits, stale_hits, refreshes, shared, fills, fills_fenced, fills_older,
      fills_too_large, fills_withheld, factory_calls, factory_failures, removals;
  std::array<cell, miss_reasons> misses{};
};

enum class operation : std::uint8_t { get, get_or_set, set, remove };
inline constexpr std::size_t operations = 4;

class counters {
 public:
  counters() = default;
  ~counters();
  counters(const counters&) = delete;
  counters& operator=(const counters&) = delete;

  void count(cache_type type, type_cells::cell type_cells::* which, std::uint64_t by = 1) noexcept {
    add((mine().types[type.index()].*which), by);
  }
  void count_miss(cache_type type, miss_reason why) noexcept {
    add(mine().types[type.index()].misses[static_cast<std::size_t>(why)], 1);
  }

  /// True for one in `sample_every` calls of this thread: measure the time of that one.
  bool sample() noexcept {
    auto& calls = mine().calls;
    add(calls, 1);
    return calls.load(std::memory_order_relaxed) % sample_every == 0;
  }
  static constexpr std::uint64_t sample_every = 64;

  /// Notes that `weight` operations took `took` each.
  void time(operation what, duration took, std::uint64_t weight = 1) noexcept;

  void l2_round_trip(bool failed) noexcept {
    add(mine().l2_round_trips, 1);
    if (failed) add(mine().l2_errors, 1);
  }

  /// A hook of the observer threw.
  void hook_failed() noexcept { add(mine().hook_failures, 1); }

  /// Sums all threads into `out`.
  void collect(cache_stats& out) const;

 private:
  /// Upper bounds in nanoseconds; a last bucket takes the rest.
  static constexpr std::array<std::int64_t, 14> bounds = {
      250,       1'000,      5'000,      25'000,      100'000,     250'000,       1'000'000,
      2'500'000, 10'000'000, 25'000'000, 100'000'000, 500'000'000, 2'500'000'000, 10'000'000'000};

  struct histogram {
    std::array<type_cells::cell, bounds.size() + 1> buckets{};
    type_cells::cell nanoseconds = 0;
  };
  struct alignas(64) block {
    std::array<type_cells, cache_type::limit> types{};
    std::array<histogram, operations> latencies{};
    type_cells::cell l2_round_trips = 0;
    type_cells::cell l2_errors = 0;
    type_cells::cell hook_failures = 0;
    type_cells::cell calls = 0;
  };

  static constexpr std::size_t max_threads = 128;

  block& mine() noexcept;
  block& make(std::size_t index) noexcept;
  static void add(type_cells::cell& cell, std::uint64_t by) noexcept {
    cell.store(cell.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  std::array<std::atomic<block*>, max_threads> blocks_{};
};

}  // namespace strata::detail
