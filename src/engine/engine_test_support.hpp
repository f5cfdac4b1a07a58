#pragma once
/// Shared by the engine's tests: an entity, and a cache with its own clock.

#include <strata/cache.hpp>
#include <strata/json_codec.hpp>
#include <strata/testing.hpp>

#include <boost/describe.hpp>
#include <deque>
#include <string>

namespace strata::engine_test {

using namespace std::chrono_literals;

struct agent {
  std::string id;
  std::string name;
  bool operator==(const agent&) const = default;
};
BOOST_DESCRIBE_STRUCT(agent, (), (id, name))

/// A clock that lasts as long as the process. A refresh in the background reads its clock when its turn
/// comes, which may be after its test has ended: a cache's clock must outlive it.
inline testing::manual_clock& lasting_clock() {
  static auto& clocks = *new std::deque<testing::manual_clock>;
  return clocks.emplace_back();
}

/// A cache on a clock that the test moves; no jitter, so that expiry is exact.
struct fixture {
  testing::manual_clock& time = lasting_clock();
  strata::cache cache;
  entity<agent, "agent:{id}"> agents{{.ttl = 60s, .negative_ttl = 10s, .jitter = 0}};

  explicit fixture(cache_options options = {}) : cache(on(time, std::move(options))) {}

  static cache_options on(const testing::manual_clock& clock, cache_options options) {
    options.time = &clock;
    options.seed = 1;
    options.maintenance_interval = {};  // the machine's timers do not follow the test's clock
    return options;
  }

  /// Reads agent `id` with a factory that returns `name`.
  lookup<agent> read(std::string_view id, std::string_view name) {
    return sync_wait(cache.get_or_set(
        agents(id), [&] { return agent{.id = std::string(id), .name = std::string(name)}; }));
  }
};

}  // namespace strata::engine_test
