/// Runs a fuzz target over random inputs until it has compared a million values: `round_trip_values [SEED
/// [FIRST]]`. It prints its seed; when it ends early, also which input it was at, and both repeat that input.
/// Threads: one.

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" std::size_t values_compared();

namespace {

constexpr std::size_t wanted = 1'000'000;
std::uint32_t seed = 0;
std::uint32_t input = 0;

void report(int) {
  std::fprintf(stderr, "repeat it with: round_trip_values %u %u\n", seed, input);
}

}  // namespace

int main(int count, char** arguments) {
  const auto number = [&](int at, std::uint32_t otherwise) {
    return count > at ? static_cast<std::uint32_t>(std::strtoul(arguments[at], nullptr, 10)) : otherwise;
  };
  seed = number(1, std::random_device()());
  input = number(2, 0);
  std::printf("seed %u\n", seed);
  std::fflush(stdout);
  std::signal(SIGABRT, report);
  const auto began = std::chrono::steady_clock::now();
  for (; values_compared() < wanted; ++input) {
    std::seed_seq of{seed, input};
    std::mt19937 random(of);
    std::vector<std::uint8_t> bytes(random() % 2000);
    for (auto& each : bytes) each = static_cast<std::uint8_t>(random());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  const auto took = std::chrono::steady_clock::now() - began;
  std::printf("%zu values in %u structs, %.1f s\n", values_compared(), input,
              std::chrono::duration<double>(took).count());
}
