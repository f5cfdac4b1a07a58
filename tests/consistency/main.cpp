/// `./dev consistency`: checks the guarantees of docs/consistency.md on every read, under all faults.

#include "tests/consistency/command.hpp"
#include "tests/consistency/report.hpp"
#include "tests/consistency/writers.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <random>
#include <thread>

namespace {

using namespace strata::consistency;
using namespace std::chrono_literals;

void say(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

/// Returns: whether no promise was broken.
bool run(const command& wanted) {
  const bool broken = wanted.plan.mutant[0] != '\0';
  stage all({.store = wanted.store,
             .seed = wanted.seed,
             .program = broken ? STRATA_CONSISTENCY_MUTANT : STRATA_CONSISTENCY_PROCESS,
             .plan = wanted.plan});
  all.wait_until_ready();
  auto& shared = all.shared();
  const auto began = now();

  writers programs(all.postgres_url(), all.programs(), wanted.seed, all.setup().plan);
  shared.now = phase::running;
  programs.start();
  faults trouble(all, wanted.faults, wanted.seed);
  trouble.run(began + wanted.seconds * second);
  programs.stop();
  shared.now = phase::quiet;
  all.wait_until_ready();
  std::this_thread::sleep_for(2500ms);
  all.look_at_all();

  const auto bound = (wanted.faults.empty() ? 100 : 350) * millisecond;
  const auto logs = all.logs();
  const auto found = judge(all.history(), logs, all.setup().plan.keys.all(), bound, began);
  say(report(trouble.history(), began));
  say(report(all.counted(), all.peak_queries()));
  say(report(found, bound));
  if (const auto said = all.said(); !said.empty()) {
    say("broken: a process said\n" + said);
    return false;
  }
  if (!found.broken_promises.empty()) return false;
  say("no promise broken\n");
  return true;
}

}  // namespace

int main(int count, char** given) {
  const std::vector<std::string_view> words(given + 1, given + count);
  auto wanted = parse(words);
  if (!wanted) {
    std::fputs(std::string(usage).c_str(), stderr);
    return 2;
  }
  if (wanted->seed == 0) wanted->seed = std::random_device()() | 1;
  try {
    for (int i = 0; i < wanted->runs; ++i, ++wanted->seed) {
      say(fmt::format("seed        {} ({} s)\n", wanted->seed, wanted->seconds));
      if (!run(*wanted)) return 1;
    }
    return 0;
  } catch (const std::exception& why) {
    say(fmt::format("broken: the run did not end: {}\n", why.what()));
    return 1;
  }
}
