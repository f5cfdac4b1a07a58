/// The code of docs/guide/sizing.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <filesystem>
#include <fstream>

using namespace strata::literals;

strata::replay_result replayed(const std::filesystem::path& file, strata::byte_size memory) {
  auto trace = strata::trace_reader::open(file);
  CHECK(trace);  // otherwise trace.error().detail says why
  strata::trace_replay cache({.size = memory});
  strata::trace_request each;
  auto more = trace->next(each);
  for (; more && *more; more = trace->next(each)) cache.add(each);
  CHECK(more);  // otherwise more.error().detail names the file and line
  return cache.result();
}

int main() {
  const auto file = std::filesystem::temp_directory_path() / "strata_guide_sizing.csv";
  {
    std::ofstream lines(file);
    lines << "time,key,size\n";
    for (int i = 0; i < 10'000; ++i) lines << i << ",agent:agt_" << i % 1000 << ",1024\n";
  }
  // A thousand 1 KiB values take between 1 MiB and 2 MiB.
  CHECK(replayed(file, 2_MiB).object_miss_ratio() == 0.1);
  CHECK(replayed(file, 1_MiB).object_miss_ratio() > 0.1);
  std::filesystem::remove(file);
}
