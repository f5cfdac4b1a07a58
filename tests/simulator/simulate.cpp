#include "tests/simulator/simulate.hpp"

#include "engine/mutation.hpp"
#include "tests/simulator/world.hpp"

#include <algorithm>

namespace strata::simulator {

outcome simulate(std::uint64_t seed, bool lines, tally& seen) {
  world all(seed, lines, seen);
  all.run();
  return {.steps = all.steps(), .failed = all.failed(), .lines = all.log().lines()};
}

std::string report(std::uint64_t seed, const outcome& of, std::size_t events) {
  const auto& what = *of.failed;
  std::vector<const event_line*> told;
  for (const auto& each : of.lines) {
    if (each.key == what.key || each.key == every_key) told.push_back(&each);
  }
  const auto from = told.size() - std::min(told.size(), events);
  auto out = fmt::format("seed {}, step {}: broken: {}\n  {}\n", seed, what.step, what.rule, what.how);
  if (from != told.size()) out += "  the last events of that key:\n";
  for (auto i = from; i < told.size(); ++i) out += "  " + told[i]->text + '\n';
  const auto mutant = strata::detail::name(strata::detail::active_mutation);
  return out + fmt::format("  all of it: ./dev simulate --seed {}{}{} --trace\n", seed,
                           mutant.empty() ? "" : " --mutant ", mutant);
}

}  // namespace strata::simulator
