#include "tests/consistency/command.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace strata::consistency {

const std::string_view usage =
    R"(usage: consistency [--seconds N] [--seed S] [--faults LIST] [--store STORE] [--mutant NAME]

  --seconds N    how long there are writes and faults (default 30)
  --seed S       of all that is drawn: what is written and read, which faults, when (default: another each time)
  --faults LIST  all (default), none, or some of them, with commas between
  --store STORE  redis (default), sentinel or cluster
  --mutant NAME  with a cache that is broken on purpose, and what shows it: no-lease, no-floor, no-replay or
                 no-sequence; a run that shows nothing is repeated with the next seed, five times at most
)";

namespace {

template <class Number>
bool read_number(std::string_view text, Number& into) {
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, into);
  return read.ec == std::errc() && read.ptr == end && into > 0;
}

bool read_store(std::string_view text, store_kind& into) {
  if (text == "redis") {
    into = store_kind::redis;
  } else if (text == "sentinel") {
    into = store_kind::sentinel;
  } else if (text == "cluster") {
    into = store_kind::cluster;
  } else {
    return false;
  }
  return true;
}

/// Empty if a name is unknown.
std::optional<std::vector<std::string>> read_faults(std::string_view text, store_kind store) {
  const auto known = fault_names(store);
  if (text == "all") return known;
  std::vector<std::string> out;
  if (text == "none") return out;
  while (!text.empty()) {
    const auto name = text.substr(0, text.find(','));
    if (std::ranges::find(known, name) == known.end()) return std::nullopt;
    out.emplace_back(name);
    text.remove_prefix(std::min(text.size(), name.size() + 1));
  }
  return out;
}

/// A mutant, and a run that reveals it soon.
struct mutant {
  std::string_view name;
  std::string_view mutation;  ///< a name from engine/mutation.hpp
  std::string_view faults;
  std::int64_t seconds;
  plan with;
};

const std::array mutants{
    mutant{"no-lease", "lease_late", "none", 10, {.slow_reads = 200}},
    mutant{"no-floor", "floor_check_off", "none", 4, {}},
    mutant{"no-replay", "replay_off", "redis-refuse", 12, {.breaker = 300}},
    mutant{"no-sequence", "sequence_ignored", "none", 8, {.keys = {.items = 48, .bulk = 8}, .late = 120}},
};

bool read_mutant(std::string_view text, command& into, std::string_view& faults) {
  const auto found = std::ranges::find(mutants, text, &mutant::name);
  if (found == mutants.end()) return false;
  into.seconds = found->seconds;
  into.runs = 6;
  into.plan = found->with;
  found->mutation.copy(into.plan.mutant, sizeof into.plan.mutant - 1);
  faults = found->faults;
  return true;
}

}  // namespace

std::optional<command> parse(std::span<const std::string_view> given) {
  command out;
  std::string_view faults = "all";
  if (given.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < given.size(); i += 2) {
    const auto flag = given[i];
    const auto value = given[i + 1];
    bool good = true;
    if (flag == "--seconds") {
      good = read_number(value, out.seconds) && out.seconds < most_seconds - 300;
    } else if (flag == "--seed") {
      good = read_number(value, out.seed);
    } else if (flag == "--faults") {
      faults = value;
    } else if (flag == "--mutant") {
      good = read_mutant(value, out, faults);
    } else if (flag == "--store") {
      good = read_store(value, out.store);
    } else {
      good = false;
    }
    if (!good) return std::nullopt;
  }
  auto named = read_faults(faults, out.store);
  if (!named) return std::nullopt;
  out.faults = std::move(*named);
  return out;
}

}  // namespace strata::consistency
