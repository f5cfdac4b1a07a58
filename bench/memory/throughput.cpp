#include "baselines.hpp"
#include "bench.hpp"
#include "number_cache.hpp"

#include <strata/key.hpp>

#include "memory/table.hpp"

#include <fmt/core.h>

#include <sched.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#if defined(STRATA_BENCH_TBB)
#include <tbb/concurrent_lru_cache.h>
#endif

namespace strata::bench {

namespace {

using steady = std::chrono::steady_clock;

constexpr std::size_t stream_length = 1u << 20;
/// Every value is 3 × its key, so that each answer is checked.
constexpr std::uint64_t value_of(std::uint64_t key) noexcept {
  return key * 3;
}

struct streams {
  streams(std::uint32_t keys, unsigned threads) {
    for (unsigned i = 0; i < threads; ++i) of_thread.push_back(zipf_keys(keys, stream_length, 7 + i));
  }
  std::vector<std::vector<std::uint32_t>> of_thread;
};

/// Has the calling thread run on the first of its processors only.
void stay_on_first() {
  cpu_set_t mine;
  CPU_ZERO(&mine);
  if (::sched_getaffinity(0, sizeof mine, &mine) != 0) return;
  int first = 0;
  while (!CPU_ISSET(first, &mine)) ++first;
  CPU_ZERO(&mine);
  CPU_SET(first, &mine);
  static_cast<void>(::sched_setaffinity(0, sizeof mine, &mine));
}

/// Runs `step(key, i)` on every thread, each over its stream again and again. Returns million steps
/// a processor second: the median over batches, so that one during which another process took the
/// processor, and the caches, counts as one.
template <class Step>
double measure(const options& with, const streams& keys, Step step) {
  constexpr std::size_t batch = 8192;
  std::atomic<bool> stop = false;
  std::atomic<unsigned> ready = 0;
  std::vector<std::vector<double>> seconds(with.threads);
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < with.threads; ++id) {
    threads.emplace_back([&, id] {
      if (with.together) stay_on_first();
      const auto& stream = keys.of_thread[id];
      for (std::size_t i = 0; i < stream.size() / 4; ++i) step(stream[i], i);
      ++ready;
      while (ready < with.threads) std::this_thread::yield();
      double from = thread_seconds();
      for (std::size_t begin = 0; !stop.load(std::memory_order_relaxed); begin += batch) {
        begin %= stream.size();
        for (std::size_t i = begin; i < begin + batch; ++i) step(stream[i], i);
        const double to = thread_seconds();
        seconds[id].push_back(to - from);
        from = to;
      }
    });
  }
  while (ready < with.threads) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::duration<double>(with.seconds));
  stop = true;
  std::vector<double> all;
  for (unsigned id = 0; id < with.threads; ++id) {
    threads[id].join();
    all.insert(all.end(), seconds[id].begin(), seconds[id].end());
  }
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
  std::ranges::nth_element(all, middle);
  return batch / *middle * 1e-6;
}

[[noreturn]] void wrong(std::uint64_t key) {
  fmt::print(stderr, "memory_bench: wrong value for key {}\n", key);
  std::abort();
}

/// Million operations a processor second of one structure; empty: not measured.
struct row {
  std::string name;
  std::optional<double> hits;     ///< 64 Ki keys, all hits
  std::optional<double> mixed;    ///< the same, one in ten a write
  std::optional<double> through;  ///< room for a tenth of the keys; a miss inserts
  std::optional<double> large;    ///< 1 Mi keys, all hits
};

constexpr std::uint32_t few = 1u << 16;
constexpr std::uint32_t many = 1u << 20;

/// `make(keys)` builds a cache with room for that many.
template <class Make>
row measure_cache(std::string name, const options& with, const streams& small, const streams& large,
                  Make make) {
  row r{std::move(name), {}, {}, {}, {}};
  const auto read = [](auto& cache, std::uint64_t key) {
    const auto found = cache.find(key);
    if (!found || *found != value_of(key)) wrong(key);
  };
  {
    auto cache = make(std::size_t{few} * 2);
    for (std::uint64_t key = 0; key < few; ++key) cache->insert(key, value_of(key));
    r.hits = measure(with, small, [&](std::uint64_t key, std::size_t) { read(*cache, key); });
    r.mixed = measure(with, small, [&](std::uint64_t key, std::size_t i) {
      if (i % 10 == 0) {
        cache->insert(key, value_of(key));
      } else {
        read(*cache, key);
      }
    });
  }
  {
    auto cache = make(few / 10);
    r.through = measure(with, small, [&](std::uint64_t key, std::size_t) {
      const auto found = cache->find(key);
      if (!found) {
        cache->insert(key, value_of(key));
      } else if (*found != value_of(key)) {
        wrong(key);
      }
    });
  }
  auto cache = make(std::size_t{many} * 2);
  for (std::uint64_t key = 0; key < many; ++key) cache->insert(key, value_of(key));
  r.large = measure(with, large, [&](std::uint64_t key, std::size_t) { read(*cache, key); });
  return r;
}

/// The core with numbers in it. `now` is the caller's: it costs nothing here.
class strata_numbers {
 public:
  strata_numbers(std::size_t capacity, unsigned shards, memory::make_policy policy)
      : cache_(shards, {.budget = capacity * 64 / shards + 8192}, policy) {}
  std::optional<std::uint64_t> find(std::uint64_t key) noexcept { return cache_.find(key, 1); }
  void insert(std::uint64_t key, std::uint64_t value) {
    cache_.insert(key, value, 1, 0, std::int64_t{1} << 50);
  }

 private:
  number_cache cache_;
};

/// The texts that stand for the numbers.
const std::vector<std::string>& names() {
  static const auto all = [] {
    std::vector<std::string> texts(many);
    for (std::uint64_t key = 0; key < many; ++key) texts[key] = fmt::format("user:usr_{:06}", key);
    return texts;
  }();
  return all;
}

std::shared_ptr<const void> shared(std::uint64_t value) {
  return std::make_shared<const std::uint64_t>(value);
}
std::optional<std::uint64_t> number_in(const std::shared_ptr<const void>& found) {
  return found ? std::optional(*static_cast<const std::uint64_t*>(found.get())) : std::nullopt;
}

/// The table as the engine uses it: text keys, shared values. Hashes the text each time.
class strata_table {
 public:
  explicit strata_table(std::size_t capacity)
      : table_({.budget = {capacity * 256 + 65536}, .expected_objects = capacity, .largest = {64}}) {}
  std::optional<std::uint64_t> find(std::uint64_t key) noexcept {
    const std::string_view text = names()[key];
    return number_in(table_.find(hash_of(text), text, now));
  }
  void insert(std::uint64_t key, std::uint64_t value) {
    const std::string_view text = names()[key];
    table_.insert(hash_of(text), text, {shared(value), 32, now + std::chrono::hours(1)}, now);
  }

 private:
  static constexpr time_point now{std::chrono::seconds(1)};
  memory::table table_;
};

/// The same under mutexes.
class mutex_table {
 public:
  explicit mutex_table(std::size_t capacity) : table_(capacity) {}
  std::optional<std::uint64_t> find(std::uint64_t key) { return number_in(table_.find(names()[key])); }
  void insert(std::uint64_t key, std::uint64_t value) { table_.insert(names()[key], shared(value)); }

 private:
  mutex_lru_of_texts table_;
};

/// No cache at all: a cache line a key, read and written with relaxed atomics. What it loses by writes, the
/// machine takes for moving lines between processors, and every cache loses as much.
row measure_lines(const options& with, const streams& small) {
  struct alignas(64) line {
    std::atomic<std::uint64_t> value;
  };
  std::vector<line> lines(few);
  for (std::uint64_t key = 0; key < few; ++key) lines[key].value = value_of(key);
  const auto read = [&](std::uint64_t key) {
    if (lines[key].value.load(std::memory_order_relaxed) != value_of(key)) wrong(key);
  };
  row r{"no cache: 64 Ki lines of memory", {}, {}, {}, {}};
  r.hits = measure(with, small, [&](std::uint64_t key, std::size_t) { read(key); });
  r.mixed = measure(with, small, [&](std::uint64_t key, std::size_t i) {
    if (i % 10 == 0) {
      lines[key].value.store(value_of(key), std::memory_order_relaxed);
    } else {
      read(key);
    }
  });
  return r;
}

/// No cache at all: copies of shared_ptr from an array. What counting references costs two threads.
row measure_pointers(const options& with, const streams& small) {
  std::vector<std::shared_ptr<const void>> all;
  for (std::uint64_t key = 0; key < few; ++key) all.push_back(shared(value_of(key)));
  row r{"no cache: 64 Ki shared_ptr, copied", {}, {}, {}, {}};
  r.hits = measure(with, small, [&](std::uint64_t key, std::size_t) {
    const std::shared_ptr<const void> copy = all[key];  // NOLINT(performance-unnecessary-copy-initialization)
    if (*number_in(copy) != value_of(key)) wrong(key);
  });
  return r;
}

#if defined(STRATA_BENCH_TBB)
/// TBB's cache computes its own values on a miss and accepts none: reads only. It evicts what no
/// handle holds once `capacity` such are kept.
double measure_tbb(const options& with, const streams& keys, std::size_t capacity) {
  tbb::concurrent_lru_cache<std::uint64_t, std::uint64_t> cache(
      +[](std::uint64_t key) { return value_of(key); }, capacity);
  return measure(with, keys, [&](std::uint64_t key, std::size_t) {
    if (cache[key].value() != value_of(key)) wrong(key);
  });
}
#endif

void print(const row& r, const row& plain) {
  const auto cell = [](std::optional<double> of, std::optional<double> base) {
    if (!of) return fmt::format("{:>14}", "-");
    return base ? fmt::format("{:>8.1f} x{:<4.2f}", *of, *of / *base) : fmt::format("{:>8.1f}      ", *of);
  };
  fmt::print("  {:<34}{}{}{}{}\n", r.name, cell(r.hits, plain.hits), cell(r.mixed, {}), cell(r.through, {}),
             cell(r.large, plain.large));
  std::fflush(stdout);
}

/// The better of two measurements, cell by cell: what slows one down comes from outside.
row better(row a, const row& b) {
  for (const auto cell : {&row::hits, &row::mixed, &row::through, &row::large})
    a.*cell = std::max(a.*cell, b.*cell);
  return a;
}

bool check(const char* what, double ratio, double target) {
  const bool met = ratio >= target;
  fmt::print("  {:<58} {:>5.2f}, at least {:.2f}: {}\n", what, ratio, target, met ? "met" : "MISSED");
  return met;
}

/// Every structure once.
std::vector<row> measure_all(const options& with, const streams& small, const streams& large) {
  std::vector<row> rows;
  row plain{"boost::unordered_flat_map", {}, {}, {}, {}};
  {
    flat_map map;
    for (std::uint64_t key = 0; key < few; ++key) map.insert(key, value_of(key));
    const auto read = [&](std::uint64_t key, std::size_t) {
      if (const auto found = map.find(key); !found || *found != value_of(key)) wrong(key);
    };
    plain.hits = measure(with, small, read);
    for (std::uint64_t key = 0; key < many; ++key) map.insert(key, value_of(key));
    plain.large = measure(with, large, read);
  }
  rows.push_back(std::move(plain));
  for (const unsigned shards : {64u, 16u}) {
    rows.push_back(measure_cache(
        fmt::format("strata, {} shards", shards), with, small, large, [&](std::size_t capacity) {
          return std::make_unique<strata_numbers>(capacity, shards, memory::make_s3_camp);
        }));
  }
  rows.push_back(measure_cache("16 mutexes, list LRU", with, small, large, [](std::size_t capacity) {
    return std::make_unique<mutex_lru_of_numbers>(capacity);
  }));
  rows.push_back(
      measure_cache("strata table: text to shared_ptr", with, small, large,
                    [](std::size_t capacity) { return std::make_unique<strata_table>(capacity); }));
  rows.push_back(measure_cache("16 mutexes, list LRU: the same", with, small, large,
                               [](std::size_t capacity) { return std::make_unique<mutex_table>(capacity); }));
  auto together = with;
  together.together = true;
  rows.push_back(
      measure_cache("strata, 64 shards, one processor", together, small, large, [](std::size_t capacity) {
        return std::make_unique<strata_numbers>(capacity, 64, memory::make_s3_camp);
      }));
  rows.push_back(measure_cache("16 mutexes, one processor", together, small, large, [](std::size_t capacity) {
    return std::make_unique<mutex_lru_of_numbers>(capacity);
  }));
  rows.push_back(measure_lines(with, small));
  rows.push_back(measure_pointers(with, small));
#if defined(STRATA_BENCH_TBB)
  rows.push_back({"tbb::concurrent_lru_cache",
                  measure_tbb(with, small, std::size_t{few} * 2),
                  {},
                  measure_tbb(with, small, few / 10),
                  measure_tbb(with, large, std::size_t{many} * 2)});
#endif
  return rows;
}

}  // namespace

bool throughput(const options& with) {
  fmt::print(
      "Throughput, {} threads, Zipf 0.99, number to number, million operations a processor second,\n"
      "the best of {} rounds in each of which every structure had its turn\n"
      "(x: of a plain map, unlocked, that no cache can reach)\n\n"
      "  {:<34}{:>14}{:>14}{:>14}{:>14}\n",
      with.threads, with.rounds, "", "64 Ki, hits", "90/10", "read-through", "1 Mi, hits");
  const streams small(few, with.threads);
  const streams large(many, with.threads);
  auto rows = measure_all(with, small, large);
  for (unsigned round = 1; round < with.rounds; ++round) {
    const auto again = measure_all(with, small, large);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = better(std::move(rows[i]), again[i]);
  }
  const row& plain = rows[0];
  const row& ours = rows[1];
  const row& list = rows[3];
  const row& table = rows[4];
  const row& texts = rows[5];
  const row& alone = rows[6];
  const row& lines = rows[8];
  const row& pointers = rows[9];
  for (const auto& each : rows) print(each, plain);
#if !defined(STRATA_BENCH_TBB)
  fmt::print("  tbb::concurrent_lru_cache: not measured, install libtbb-dev\n");
#endif
  fmt::print(
      "\n  the table, of 16 mutexes with the same texts: hits x{:.2f} and x{:.2f}, 90/10 x{:.2f}, "
      "read-through x{:.2f}\n"
      "  its hits, of copies of shared_ptr from an array: x{:.2f}\n\n",
      *table.hits / *texts.hits, *table.large / *texts.large, *table.mixed / *texts.mixed,
      *table.through / *texts.through, *table.hits / *pointers.hits);
  bool good = check("hits at 64 Ki keys, of the plain map", *ours.hits / *plain.hits, 0.25);
  good &= check("hits at 1 Mi keys, of the plain map", *ours.large / *plain.large, 0.25);
  good &= check("hits at 64 Ki keys, of 16 mutexes with list LRU", *ours.hits / *list.hits, 3.0);
  good &= check("90/10, of all hits, threads on one processor", *alone.mixed / *alone.hits, 0.80);
  good &= check("90/10, of all hits", *ours.mixed / *ours.hits, 0.80);
  // Nanoseconds an operation that one write in ten costs.
  const auto cost = [](const row& of) { return 1000 / *of.mixed - 1000 / *of.hits; };
  fmt::print(
      "    lines of memory without a cache: {:.2f}. Writes make an operation dearer by {:.1f} ns there, by "
      "{:.1f} "
      "here;\n    with those {:.1f} ns alone it would be {:.2f} here\n",
      *lines.mixed / *lines.hits, cost(lines), cost(ours), cost(lines),
      1 / (1 + cost(lines) * *ours.hits / 1000));
  fmt::print("\n");
  return good;
}

}  // namespace strata::bench
