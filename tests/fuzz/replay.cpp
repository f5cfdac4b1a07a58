/// Runs a fuzz target without libFuzzer: over each seed, and over fixed changes of it, so that
/// every build tests what the fuzzer once found. The same inputs each time.
/// Threads: one.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::string& input) {
  // A copy of exactly this size, so that reading past its end is seen by the sanitizers.
  const std::vector<std::uint8_t> exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

/// One change to `input`: a byte changed, cut out, doubled, or the rest cut off.
std::string changed(std::string input, std::mt19937& random) {
  if (input.empty()) return std::string(1, static_cast<char>(random()));
  const std::size_t at = random() % input.size();
  switch (random() % 5) {
    case 0:
      input[at] = static_cast<char>(random());
      break;
    case 1:
      input[at] = static_cast<char>(input[at] ^ (1 << random() % 8));
      break;
    case 2:
      input.erase(at, 1 + random() % 8);
      break;
    case 3:
      input.insert(at, input.substr(at, 1 + random() % 64));
      break;
    default:
      input.resize(at);
  }
  return input;
}

}  // namespace

int main(int count, char** arguments) {
  constexpr int changes = 2000;
  std::vector<std::filesystem::path> seeds;
  for (int i = 1; i < count; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(arguments[i])) seeds.push_back(entry.path());
  }
  if (seeds.empty()) {
    std::fputs("no seeds\n", stderr);
    return 1;
  }
  for (const auto& seed : seeds) {
    std::ifstream file(seed, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(file), {}};
    run(input);
    std::mt19937 random(42);
    std::string each = input;
    for (int i = 0; i < changes; ++i) {
      each = changed(random() % 4 == 0 ? input : std::move(each), random);
      run(each);
    }
  }
}
