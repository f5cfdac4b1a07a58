/// Caches with both levels over servers and networks that fail: every read is answered, and none is too old.

#include "tests/redis/proxy.hpp"
#include "tests/redis/sentinel_group.hpp"
#include "tests/redis/watched_caches.hpp"

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::proxy;
using test::redis_server;
using test::watch_setup;
using test::watched_caches;

/// Three caches at `url`.
watch_setup three(const std::string& url, tracked_keys tracked = tracked_keys::all) {
  return {.urls = {url, url, url}, .store = {.tracked = tracked}};
}

/// What must hold for each set of tracked keys.
struct CacheFaultsHoweverTold : testing::TestWithParam<tracked_keys> {};
INSTANTIATE_TEST_SUITE_P(, CacheFaultsHoweverTold, testing::Values(tracked_keys::all, tracked_keys::read),
                         [](const auto& each) {
                           return each.param == tracked_keys::all ? "OfAll" : "OfWhatIsRead";
                         });

TEST_P(CacheFaultsHoweverTold, WithoutOneNothingIsOlderThanAHundredMilliseconds) {
  const auto& server = test::shared_redis();
  auto with = three(server.url(), GetParam());
  with.bound = 100ms;
  watched_caches caches(with);
  caches.run(1500ms);
  caches.end();
}

TEST_P(CacheFaultsHoweverTold, AServerThatIsKilledAndStartedAgain) {
  redis_server server;
  watched_caches caches(three(server.url(), GetParam()));
  for (int i = 0; i < 2; ++i) {
    caches.run(300ms);
    server.kill();
    caches.run(400ms);
    server.start();
    caches.recover();
  }
  caches.end();
}

TEST(CacheFaults, AServerThatStandsStillForTwoSeconds) {
  redis_server server;
  auto with = three(server.url());
  with.for_all = false;  // who is there first again may be before a removal that was kept
  watched_caches caches(with);
  caches.run(300ms);
  server.pause();
  caches.run(2s);
  server.resume();
  caches.recover();
  caches.end();
}

TEST(CacheFaults, ConnectionsThatAreCutInTheMiddleOfAReply) {
  const auto& server = test::shared_redis();
  proxy first(server.port());
  proxy last(server.port());
  const auto through = [](const proxy& which) { return "redis://127.0.0.1:" + std::to_string(which.port()); };
  watched_caches caches(
      {.urls = {through(first), server.url(), through(last)}, .store = {}, .for_all = false});
  for (int i = 0; i < 12; ++i) {
    auto& which = i % 2 == 0 ? first : last;
    const auto cuts = which.cuts();
    which.cut_after(1 + 37 * i);
    EXPECT_TRUE(eventually([&] { return which.cuts() > cuts; }));
    caches.run(50ms);
  }
  caches.recover();
  caches.end();
}

TEST(CacheFaults, ALinkThatIsHalfOpen) {
  const auto& server = test::shared_redis();
  proxy between(server.port());
  auto with = three(server.url());
  with.urls[2] = "redis://127.0.0.1:" + std::to_string(between.port());
  watched_caches caches(with);
  caches.run(300ms);
  between.freeze();
  caches.run(1500ms);
  between.freeze(false);
  caches.recover();
  caches.end();
}

TEST_P(CacheFaultsHoweverTold, ClientsThatAreKilled) {
  const auto& server = test::shared_redis();
  auto with = three(server.url(), GetParam());
  with.for_all = false;
  watched_caches caches(with);
  for (int i = 0; i < 10; ++i) {
    caches.run(80ms);
    EXPECT_FALSE(server.call({"CLIENT", "KILL", "TYPE", "pubsub"}).is_error());
  }
  caches.recover();
  caches.end();
}

TEST_P(CacheFaultsHoweverTold, AServerThatIsFlushed) {
  const auto& server = test::shared_redis();
  watched_caches caches(three(server.url(), GetParam()));
  for (int i = 0; i < 5; ++i) {
    caches.run(100ms);
    EXPECT_TRUE(server.call({"FLUSHALL"}).is_ok());
    caches.recover();
    EXPECT_TRUE(server.call({"SCRIPT", "FLUSH"}).is_ok());
  }
  caches.end();
}

TEST_P(CacheFaultsHoweverTold, AServerThatEvictsWhatItHasNoRoomFor) {
  redis_server server({.config = {"--maxmemory", "4mb", "--maxmemory-policy", "volatile-lru"}});
  auto with = three(server.url(), GetParam());
  with.keys = 2000;
  with.value_size = 4000;
  watched_caches caches(with);
  caches.run(1s);
  const auto evictions = [&] {
    const auto info = server.call({"INFO", "stats"});
    const auto at = info.text().find("evicted_keys:");
    return std::stoll(std::string(info.text().substr(at + 13, 20)));
  };
  EXPECT_TRUE(eventually([&] { return evictions() > 500; }));
  std::cout << evictions() << " keys evicted\n";
  caches.recover();
  caches.end();
}

TEST(CacheFaults, ANearCacheThatStopsReadingUntilTheServerDropsIt) {
  redis_server server({.config = {"--client-output-buffer-limit", "pubsub 4mb 2mb 5"}});
  proxy between(server.port());
  auto with = three(server.url());
  with.urls[2] = "redis://127.0.0.1:" + std::to_string(between.port()) + "?name=still";
  watched_caches caches(with);
  const auto is_connected = [&] {
    return server.call({"CLIENT", "LIST", "TYPE", "pubsub"}).text().contains("name=still");
  };
  ASSERT_TRUE(is_connected());
  caches.run(200ms);
  between.freeze();
  const auto flood = test::open_now(server.url());
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back("strata:page:" + std::string(90, 'x') + std::to_string(i));
  for (int i = 0; i < 300 && is_connected(); ++i) {
    EXPECT_TRUE(eventually([&] { return sync_wait(flood->invalidate(names, 0)).has_value(); }));
  }
  EXPECT_TRUE(eventually([&] { return !is_connected(); })) << "the server did not drop it";
  between.freeze(false);
  caches.recover();
  caches.end();
}

TEST(CacheFaults, AMasterThatIsKilledAndThatSentinelsReplaceByThemselves) {
  test::sentinel_group group({.down_after = 1s});
  watched_caches caches(three(group.url()));
  caches.run(300ms);
  auto& old = group.master();
  old.kill();
  const auto killed = test::history::clock::now();
  caches.run(500ms);
  ASSERT_TRUE(group.wait_for_another_master(old)) << group.sentinels().front().log();
  std::cout << "another master after "
            << test::history::milliseconds(test::history::clock::now() - killed).count() << " ms; ";
  caches.recover();
  caches.run(500ms);
  caches.end();
}

}  // namespace
}  // namespace strata::redis
