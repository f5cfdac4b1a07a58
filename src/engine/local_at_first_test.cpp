#include "engine/engine_test_support.hpp"

#include <gtest/gtest.h>

namespace strata::engine_test {
namespace {

/// Two processes on one store.
struct LocalAtFirst : ::testing::Test {
  testing::manual_clock server_time;
  std::shared_ptr<memory_server> server = make_memory_server(server_time);
  fixture here{{.second_level = connect(server)}};
  fixture there{{.second_level = connect(server)}};

  lookup<agent> ask(fixture& by, const std::string& id) {
    return sync_wait(by.cache.get_or_set(by.agents(id), [&id](fill_context& context) {
      context.local_at_first();
      return agent{.id = id, .name = "made up"};
    }));
  }
  bool in_l2(const std::string& id) {
    return static_cast<bool>(sync_wait(there.cache.get(there.agents(id))));
  }
  void advance(duration by) {
    server_time.advance(by);
    here.time.advance(by);
    there.time.advance(by);
  }
};

TEST_F(LocalAtFirst, AKeyThatWasAskedForOnceStaysInMemory) {
  EXPECT_TRUE(ask(here, "1").info().stored);
  EXPECT_EQ(ask(here, "1").info().from, layer::l1);
  EXPECT_FALSE(in_l2("1"));
}

TEST_F(LocalAtFirst, TheSecondFillReachesL2) {
  ask(here, "1");
  advance(61s);
  EXPECT_EQ(ask(here, "1").info().from, layer::source);
  EXPECT_TRUE(in_l2("1"));
}

TEST_F(LocalAtFirst, ReplacesWhatL2HasOfTheKey) {
  here.agents = {{.ttl = 60s, .jitter = 0, .fail_safe = true}};
  here.read("1", "named");
  advance(61s);
  EXPECT_EQ(ask(here, "1").info().from, layer::source);
  const auto found = sync_wait(there.cache.get(there.agents("1")));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "made up");
}

TEST_F(LocalAtFirst, DropsTheValueWhenAnotherProcessRemovesTheKey) {
  ask(here, "1");
  sync_wait(there.cache.remove(there.agents("1")));
  EXPECT_EQ(ask(here, "1").info().from, layer::source);
}

TEST(FoundNothing, LivesBrieflyAndIsNeverStale) {
  fixture f;
  const entity<agent, "agent:{id}"> kept{{.ttl = 60s, .negative_ttl = 10s, .jitter = 0, .fail_safe = true}};
  const auto ask = [&](bool works) {
    return sync_wait(f.cache.get_or_set(kept("1"), [&](fill_context& context) -> result<agent> {
      if (!works) return fail(errc::factory_failed, "down");
      context.found_nothing();
      return agent{};
    }));
  };
  EXPECT_TRUE(ask(true));
  f.time.advance(9s);
  EXPECT_EQ(ask(true).info().from, layer::l1);
  f.time.advance(2s);
  EXPECT_FALSE(ask(false)) << "there is no stale value to serve";
}

}  // namespace
}  // namespace strata::engine_test
