#pragma once
/// A cache whose clock, timers and background move only when the test says so.

#include "engine/engine_test_support.hpp"

#include <optional>
#include <stdexcept>

namespace strata::engine_test {

/// A cache whose background and timers run only when the test says so.
struct stage {
  strata::testing::manual_clock time;
  strata::testing::manual_timers timer{time};
  run_loop background;
  run_loop front;
  cache store;
  entity<agent, "agent:{id}"> agents;

  explicit stage(policy rules, cache_options options = {}) : store(on(*this, options)), agents(rules) {}

  static cache_options on(stage& s, cache_options options) {
    options.time = &s.time;
    options.timer = &s.timer;
    options.background = &s.background;
    options.seed = 1;
    return options;
  }

  void settle() {
    while (timer.run_due() + background.run_ready() + front.run_ready() != 0) {
    }
  }
  void advance(duration by) {
    time.advance(by);
    settle();
  }

  struct pending {
    std::optional<lookup<agent>> got;
    std::exception_ptr thrown;
  };
  /// Begins a read; it goes on when the stage settles.
  template <class F>
  std::shared_ptr<pending> read(F factory, const char* id = "1") {
    auto out = std::make_shared<pending>();
    start(&front, store.get_or_set(agents(id), std::move(factory)), [out](completion<lookup<agent>> read) {
      if (read) {
        out->got = std::move(*read);
      } else {
        out->thrown = read.error();
      }
    });
    settle();
    return out;
  }
  std::shared_ptr<pending> read_value(const char* name) {
    return read([name] { return agent{"1", name}; });
  }
};

/// A factory whose source is away.
inline agent failing() {
  throw std::domain_error("the source is down");
}

}  // namespace strata::engine_test
