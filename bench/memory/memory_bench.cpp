/// Measures the memory cache in one run: throughput against other structures, miss ratios over
/// traces beside published ones, bytes an entry, the budget while it is hammered.
///
///   memory_bench [--only throughput|ratios|space] [--seconds N] [--rounds N] [--threads N]
///                [--traces FOLDER] [--strict yes]
///
/// Traces: `time,key,size[,ttl]` a line, gzip; the folder may also come from STRATA_TRACES. With
/// --strict a target of the project that is missed is exit status 1: throughput needs a quiet machine.

#include "bench.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string_view>

namespace strata::bench {

std::vector<std::uint32_t> zipf_keys(std::uint32_t keys, std::size_t count, std::uint64_t seed) {
  std::vector<double> cumulative(keys);
  double sum = 0;
  for (std::uint32_t rank = 0; rank < keys; ++rank) {
    cumulative[rank] = sum += 1 / std::pow(rank + 1.0, 0.99);
  }
  std::vector<std::uint32_t> key_of(keys);
  std::iota(key_of.begin(), key_of.end(), 0u);
  std::shuffle(key_of.begin(), key_of.end(), std::mt19937_64(42));
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, sum);
  std::vector<std::uint32_t> drawn(count);
  for (auto& key : drawn) {
    const auto rank = std::ranges::lower_bound(cumulative, uniform(random)) - cumulative.begin();
    key = key_of[static_cast<std::size_t>(std::min<std::ptrdiff_t>(rank, keys - 1))];
  }
  return drawn;
}

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace strata::bench

int main(int argc, char** argv) {
  using namespace strata::bench;
  options with;
  bool strict = false;
  if (const char* folder = std::getenv("STRATA_TRACES")) with.traces = folder;
  try {
    for (int i = 1; i < argc; i += 2) {
      const std::string_view flag = argv[i];
      if (i + 1 == argc) throw std::invalid_argument("a value is missing");
      const std::string value = argv[i + 1];
      if (flag == "--only") {
        with.only = value;
      } else if (flag == "--seconds") {
        with.seconds = std::stod(value);
      } else if (flag == "--rounds") {
        with.rounds = static_cast<unsigned>(std::stoul(value));
      } else if (flag == "--threads") {
        with.threads = static_cast<unsigned>(std::stoul(value));
      } else if (flag == "--traces") {
        with.traces = value;
      } else if (flag == "--strict") {
        strict = value == "yes";
      } else {
        throw std::invalid_argument("unknown flag");
      }
    }
  } catch (const std::exception& wrong) {
    fmt::print(stderr,
               "memory_bench: {}\nusage: memory_bench [--only throughput|ratios|space] [--seconds N] "
               "[--rounds N] [--threads N] [--traces FOLDER] [--strict yes]\n",
               wrong.what());
    return 2;
  }
  bool good = true;
  const auto wanted = [&](std::string_view part) { return with.only.empty() || with.only == part; };
  if (wanted("throughput")) good &= throughput(with);
  if (wanted("space")) good &= space(with);
  if (wanted("ratios")) good &= ratios(with);
  return good || !strict ? 0 : 1;
}
