#pragma once
/// What the parts of memory_bench share.
/// Threads: values and pure functions.

#include <cstdint>
#include <string>
#include <vector>

namespace strata::bench {

struct options {
  unsigned threads = 2;
  bool together = false;  ///< all threads on one processor
  unsigned rounds = 3;    ///< of the throughput
  double seconds = 1.0;   ///< of each measurement
  std::string traces;     ///< folder with *.csv.gz and reference_miss_ratios.csv; empty: skip
  std::string only;       ///< one part; empty: all
};

/// Throughput against a plain map and other caches. Returns whether the targets are met.
bool throughput(const options& with);

/// Miss ratios of every policy over the traces, beside the published ones.
bool ratios(const options& with);

/// Bytes an entry takes beyond key and value, and the budget while it is hammered.
bool space(const options& with);

/// `count` keys of [0, keys), Zipf-distributed with exponent 0.99, which rank is which key at random.
std::vector<std::uint32_t> zipf_keys(std::uint32_t keys, std::size_t count, std::uint64_t seed);

/// Processor time of the calling thread.
double thread_seconds();

}  // namespace strata::bench
