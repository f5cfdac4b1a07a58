/// What the policy can ask for: fail-safe, stale serving, early refresh, expiring.
/// Long because each option is tested alone and with the others.

#include "engine/stage_test_support.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::failing;
using engine_test::stage;
using namespace std::chrono_literals;

const policy safe{.ttl = 60s, .jitter = 0, .fail_safe = true, .grace = 600s, .throttle = 30s};

TEST(FailSafe, ServesTheLastValueMarkedStaleWhenTheFactoryFails) {
  stage s(safe);
  s.read_value("old");
  s.advance(61s);
  const auto read = s.read(failing);
  ASSERT_TRUE(read->got);
  EXPECT_EQ((*read->got)->name, "old");
  EXPECT_TRUE(read->got->info().stale);
}

TEST(FailSafe, LeavesTheSourceAloneForTheThrottle) {
  stage s(safe);
  s.read_value("old");
  s.advance(61s);
  int calls = 0;
  const auto counting = [&]() -> agent {
    ++calls;
    return failing();
  };
  s.read(counting);
  s.advance(29s);
  const auto read = s.read(counting);
  EXPECT_TRUE(read->got->info().stale);
  EXPECT_EQ(calls, 1);
  s.advance(2s);
  s.read(counting);
  EXPECT_EQ(calls, 2);
}

TEST(FailSafe, ReturnsToFreshValuesWhenTheSourceDoes) {
  stage s(safe);
  s.read_value("old");
  s.advance(61s);
  s.read(failing);
  s.advance(31s);
  const auto read = s.read_value("new");
  EXPECT_EQ((*read->got)->name, "new");
  EXPECT_FALSE(read->got->info().stale);
}

TEST(FailSafe, NobodyGetsTheExceptionForWhichAStaleValueStandsIn) {
  auto rules = safe;
  rules.hard_timeout = 2s;
  stage s(rules);
  s.read_value("old");
  s.advance(61s);
  // Without an executor a reader goes on in the midst of the flight's landing.
  std::optional<completion<lookup<agent>>> read;
  start(nullptr, s.store.get_or_set(s.agents("1"), failing),
        [&](completion<lookup<agent>> ended) { read.emplace(std::move(ended)); });
  s.settle();
  ASSERT_TRUE(read && *read);
  EXPECT_EQ((**read)->name, "old");
  EXPECT_TRUE((**read).info().stale);
}

TEST(FailSafe, EndsWithItsGrace) {
  stage s(safe);
  s.read_value("old");
  s.advance(661s);
  EXPECT_NE(s.read(failing)->thrown, nullptr);
}

TEST(FailSafe, IsOffByDefault) {
  stage s({.ttl = 60s, .jitter = 0});
  s.read_value("old");
  s.advance(61s);
  EXPECT_NE(s.read(failing)->thrown, nullptr);
}

TEST(FailSafe, NeverServesWhatWasRemoved) {
  for (int way = 0; way < 4; ++way) {
    stage s(safe);
    s.read_value("old");
    s.advance(61s);
    switch (way) {
      case 0:
        sync_wait(s.store.remove(s.agents("1")));
        break;
      case 1:
        sync_wait(s.store.remove_by_prefix("agent"));
        break;
      case 2:
        sync_wait(s.store.remove_pattern("a*:1"));
        break;
      default:
        sync_wait(s.store.clear());
    }
    EXPECT_NE(s.read(failing)->thrown, nullptr) << way;
  }
}

TEST(FailSafe, DoesNotServeWhatIsRemovedWhileTheFactoryFails) {
  stage s(safe);
  s.read_value("old");
  s.advance(61s);
  async_latch go;
  const auto read = s.read([&]() -> task<agent> {
    co_await go.wait();
    co_return failing();
  });
  sync_wait(s.store.remove(s.agents("1")));
  go.set();
  s.settle();
  EXPECT_NE(read->thrown, nullptr);
}

TEST(FailSafe, AppliesToErrorsAndToFail) {
  stage s(safe);
  s.read_value("old");
  s.advance(61s);
  const auto error = s.read([]() -> result<agent> { return fail(errc::database_unavailable, "down"); });
  EXPECT_TRUE(error->got->info().stale);
  s.advance(31s);
  const auto said = s.read([](fill_context& context) {
    context.fail({errc::database_unavailable, "half an answer"});
    return agent{"1", "half"};
  });
  EXPECT_EQ((*said->got)->name, "old");
}

TEST(Expire, MakesTheNextReadAMissButKeepsTheValueForFailSafe) {
  for (int way = 0; way < 4; ++way) {
    auto rules = safe;
    rules.tags = {"tag"};
    stage s(rules);
    s.read_value("old");
    switch (way) {
      case 0:
        sync_wait(s.store.expire(s.agents("1")));
        break;
      case 1:
        sync_wait(s.store.expire_by_tag("tag"));
        break;
      case 2:
        sync_wait(s.store.expire_by_prefix("agent"));
        break;
      default:
        sync_wait(s.store.expire_all());
    }
    const auto failed = s.read(failing);
    ASSERT_TRUE(failed->got) << way;
    EXPECT_EQ((*failed->got)->name, "old");
    EXPECT_TRUE(failed->got->info().stale);
  }
}

TEST(Expire, TheNextReadFillsAnewHoweverItWasExpired) {
  for (int way = 0; way < 4; ++way) {
    SCOPED_TRACE(way);
    stage s({.ttl = 60s, .jitter = 0, .fail_safe = true, .tags = {"tag"}});
    s.read_value("old");
    switch (way) {
      case 0:
        sync_wait(s.store.expire(s.agents("1")));
        break;
      case 1:
        sync_wait(s.store.expire_by_tag("tag"));
        break;
      case 2:
        sync_wait(s.store.expire_by_prefix("agent"));
        break;
      default:
        sync_wait(s.store.expire_all());
    }
    const auto read = s.read_value("new");
    ASSERT_TRUE(read->got);
    EXPECT_EQ((*read->got)->name, "new");
    EXPECT_FALSE(read->got->info().stale);
  }
}

TEST(Expire, LetsTheFactoryReplaceTheValue) {
  stage s(safe);
  s.read_value("old");
  sync_wait(s.store.expire(s.agents("1")));
  EXPECT_EQ((*s.read_value("new")->got)->name, "new");
}

TEST(StaleWhileRevalidate, ServesStaleAtOnceAndRefreshesInTheBackground) {
  stage s({.ttl = 60s, .jitter = 0, .stale_while_revalidate = 30s});
  s.read_value("old");
  s.time.advance(61s);
  int calls = 0;
  const auto factory = [&] {
    ++calls;
    return agent{"1", "new"};
  };
  const auto served = s.store.get_or_set(s.agents("1"), factory);
  EXPECT_TRUE(served.is_ready());
  EXPECT_EQ(calls, 0);
  s.settle();
  EXPECT_EQ(calls, 1);
  const auto after = s.read(factory);
  EXPECT_EQ((*after->got)->name, "new");
  EXPECT_FALSE(after->got->info().stale);
  EXPECT_EQ(calls, 1);
}

TEST(StaleWhileRevalidate, MarksWhatItServes) {
  stage s({.ttl = 60s, .jitter = 0, .stale_while_revalidate = 30s});
  s.read_value("old");
  s.time.advance(61s);
  const auto served = sync_wait(s.store.get_or_set(s.agents("1"), [] { return agent{"1", "new"}; }));
  EXPECT_EQ(served->name, "old");
  EXPECT_TRUE(served.info().stale);
  EXPECT_TRUE(served.info().hit());
}

TEST(StaleWhileRevalidate, RefreshesOnceForManyHits) {
  stage s({.ttl = 60s, .jitter = 0, .stale_while_revalidate = 30s});
  s.read_value("old");
  s.time.advance(61s);
  int calls = 0;
  for (int i = 0; i < 10; ++i) {
    sync_wait(s.store.get_or_set(s.agents("1"), [&] {
      ++calls;
      return agent{"1", "new"};
    }));
  }
  s.settle();
  EXPECT_EQ(calls, 1);
}

TEST(StaleWhileRevalidate, EndsWithItsWindow) {
  stage s({.ttl = 60s, .jitter = 0, .stale_while_revalidate = 30s});
  s.read_value("old");
  s.advance(91s);
  EXPECT_EQ((*s.read_value("new")->got)->name, "new");
}

TEST(StaleWhileRevalidate, KeepsTheOldValueWhenTheRefreshFails) {
  stage s({.ttl = 60s, .jitter = 0, .stale_while_revalidate = 30s});
  s.read_value("old");
  s.advance(61s);
  s.read(failing);
  EXPECT_EQ((*s.read(failing)->got)->name, "old");
}

TEST(EagerRefresh, RefreshesInTheLastPartOfALife) {
  stage s({.ttl = 100s, .jitter = 0, .eager_refresh = 0.9});
  s.read_value("old");
  int calls = 0;
  const auto factory = [&] {
    ++calls;
    return agent{"1", "new"};
  };
  s.advance(89s);
  s.read(factory);
  EXPECT_EQ(calls, 0);
  s.advance(2s);
  const auto served = s.read(factory);
  EXPECT_EQ((*served->got)->name, "old");
  EXPECT_FALSE(served->got->info().stale);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ((*s.read(factory)->got)->name, "new");
}

TEST(XFetch, RefreshesEarlyMoreOftenTheSlowerTheFactory) {
  const auto early = [](duration slow) {
    stage s({.ttl = 100s, .jitter = 0, .xfetch_beta = 1});
    int refreshed = 0;
    for (int i = 0; i < 400; ++i) {
      const auto id = std::to_string(i);
      s.read(
          [&] {
            s.time.advance(slow);
            return agent{id, "old"};
          },
          id.c_str());
      s.time.advance(95s);
      s.read(
          [&] {
            ++refreshed;
            return agent{id, "new"};
          },
          id.c_str());
      s.time.advance(100s);
    }
    return refreshed;
  };
  EXPECT_LT(early(1ms), 5);
  const auto often = early(5s);  // exp(-1) of them: 5 s left, 5 s of factory
  EXPECT_GT(often, 400 / 4);
  EXPECT_LT(often, 400 / 2);
}

TEST(NotModified, GivesThePreviousValueANewLife) {
  stage s(safe);
  s.read_value("old");
  s.advance(61s);
  std::string seen;
  const auto read = s.read([&](fill_context& context) {
    seen = context.previous<agent>()->name;
    context.not_modified();
    return agent{};
  });
  EXPECT_EQ(seen, "old");
  EXPECT_EQ((*read->got)->name, "old");
  EXPECT_FALSE(read->got->info().stale);
  EXPECT_EQ(read->got->info().ttl, duration(60s));
}

TEST(NotModified, WithoutAPreviousValueIsAnError) {
  stage s(safe);
  const auto read = s.read([&](fill_context& context) {
    EXPECT_EQ(context.previous<agent>(), nullptr);
    context.not_modified();
    return agent{};
  });
  EXPECT_EQ(read->got->failure()->code, errc::invalid_argument);
}

TEST(Refresh, ServesTheOldValueUntilTheNewOneIsThere) {
  stage s({.ttl = 60s, .jitter = 0});
  s.read_value("old");
  async_latch go;
  std::optional<lookup<agent>> refreshed;
  start(&s.front,
        s.store.refresh(s.agents("1"),
                        [&]() -> task<agent> {
                          co_await go.wait();
                          co_return agent{"1", "new"};
                        }),
        [&](completion<lookup<agent>> read) { refreshed = *read; });
  EXPECT_EQ((*s.read_value("never")->got)->name, "old");
  go.set();
  s.settle();
  EXPECT_EQ((*refreshed)->name, "new");
  EXPECT_EQ((*s.read_value("never")->got)->name, "new");
}

TEST(StopFilling, WaitsForFactoriesThatRunAndLetsNoneBegin) {
  stage s({.ttl = 60s, .jitter = 0, .hard_timeout = 1s});
  async_latch go_on;
  const auto slow = s.read([&]() -> task<agent> {
    co_await go_on.wait();
    co_return agent{"1", "late"};
  });
  s.advance(2s);
  EXPECT_EQ((*slow->got).failure()->code, errc::timeout);  // no reader waits any more, but it runs
  std::atomic<bool> over = false;
  std::thread stopping([&] {
    s.store.stop_filling();
    over = true;
  });
  const auto refused = [&] {
    const auto read = s.read([] { return agent{"2", "new"}; }, "2");
    return read->got && !*read->got && (*read->got).failure()->code == errc::busy;
  };
  for (int i = 0; i < 100'000 && !refused(); ++i) sync_wait(s.store.remove(s.agents("2")));
  EXPECT_TRUE(refused());
  EXPECT_FALSE(over);
  go_on.set();
  s.settle();
  stopping.join();
  EXPECT_EQ((*s.read_value("never asked")->got)->name, "late");  // a hit: the late value was stored
  const auto many = sync_wait(s.store.get_or_set_many(std::vector{s.agents("3")}, [](auto missing) {
    return std::vector<std::optional<agent>>(missing.size(), agent{"3", "new"});
  }));
  EXPECT_EQ(many[0].failure()->code, errc::busy);
}

TEST(FactoryLimit, BoundsHowManyFactoriesRunAtOnce) {
  stage s({.ttl = 60s, .jitter = 0}, {.factory_limit = 2, .factory_queue = 1});
  async_latch go;
  int running = 0;
  const auto slow = [&]() -> task<agent> {
    ++running;
    co_await go.wait();
    co_return agent{"x", "done"};
  };
  const auto first = s.read(slow, "1");
  const auto second = s.read(slow, "2");
  const auto waiting = s.read(slow, "3");
  const auto refused = s.read(slow, "4");
  EXPECT_EQ(running, 2);
  ASSERT_TRUE(refused->got);
  EXPECT_EQ(refused->got->failure()->code, errc::busy);
  go.set();
  s.settle();
  EXPECT_EQ(running, 3);
  EXPECT_EQ((*waiting->got)->name, "done");
}

TEST(Observer, IsToldOfEverything) {
  struct recorder : cache_observer {
    std::vector<std::string> seen;
    void on_hit(std::string_view, const read_info&) override { seen.emplace_back("hit"); }
    void on_miss(std::string_view, miss_reason why) override {
      seen.push_back("miss " + std::string(name(why)));
    }
    void on_fill(std::string_view, duration) override { seen.emplace_back("fill"); }
    void on_stale(std::string_view) override { seen.emplace_back("stale"); }
    void on_error(std::string_view, const error& what) override { seen.push_back("error " + what.detail); }
  };
  const auto watching = std::make_shared<recorder>();
  stage s(safe, {.observer = watching});
  s.read_value("old");
  s.read_value("old");
  s.advance(61s);
  s.read(failing);
  EXPECT_EQ(watching->seen,
            (std::vector<std::string>{"fill", "miss absent", "hit", "error the source is down", "stale"}));
}

TEST(TwoLevels, ServeStaleFromTheSecondLevel) {
  strata::testing::manual_clock time;
  const auto server = make_memory_server(time);
  stage s(safe, {.second_level = connect(server)});
  // Another process's clock stands still here; its fill is what matters.
  cache other(stage::on(s, {.second_level = connect(server)}));
  sync_wait(other.get_or_set(s.agents("1"), [] { return agent{"1", "old"}; }));
  time.advance(61s);
  s.time.advance(61s);
  const auto read = s.read(failing);
  ASSERT_TRUE(read->got);
  EXPECT_EQ((*read->got)->name, "old");
  EXPECT_TRUE(read->got->info().stale);
}

TEST(TwoLevels, OneProcessFillsAndTheOtherWaitsForItsPush) {
  strata::testing::manual_clock time;
  const auto server = make_memory_server(time);
  stage s({.ttl = 60s, .jitter = 0}, {.second_level = connect(server)});
  cache other(stage::on(s, {.second_level = connect(server)}));
  async_latch go;
  int calls = 0;
  std::optional<lookup<agent>> theirs;
  start(&s.front,
        other.get_or_set(s.agents("1"),
                         [&]() -> task<agent> {
                           ++calls;
                           co_await go.wait();
                           co_return agent{"1", "theirs"};
                         }),
        [&](completion<lookup<agent>> read) { theirs = *read; });
  const auto ours = s.read([&] {
    ++calls;
    return agent{"1", "ours"};
  });
  EXPECT_FALSE(ours->got);
  go.set();
  s.settle();
  EXPECT_EQ(calls, 1);
  ASSERT_TRUE(ours->got);
  EXPECT_EQ((*ours->got)->name, "theirs");
  EXPECT_EQ(ours->got->info().from, layer::l2);
}

TEST(TwoLevels, ALeaseWhoseHolderDiedIsTakenOverInTime) {
  strata::testing::manual_clock time;
  const auto server = make_memory_server(time);
  stage s({.ttl = 60s, .jitter = 0}, {.second_level = connect(server), .fill_lease = 5s});
  const auto dead = connect(server);
  sync_wait(dead->acquire("strata:agent:1", 5s, 0));
  const auto read = s.read_value("ours");
  EXPECT_FALSE(read->got);
  time.advance(5s);
  s.advance(5s);
  ASSERT_TRUE(read->got);
  EXPECT_EQ((*read->got)->name, "ours");
}

}  // namespace
