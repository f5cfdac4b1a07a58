#include "tests/simulator/command.hpp"

#include "engine/mutation.hpp"
#include "tests/simulator/simulate.hpp"

#include <fmt/format.h>
#include <charconv>

namespace strata::simulator {

namespace {

constexpr std::string_view usage =
    R"(usage: simulate [--seeds N] [--seed S] [--mutant NAME] [--trace]

  --seeds N      simulate N seeds (default 10000; 1 with --seed)
  --seed S       beginning with seed S (default 1)
  --mutant NAME  break the engine on purpose: single_flight_off, floor_check_off, stale_bound_off,
                 lease_ignored, ticket_ignored, sequence_ignored, replay_off or unkept_ignored
  --trace        print every event
)";

struct arguments {
  std::uint64_t first = 1;
  std::uint64_t count = 0;
  bool trace = false;
  detail::mutation mutant = detail::mutation::none;
};

bool read_number(std::string_view text, std::uint64_t& into) {
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, into);
  return read.ec == std::errc() && read.ptr == end && into != 0;
}

/// Empty on wrong usage.
std::optional<arguments> parse(std::span<const std::string_view> given) {
  arguments out;
  bool one = false;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i] == "--trace") {
      out.trace = true;
      continue;
    }
    const auto flag = given[i];
    if (++i == given.size()) return std::nullopt;
    if (flag == "--seeds") {
      if (!read_number(given[i], out.count)) return std::nullopt;
    } else if (flag == "--seed") {
      if (!read_number(given[i], out.first)) return std::nullopt;
      one = true;
    } else if (flag == "--mutant") {
      const auto found = detail::mutation_named(given[i]);
      if (!found) return std::nullopt;
      out.mutant = *found;
    } else {
      return std::nullopt;
    }
  }
  if (out.count == 0) out.count = one ? 1 : 10'000;
  return out;
}

int run(const arguments& wanted, std::string& out) {
  tally seen;
  step_number steps = 0;
  for (auto seed = wanted.first; seed < wanted.first + wanted.count; ++seed) {
    auto done = simulate(seed, wanted.trace, seen);
    steps += done.steps;
    for (const auto& each : done.lines) out += each.text + '\n';
    if (!done.failed) continue;
    if (!wanted.trace) done = simulate(seed, true, seen);
    out += report(seed, done, wanted.trace ? 0 : 40);
    return 1;
  }
  out += fmt::format("{} seeds, {} steps: no promise broken\n", wanted.count, steps);
  for (const auto& [what, times] : seen.counts) out += fmt::format("{:>12}  {}\n", times, what);
  return 0;
}

}  // namespace

int command(std::span<const std::string_view> given, std::string& out) {
  const auto wanted = parse(given);
  if (!wanted) {
    out = usage;
    return 2;
  }
  detail::active_mutation = wanted->mutant;
  const int status = run(*wanted, out);
  detail::active_mutation = detail::mutation::none;
  return status;
}

}  // namespace strata::simulator
