#pragma once
/// Two processes over one store; each reaches it through its own faulty store.

#include "engine/stage_test_support.hpp"

namespace strata::engine_test {

struct two_stages {
  strata::testing::manual_clock server_time;
  std::shared_ptr<memory_server> server = make_memory_server(server_time);
  std::shared_ptr<strata::testing::faulty_store> below_a = behind(server);
  std::shared_ptr<strata::testing::faulty_store> below_b = behind(server);
  stage a;
  stage b;

  explicit two_stages(policy rules = {.ttl = 60s, .jitter = 0, .tags = {"agents"}},
                      cache_options options = {})
      : a(rules, with(options, below_a)), b(rules, with(options, below_b)) {}
  ~two_stages() {
    below_a->heal();
    below_b->heal();
    while (below_a->let_go() + below_b->let_go() != 0) settle();
    settle();
  }
  two_stages(const two_stages&) = delete;
  two_stages& operator=(const two_stages&) = delete;

  static std::shared_ptr<strata::testing::faulty_store> behind(std::shared_ptr<memory_server> server) {
    return std::make_shared<strata::testing::faulty_store>(connect(std::move(server)));
  }
  static cache_options with(cache_options options, std::shared_ptr<strata::store> below) {
    options.second_level = std::move(below);
    return options;
  }

  void settle() {
    a.settle();
    b.settle();
  }
  void advance(duration by) {
    server_time.advance(by);
    a.time.advance(by);
    b.time.advance(by);
    settle();
  }

  /// Reads agent 1, whose source says `source`, and returns what came.
  static lookup<agent> read(stage& by, const char* source) {
    const auto pending = by.read_value(source);
    if (pending->thrown) std::rethrow_exception(pending->thrown);
    return std::move(pending->got.value());
  }

  /// A call that was begun, and whether it is over.
  template <class T>
  static std::shared_ptr<bool> begin(stage& by, task<T> work) {
    auto over = std::make_shared<bool>(false);
    start(&by.front, std::move(work), [over](const completion<T>&) { *over = true; });
    by.settle();
    return over;
  }
};

}  // namespace strata::engine_test
