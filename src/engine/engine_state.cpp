#include "engine/engine_state.hpp"

#include <algorithm>
#include <random>

namespace strata::detail {

namespace {

constexpr byte_size least_memory{64u << 10};

cache_options checked(cache_options options) {
  std::vector<std::string> problems;
  if (options.memory < least_memory) {
    problems.emplace_back("cache_options.memory must be at least 64 KiB");
  }
  if (options.l2_timeout < duration::zero()) {
    problems.emplace_back("cache_options.l2_timeout must not be negative");
  }
  if (options.breaker_open_for < duration::zero()) {
    problems.emplace_back("cache_options.breaker_open_for must not be negative");
  }
  if (options.fill_lease <= duration::zero()) {
    problems.emplace_back("cache_options.fill_lease must be more than 0");
  }
  if (options.time == nullptr) problems.emplace_back("cache_options.time must not be null");
  if (options.timer == nullptr) problems.emplace_back("cache_options.timer must not be null");
  if (options.background == nullptr) problems.emplace_back("cache_options.background must not be null");
  if (options.relayed && options.second_level != nullptr) {
    problems.emplace_back(
        "cache_options.relayed is for a cache without second_level; with one, set store_options.relayed");
  }
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  constexpr std::size_t longest_name_space = 256;
  if (options.name_space.empty() || options.name_space.size() > longest_name_space ||
      !std::ranges::all_of(options.name_space, legal)) {
    problems.emplace_back("cache_options.name_space must be 1 to 256 characters of a-z, 0-9, _ and -");
  }
  const auto served =
      options.second_level == nullptr ? std::string_view() : options.second_level->name_space();
  if (!served.empty() && served != options.name_space) {
    problems.push_back("cache_options.name_space is \"" + options.name_space +
                       "\", but second_level serves \"" + std::string(served) + '"');
  }
  if (!problems.empty()) throw bad_options(std::move(problems));
  return options;
}

std::uint64_t seed_of(const cache_options& options) {
  if (options.seed != 0) return options.seed;
  std::random_device entropy;
  return std::uint64_t{entropy()} << 32 | entropy();
}

}  // namespace

engine_state::engine_state(cache_options from)
    : options(checked(std::move(from))),
      l2({.options = options, .clock = clock, .counters = counters, .floors = floors}),
      lease_renewals(std::make_shared<deadlines>(options.fill_lease / 3, *options.timer, *options.time)),
      random(seed_of(options)),
      enabled(options.enabled),
      memory({.budget = options.memory,
              .on_gone =
                  [this](std::string_view text, std::uint64_t hash, memory::gone why) {
                    const auto reason =
                        why == memory::gone::expired ? miss_reason::expired : miss_reason::evicted;
                    miss_reasons.note(hash, reason);
                    hook(&cache_observer::on_evict, text, reason);
                  },
              .policy = memory::maker_of(options.eviction),
              .wanted = options.objective}) {
}

void engine_state::note_unstorable(const any_key& target, const error& why) {
  miss_reasons.note(target.key.hash(), miss_reason::unstorable);
  hook(&cache_observer::on_error, target.key.text(), why);
}

void check_memory(byte_size memory) {
  if (memory < least_memory) throw bad_options({"cache::resize: memory must be at least 64 KiB"});
}

}  // namespace strata::detail
