/// The contract of every hook: when it is called, and that what it throws stays inside.

#include "engine/engine_test_support.hpp"

#include <strata/store.hpp>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace strata;
using namespace std::chrono_literals;
using engine_test::agent;
using engine_test::fixture;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view scope_name(invalidation_scope scope) {
  switch (scope) {
    case invalidation_scope::key:
      return "key";
    case invalidation_scope::tag:
      return "tag";
    case invalidation_scope::prefix:
      return "prefix";
    case invalidation_scope::pattern:
      return "pattern";
    case invalidation_scope::everything:
      return "everything";
  }
  return "";
}

/// Writes down every call, and throws in each if `throws` is set.
struct diary : cache_observer {
  std::vector<std::string> lines;
  bool throws = false;

  void on_hit(std::string_view key, const read_info&) override { write("hit", key); }
  void on_miss(std::string_view key, miss_reason) override { write("miss", key); }
  void on_fill(std::string_view key, duration ttl) override {
    write(fmt::format("fill for {} s", ttl / 1s), key);
  }
  void on_set(std::string_view key, duration ttl) override {
    write(fmt::format("set for {} s", ttl / 1s), key);
  }
  void on_remove(invalidation_scope scope, std::string_view name) override {
    write(fmt::format("remove {}", scope_name(scope)), name);
  }
  void on_expire(invalidation_scope scope, std::string_view name) override {
    write(fmt::format("expire {}", scope_name(scope)), name);
  }
  void on_evict(std::string_view key, miss_reason) override { write("evict", key); }
  void on_stale(std::string_view key) override { write("stale", key); }
  void on_error(std::string_view key, const error&) override { write("error", key); }
  void on_second_level(second_level_state) override { write("second level", ""); }

  std::vector<std::string> take() { return std::exchange(lines, {}); }

 private:
  void write(std::string what, std::string_view name) {
    lines.push_back(std::move(what) + (name.empty() ? "" : " ") + std::string(name));
    if (throws) throw std::runtime_error("a hook that throws");
  }
};

/// A cache with a diary; with L2 or without.
struct Hooks : ::testing::TestWithParam<bool> {
  std::shared_ptr<diary> seen = std::make_shared<diary>();
  std::shared_ptr<memory_server> server = make_memory_server(engine_test::lasting_clock());
  fixture f{{.second_level = GetParam() ? connect(server) : nullptr, .observer = seen}};

  void SetUp() override { seen->take(); }
};

TEST_P(Hooks, TellWhatWritersStore) {
  sync_wait(f.cache.set(f.agents("1"), agent{"1", "Ada"}));
  EXPECT_THAT(seen->take(), ElementsAre("set for 60 s agent:1"));
  sync_wait(f.cache.set_many<agent>({{f.agents("2"), {"2", "Bea"}}, {f.agents("3"), {"3", "Cy"}}}));
  EXPECT_THAT(seen->take(), ElementsAre("set for 60 s agent:2", "set for 60 s agent:3"));
  sync_wait(f.cache.set_absent(f.agents("4")));
  EXPECT_THAT(seen->take(), ElementsAre("set for 10 s agent:4"));
  auto ticket = sync_wait(f.cache.begin_write(f.agents("5")));
  sync_wait(f.cache.set_committed(std::move(ticket), f.agents("5"), std::make_shared<const agent>()));
  EXPECT_THAT(seen->take(), ElementsAre("set for 60 s agent:5"));
  // What is not stored was not set.
  sync_wait(f.cache.set(f.agents("6").with({.max_size = {1}}), agent{"6", "Di"}));
  EXPECT_THAT(seen->take(), IsEmpty());
}

TEST_P(Hooks, TellWhatIsRemoved) {
  sync_wait(f.cache.remove(f.agents("1")));
  EXPECT_THAT(seen->take(), ElementsAre("remove key agent:1"));
  sync_wait(f.cache.remove(std::vector{f.agents("1").key, f.agents("2").key}));
  EXPECT_THAT(seen->take(), ElementsAre("remove key agent:1", "remove key agent:2"));
  sync_wait(f.cache.remove_by_tag("red"));
  EXPECT_THAT(seen->take(), ElementsAre("remove tag red"));
  sync_wait(f.cache.remove_by_tags({"red", "blue"}));
  EXPECT_THAT(seen->take(), ElementsAre("remove tag red", "remove tag blue"));
  sync_wait(f.cache.remove_by_prefix("agent"));
  EXPECT_THAT(seen->take(), ElementsAre("remove prefix agent"));
  sync_wait(f.cache.remove_pattern("*:1"));
  EXPECT_THAT(seen->take(), ElementsAre("remove pattern *:1"));
  sync_wait(f.cache.clear());
  EXPECT_THAT(seen->take(), ElementsAre("remove everything"));
  sync_wait(f.cache.invalidate({.keys = {f.agents("1").key}, .tags = {"red"}}));
  EXPECT_THAT(seen->take(), ElementsAre("remove key agent:1", "remove tag red"));
}

TEST_P(Hooks, TellWhatExpires) {
  sync_wait(f.cache.expire(f.agents("1")));
  EXPECT_THAT(seen->take(), ElementsAre("expire key agent:1"));
  sync_wait(f.cache.expire_by_tag("red"));
  EXPECT_THAT(seen->take(), ElementsAre("expire tag red"));
  sync_wait(f.cache.expire_by_prefix("agent"));
  EXPECT_THAT(seen->take(), ElementsAre("expire prefix agent"));
  sync_wait(f.cache.expire_all());
  EXPECT_THAT(seen->take(), ElementsAre("expire everything"));
}

TEST_P(Hooks, TellWhatReadsDo) {
  f.read("1", "Ada");
  auto lines = seen->take();
  std::ranges::sort(lines);
  EXPECT_THAT(lines, ElementsAre("fill for 60 s agent:1", "miss agent:1"));
  f.read("1", "never");
  EXPECT_THAT(seen->take(), ElementsAre("hit agent:1"));
}

TEST_P(Hooks, ThatThrowAreContainedAndCounted) {
  seen->throws = true;
  const auto before = f.cache.stats().hook_failures;
  f.read("1", "Ada");
  EXPECT_EQ(f.read("1", "never")->name, "Ada");
  EXPECT_TRUE(sync_wait(f.cache.set(f.agents("2"), agent{"2", "Bea"})));
  sync_wait(f.cache.remove(f.agents("2")));
  sync_wait(f.cache.expire(f.agents("1")));
  sync_wait(f.cache.remove_by_tag("red"));
  sync_wait(f.cache.remove_pattern("*:1"));
  sync_wait(f.cache.clear());
  const auto failing = []() -> result<agent> { return fail(errc::database_unavailable, "down"); };
  EXPECT_NE(sync_wait(f.cache.get_or_set(f.agents("3"), failing)).failure(), nullptr);
  f.read("4", "Dan");
  f.time.advance(120s);
  f.cache.maintain();  // evicts under a lock
  const auto failed = f.cache.stats().hook_failures - before;
  EXPECT_EQ(failed, seen->lines.size());
  EXPECT_GE(failed, 12u);
}

INSTANTIATE_TEST_SUITE_P(Level, Hooks, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "L2" : "MemoryOnly"; });

}  // namespace
