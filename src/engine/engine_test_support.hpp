#pragma once
/// Shared by the engine's tests: an entity, and a cache with its own clock.

#include <strata/cache.hpp>
#include <strata/json_codec.hpp>
#include <strata/testing.hpp>

#include <boost/describe.hpp>
#include <string>

namespace strata::engine_test {

using namespace std::chrono_literals;

struct agent {
  std::string id;
  std::string name;
  bool operator==(const agent&) const = default;
};
BOOST_DESCRIBE_STRUCT(agent, (), (id, name))

/// A cache on a clock that the test moves; no jitter, so that expiry is exact.
struct fixture {
  testing::manual_clock time;
  strata::cache cache;
  entity<agent, "agent:{id}"> agents{{.ttl = 60s, .negative_ttl = 10s, .jitter = 0}};

  explicit fixture(cache_options options = {}) : cache(on(time, std::move(options))) {}
  /// Refreshes in the background read the clock, which is destroyed after the cache.
  ~fixture() { cache.stop_filling(); }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;

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
