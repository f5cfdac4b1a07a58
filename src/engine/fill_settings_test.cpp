/// What a factory, a policy and a key say about one value: refusing stale values, remembered failures,
/// settings of one value of a batch.

#include "engine/two_stages_test_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::failing;
using engine_test::stage;
using engine_test::two_stages;
using namespace std::chrono_literals;

const policy safe{.ttl = 60s, .jitter = 0, .fail_safe = true};

// Refusing stale values.

using refusal = result<agent> (*)(fill_context&);
struct RefusedStale : ::testing::TestWithParam<refusal> {};

TEST_P(RefusedStale, LetsTheFailureReachTheReaders) {
  stage s(safe);
  s.read_value("old");
  s.advance(61s);
  const auto read = s.read(GetParam());
  EXPECT_TRUE(read->thrown || read->got->failure() != nullptr);
  EXPECT_TRUE(s.read(failing)->thrown) << "nor does it stand in later";
}

TEST_P(RefusedStale, RemovesAFreshValueToo) {
  auto rules = safe;
  rules.eager_refresh = 0.5;
  stage s(rules);
  s.read_value("old");
  s.advance(31s);
  s.read(GetParam());
  EXPECT_FALSE(sync_wait(s.store.get(s.agents("1"))));
}

TEST_P(RefusedStale, RemovesItInEveryProcess) {
  two_stages both(safe);
  two_stages::read(both.a, "old");
  two_stages::read(both.b, "old");
  both.advance(61s);
  both.a.read(GetParam());
  both.settle();
  EXPECT_TRUE(both.b.read(failing)->thrown);
}

TEST_P(RefusedStale, AppliesToABatch) {
  stage s(safe);
  s.read_value("old");
  s.advance(61s);
  const auto asks = [&](std::span<const std::size_t>,
                        fill_context& fill) -> result<std::vector<std::optional<agent>>> {
    auto read = GetParam()(fill);
    if (!read) return std::unexpected(read.error());
    return std::vector<std::optional<agent>>{*read};
  };
  try {
    EXPECT_NE(sync_wait(s.store.get_or_set_many(std::vector{s.agents("1")}, asks))[0].failure(), nullptr);
  } catch (const std::domain_error&) {  // one of the ways throws
  }
  EXPECT_TRUE(s.read(failing)->thrown);
}

INSTANTIATE_TEST_SUITE_P(EveryWay, RefusedStale,
                         ::testing::Values(
                             [](fill_context& fill) -> result<agent> {
                               fill.refuse_stale();
                               return fail(errc::invalid_argument, "403");
                             },
                             [](fill_context& fill) -> result<agent> {
                               fill.refuse_stale();
                               fill.fail({errc::invalid_argument, "410"});
                               return agent{};
                             },
                             [](fill_context& fill) -> result<agent> {
                               fill.refuse_stale();
                               return failing();
                             }));

TEST(RefusedStaleValue, IsGoneWhenItsTimeIsOver) {
  stage s(safe);
  s.read([](fill_context& fill) {
    fill.refuse_stale();
    return agent{"1", "secret"};
  });
  EXPECT_TRUE(sync_wait(s.store.get(s.agents("1"))));
  s.advance(60s);
  EXPECT_TRUE(s.read(failing)->thrown);
}

// Remembered failures.

struct broken_source {
  int calls = 0;
  auto thrown() {
    return [this]() -> agent {
      ++calls;
      throw std::domain_error("down");
    };
  }
  auto returned() {
    return [this]() -> result<agent> {
      ++calls;
      return fail(errc::database_unavailable, "down");
    };
  }
};

const policy remembers{.ttl = 60s, .jitter = 0, .failure_ttl = 1s, .tags = {"agents"}};

TEST(FailureTtl, SparesASourceThatFailsWithNothingToServe) {
  stage s(remembers);
  broken_source db;
  for (int i = 0; i < 100; ++i) {
    const auto read = s.read(db.returned());
    ASSERT_TRUE(read->got);
    EXPECT_EQ(read->got->failure()->detail, "down");
    EXPECT_EQ(read->got->info().reason, i == 0 ? miss_reason::absent : miss_reason::failed);
  }
  EXPECT_EQ(db.calls, 1);
  s.advance(999ms);
  s.read(db.returned());
  EXPECT_EQ(db.calls, 1);
  s.advance(1ms);
  s.read(db.returned());
  EXPECT_EQ(db.calls, 2);
}

TEST(FailureTtl, RethrowsWhatTheFactoryThrew) {
  stage s(remembers);
  broken_source db;
  s.read(db.thrown());
  const auto read = s.read(db.thrown());
  ASSERT_TRUE(read->thrown);
  EXPECT_THROW(std::rethrow_exception(read->thrown), std::domain_error);
  EXPECT_EQ(db.calls, 1);
}

TEST(FailureTtl, IsOffByDefault) {
  stage s({.ttl = 60s, .jitter = 0});
  broken_source db;
  for (int i = 0; i < 3; ++i) s.read(db.returned());
  EXPECT_EQ(db.calls, 3);
}

TEST(FailureTtl, EndsWithAnyInvalidationAndWithAValue) {
  using step = void (*)(stage&);
  const std::vector<step> ends{
      [](stage& s) { sync_wait(s.store.remove(s.agents("1"))); },
      [](stage& s) { sync_wait(s.store.expire(s.agents("1"))); },
      [](stage& s) { sync_wait(s.store.remove_by_tag("agents")); },
      [](stage& s) { sync_wait(s.store.expire_by_tag("agents")); },
      [](stage& s) { sync_wait(s.store.remove_by_prefix("agent")); },
      [](stage& s) { sync_wait(s.store.remove_pattern("a*:1")); },
      [](stage& s) { sync_wait(s.store.clear()); },
      [](stage& s) { sync_wait(s.store.set(s.agents("1"), agent{"1", "new"})); },
  };
  for (const auto& end : ends) {
    stage s(remembers);
    broken_source db;
    s.read(db.returned());
    end(s);
    const auto read = s.read_value("new");
    ASSERT_TRUE(read->got);
    EXPECT_TRUE(*read->got);
  }
}

TEST(FailureTtl, DoesNotHoldUpARefreshNorABypassingRead) {
  stage s(remembers);
  broken_source db;
  s.read(db.returned());
  sync_wait(s.store.refresh(s.agents("1"), db.returned()));
  sync_wait(s.store.get_or_set(s.agents("1").bypassing(), db.returned()));
  EXPECT_EQ(db.calls, 3);
}

TEST(FailureTtl, RemembersATimeoutUntilTheLateValueComes) {
  auto rules = remembers;
  rules.failure_ttl = 60s;
  rules.hard_timeout = 2s;
  stage s(rules);
  async_latch go;
  int calls = 0;
  const auto slow = [&]() -> task<agent> {
    ++calls;
    co_await go.wait();
    co_return agent{"1", "late"};
  };
  s.read(slow);
  s.advance(2s);
  const auto read = s.read(slow);
  ASSERT_TRUE(read->got);
  EXPECT_EQ(read->got->failure()->code, errc::timeout);
  EXPECT_EQ(calls, 1);
  go.set();
  s.settle();
  EXPECT_EQ((*s.read(slow)->got)->name, "late");
}

TEST(FailureTtl, AppliesToABatch) {
  stage s(remembers);
  int calls = 0;
  const auto fails = [&](std::span<const std::size_t>) -> std::vector<std::optional<agent>> {
    ++calls;
    throw std::domain_error("down");
  };
  const std::vector wanted{s.agents("1"), s.agents("2")};
  EXPECT_THROW(sync_wait(s.store.get_or_set_many(wanted, fails)), std::domain_error);
  EXPECT_THROW(sync_wait(s.store.get_or_set_many(wanted, fails)), std::domain_error);
  EXPECT_EQ(calls, 1);
  sync_wait(s.store.set(s.agents("2"), agent{"2", "here"}));
  const auto got = sync_wait(s.store.get_or_set_many(wanted, fails));
  EXPECT_EQ(got[0].info().reason, miss_reason::failed);
  EXPECT_EQ(got[1]->name, "here");
  EXPECT_EQ(calls, 1);
}

TEST(FailureTtl, IsExplained) {
  stage s(remembers);
  broken_source db;
  s.read(db.returned());
  const auto why = sync_wait(s.store.explain(s.agents("1").key));
  EXPECT_EQ(why.levels[0].reason, miss_reason::failed);
  EXPECT_NE(why.levels[0].detail.find("down"), std::string::npos);
  EXPECT_EQ(why.levels[0].ttl, duration(1s));
  EXPECT_EQ(why.next_read, "The next read gets that failure and does not call the factory.");
}

TEST(FailureTtl, DoesNotRememberThatTheCacheWasBusy) {
  stage s(remembers, {.factory_limit = 1, .factory_queue = 0});
  async_latch go;
  s.read(
      [&]() -> task<agent> {
        co_await go.wait();
        co_return agent{};
      },
      "other");
  EXPECT_EQ(s.read_value("1")->got->failure()->code, errc::busy);
  go.set();
  s.settle();
  EXPECT_TRUE(*s.read_value("1")->got);
}

// What a factory knows of its key.

TEST(FillContext, KnowsItsKey) {
  stage s(safe);
  std::string seen;
  s.read([&](fill_context& fill) {
    seen = fill.key().text();
    return agent{};
  });
  EXPECT_EQ(seen, "agent:1");
}

TEST(FillContext, HasSettingsOfEachValueOfABatch) {
  stage s(safe);
  const std::vector wanted{s.agents("1"), s.agents("2"), s.agents("3"), s.agents("4")};
  sync_wait(s.store.set(wanted[0], agent{"1", "here"}));
  std::vector<std::string> seen;
  const auto got = sync_wait(
      s.store.get_or_set_many(wanted, [&](std::span<const std::size_t> missing, fill_context& fill) {
        fill.set_ttl(30s);
        fill.add_tag("all");
        std::vector<std::optional<agent>> out;
        for (const auto index : missing) {
          seen.push_back(fill.key(index).text());
          out.emplace_back(agent{std::string(fill.key(index).text()), "read"});
        }
        fill.of(1).set_ttl(5s);
        fill.of(1).add_tag("one");
        fill.of(2).skip();
        return out;
      }));
  EXPECT_EQ(seen, std::vector<std::string>({"agent:2", "agent:3", "agent:4"}));
  EXPECT_EQ(got[1].info().ttl, duration(5s));
  EXPECT_FALSE(got[2].info().stored);
  EXPECT_EQ(got[3].info().ttl, duration(30s));
  sync_wait(s.store.remove_by_tag("one"));
  EXPECT_FALSE(sync_wait(s.store.get(wanted[1])));
  EXPECT_TRUE(sync_wait(s.store.get(wanted[3])));
  sync_wait(s.store.remove_by_tag("all"));
  EXPECT_FALSE(sync_wait(s.store.get(wanted[3])));
}

}  // namespace
