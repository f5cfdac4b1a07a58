/// One process of a stampede: misses one key many times at once and says what its factory did.
///
///   stampede_program URL READERS GO_FILE
///
/// Prints "ready" when its store is up, waits for GO_FILE, then prints "call" each time the factory runs
/// and at the end "got N" with the number of readers who got the value.

#include <strata/strata.hpp>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>

using namespace std::chrono_literals;

int main(int count, char** words) {
  if (count != 4) return 2;
  const std::string url = words[1];
  const int readers = std::stoi(words[2]);
  const std::filesystem::path go = words[3];

  const auto opened = strata::open_store(url);
  if (!opened) return 2;
  strata::cache cache({.second_level = *opened});
  const auto in_use = [&] {
    const auto now = cache.stats().second_level;
    return now.state == strata::second_level_state::up && now.coherent;
  };
  while (!in_use()) {
    std::this_thread::sleep_for(1ms);
  }
  std::puts("ready");
  std::fflush(stdout);
  while (!std::filesystem::exists(go)) std::this_thread::sleep_for(1ms);

  const strata::entity<std::string, "page:{id}"> page{{.ttl = 60s, .hard_timeout = 20s}};
  std::atomic<int> got = 0;
  std::atomic<int> ended = 0;
  for (int i = 0; i < readers; ++i) {
    auto factory = [](strata::fill_context&) -> strata::task<std::string> {
      std::puts("call");
      std::this_thread::sleep_for(100ms);  // the source is slow, or there would be no stampede
      co_return "the value";
    };
    strata::start(&strata::system_background(), cache.get_or_set(page("one"), factory),
                  [&](const auto& outcome) {
                    if (outcome && *outcome && **outcome == "the value") ++got;
                    ++ended;
                  });
  }
  while (ended < readers) std::this_thread::sleep_for(1ms);
  std::printf("got %d\n", got.load());
}
