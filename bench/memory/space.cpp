#include "bench.hpp"
#include "number_cache.hpp"

#include <strata/key.hpp>

#include "memory/table.hpp"

#include <fmt/core.h>

#include <malloc.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <fstream>
#include <random>
#include <string>
#include <thread>

namespace strata::bench {

namespace {

/// What the process takes of the machine's memory, less what the allocator keeps for later.
double resident() {
  malloc_trim(0);
  std::ifstream of("/proc/self/statm");
  double all = 0;
  double pages = 0;
  of >> all >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

constexpr std::int64_t hour = 3600'000'000'000;

void print(const char* what, std::uint64_t entries, double charged, double measured) {
  const auto each = static_cast<double>(entries);
  fmt::print("  {:<52}{:>10}{:>10.1f}{:>10.1f}\n", what, entries, charged / each, measured / each);
}

/// Numbers, with expiry: bytes beside the 16 of key and value.
double number_overhead(std::uint64_t budget) {
  const double before = resident();
  number_cache cache(16, {.budget = budget / 16}, memory::make_s3_camp);
  for (std::uint64_t key = 0; key < budget / 32; ++key) {
    cache.insert(key, key, 1, 0, hour);
    cache.find(key % 1000, 1);
  }
  const double entries = static_cast<double>(cache.entries());
  const double charged = static_cast<double>(cache.bytes()) - 16 * entries;
  print("number to number, full, with expiry", cache.entries(), charged, resident() - before - 16 * entries);
  return charged / entries;
}

/// The engine's table: bytes beside the key's text, the value's block and the pointer to it.
double table_overhead(std::uint64_t budget, std::size_t key_size) {
  const double before = resident();
  memory::table table({.budget = {budget}, .shards = 16});
  constexpr time_point now{std::chrono::seconds(1)};
  for (std::uint64_t i = 0; i < budget / 96; ++i) {
    const std::string key = fmt::format("{:0{}}", i, key_size);
    table.insert(hash_of(key), key,
                 {std::make_shared<const std::uint64_t>(i), 32, now + std::chrono::hours(1)}, now);
  }
  const double entries = static_cast<double>(table.stats().entries);
  const double own = entries * static_cast<double>(key_size + 32 + sizeof(std::shared_ptr<const void>));
  const double charged = static_cast<double>(table.stats().bytes) - own;
  print(fmt::format("text of {} to shared_ptr, full, with expiry", key_size).c_str(), table.stats().entries,
        charged, resident() - before - own);
  return charged / entries;
}

/// Four threads that read, insert, erase, and change the budget. Returns the highest share of the
/// budget seen, and prints it.
double hammered(const options& with) {
  constexpr std::uint64_t budget = 32u << 20;
  memory::table table({.budget = {budget}, .shards = 16});
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> operations = 0;
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < 4; ++id) {
    threads.emplace_back([&, id] {
      std::mt19937_64 random(id);
      std::uint64_t done = 0;
      for (; !stop.load(std::memory_order_relaxed); ++done) {
        const time_point now{std::chrono::microseconds(100 * done)};
        const std::string key = fmt::format("k{}", random() % 200'000);
        if (random() % 64 == 0) table.erase(hash_of(key), key);
        if (random() % 65536 == 0) table.resize({budget / (1 + random() % 4)}, now);
        if (table.find(hash_of(key), key, now)) continue;
        const std::size_t bytes = std::size_t{32} << (random() % 12);
        table.insert(
            hash_of(key), key,
            {std::make_shared<const int>(1), bytes, now + std::chrono::milliseconds(random() % 5000)}, now);
      }
      operations += done;
    });
  }
  std::uint64_t highest = 0;
  std::uint64_t samples = 0;
  const double until = thread_seconds() + with.seconds;
  while (thread_seconds() < until) {
    highest = std::max(highest, table.stats().bytes);
    ++samples;
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  const double share = static_cast<double>(highest) / static_cast<double>(budget);
  fmt::print("  {} operations by 4 threads, {} samples: at most {:.2f} % of the budget\n", operations.load(),
             samples, share * 100);
  return share;
}

}  // namespace

bool space(const options& with) {
  fmt::print("Bytes an entry takes beyond its key and value\n\n  {:<52}{:>10}{:>10}{:>10}\n", "", "entries",
             "charged", "measured");
  const double numbers = number_overhead(64u << 20);
  table_overhead(64u << 20, 16);
  table_overhead(64u << 20, 28);
  const bool small = numbers <= 48;
  fmt::print("\n  number to number: {:.1f} bytes, at most 48: {}\n\nBudget under hammering\n\n", numbers,
             small ? "met" : "MISSED");
  const bool kept = hammered(with) <= 1.0;
  fmt::print("  never exceeded: {}\n\n", kept ? "met" : "MISSED");
  return small && kept;
}

}  // namespace strata::bench
