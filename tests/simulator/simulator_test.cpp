/// Thousands of simulations break no guarantee; each mutant of the engine breaks one.

#include "engine/mutation.hpp"
#include "tests/simulator/command.hpp"
#include "tests/simulator/simulate.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata::simulator;
using strata::detail::active_mutation;
using strata::detail::mutation;

/// Enables a mutant during its lifetime.
struct mutant {
  explicit mutant(mutation which) { active_mutation = which; }
  ~mutant() { active_mutation = mutation::none; }
  mutant(const mutant&) = delete;
  mutant& operator=(const mutant&) = delete;
};

constexpr std::uint64_t seeds_a_range = 1000;

class Seeds : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Seeds, BreakNoPromise) {
  tally seen;
  for (auto seed = GetParam(); seed < GetParam() + seeds_a_range; ++seed) {
    if (simulate(seed, false, seen).failed) FAIL() << report(seed, simulate(seed, true, seen));
  }
}
INSTANTIATE_TEST_SUITE_P(Simulator, Seeds,
                         ::testing::Range<std::uint64_t>(1, 1 + 8 * seeds_a_range, seeds_a_range));

TEST(Simulator, ComesAcrossAllThatCanHappen) {
  tally seen;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) simulate(seed, false, seen);
  for (const auto* each :
       {"l1", "l2", "source", "stale answer", "shared answer", "fenced answer", "known absence", "failure",
        "exception", "miss of get", "refused fill", "store error", "lost connection", "emptied store",
        "dead process", "lease of a dead process", "dropped caller", "value kept beside a lease"}) {
    EXPECT_TRUE(seen.counts.contains(each)) << each;
  }
}

TEST(Simulator, TakesTheSameStepsFromTheSameSeed) {
  tally seen;
  for (const std::uint64_t seed : {3, 14, 159, 26}) {
    const auto first = simulate(seed, true, seen);
    const auto again = simulate(seed, true, seen);
    EXPECT_GT(first.lines.size(), 50u);
    ASSERT_EQ(first.lines.size(), again.lines.size());
    for (std::size_t i = 0; i < first.lines.size(); ++i) ASSERT_EQ(first.lines[i].text, again.lines[i].text);
    EXPECT_EQ(simulate(seed, false, seen).steps, first.steps);
  }
}

struct caught {
  const char* mutant;
  std::uint64_t within;  ///< the maximum number of seeds
  std::vector<std::string> rules;

  friend void PrintTo(const caught& of, std::ostream* to) { *to << of.mutant; }
};

class Mutants : public ::testing::TestWithParam<caught> {};

TEST_P(Mutants, AreCaughtAndReplayed) {
  const auto& [name, within, rules] = GetParam();
  const mutant broken(*strata::detail::mutation_named(name));
  tally seen;
  std::uint64_t seed = 1;
  auto found = simulate(seed, false, seen);
  while (!found.failed && seed < within) found = simulate(++seed, false, seen);
  ASSERT_TRUE(found.failed) << "not caught by " << within << " seeds";
  EXPECT_NE(std::ranges::find(rules, found.failed->rule), rules.end()) << found.failed->rule;

  const auto again = simulate(seed, true, seen);
  EXPECT_EQ(again.failed, found.failed);
  active_mutation = mutation::none;
  EXPECT_FALSE(simulate(seed, false, seen).failed);
}
INSTANTIATE_TEST_SUITE_P(
    Simulator, Mutants,
    ::testing::Values(caught{"single_flight_off", 50, {"one factory call at a time"}},
                      caught{"floor_check_off", 50, {"no value from before an invalidation"}},
                      caught{"stale_bound_off", 200, {"no value beyond its stale window"}},
                      caught{"lease_ignored", 50, {"one factory call among all processes"}},
                      caught{"ticket_ignored",
                             100,
                             {"no value from before an invalidation", "nothing expired is called fresh"}},
                      caught{"sequence_ignored",
                             1000,
                             {"no value from before an invalidation", "nothing expired is called fresh",
                              "no fresh read goes back in time"}},
                      caught{"replay_off",
                             5000,
                             {"no value from before an invalidation", "nothing expired is called fresh"}},
                      caught{"unkept_ignored", 6000, {"no fresh read goes back in time"}}),
    [](const auto& each) { return std::string(each.param.mutant); });

std::pair<int, std::string> run(std::vector<std::string_view> arguments) {
  std::string out;
  const int status = command(arguments, out);
  return {status, out};
}

TEST(SimulateCommand, PrintsTheSeedOfAFailureWhichFailsTheSameWayAgain) {
  const auto [status, out] = run({"--mutant", "ticket_ignored", "--seeds", "200"});
  ASSERT_EQ(status, 1) << out;
  const auto seed = out.substr(5, out.find(',') - 5);
  EXPECT_TRUE(out.starts_with("seed " + seed + ", step ")) << out;
  EXPECT_NE(out.find("--seed " + seed + " --mutant ticket_ignored"), std::string::npos) << out;
  EXPECT_EQ(run({"--mutant", "ticket_ignored", "--seed", seed}), std::pair(1, out));

  const auto traced = run({"--mutant", "ticket_ignored", "--seed", seed, "--trace"});
  EXPECT_EQ(traced.first, 1);
  EXPECT_GT(traced.second.size(), out.size());
  EXPECT_NE(traced.second.find(out.substr(0, out.find('\n'))), std::string::npos);
}

TEST(SimulateCommand, SaysWhatItDidWhenNothingIsBroken) {
  const auto [status, out] = run({"--seeds", "3", "--seed", "7"});
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(out.starts_with("3 seeds, ")) << out;
}

TEST(SimulateCommand, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(run({"--seeds"}).first, 2);
  EXPECT_EQ(run({"--seeds", "many"}).first, 2);
  EXPECT_EQ(run({"--seed", "0"}).first, 2);
  EXPECT_EQ(run({"--mutant", "nobody"}).first, 2);
  EXPECT_EQ(run({"--fast", "1"}).first, 2);
}

}  // namespace
