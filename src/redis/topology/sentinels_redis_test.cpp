/// Finding a master, and following it, with real sentinels.

#include "redis/topology/sentinels.hpp"
#include "tests/redis/client_support.hpp"
#include "tests/redis/sentinel_group.hpp"

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::sentinel_group;

sentinel_options options_for(sentinel_group& group, std::size_t first = 1) {
  sentinel_options made;
  for (const auto& each : group.sentinels()) {
    if (first-- == 0) break;
    made.sentinels.push_back({.host = "127.0.0.1", .port = each.port(), .path = {}});
  }
  made.group = sentinel_group::name;
  made.patience = 10s;
  return made;
}

/// The master that they name, as soon as they name one.
std::uint16_t master_of(sentinels& asked) {
  result<address> found = fail(errc::store_unavailable, "");
  EXPECT_TRUE(eventually([&] {
    found = sync_wait(asked.master());
    return found.has_value();
  })) << found.error().detail;
  return found ? found->port : std::uint16_t{0};
}

TEST(Sentinels, NameTheMasterAndEachOther) {
  sentinel_group group;
  runtime threads;
  sentinels asked(threads, options_for(group));
  EXPECT_EQ(master_of(asked), group.master().port());
  EXPECT_EQ(asked.known().size(), 3u);
}

TEST(Sentinels, AreDoneWithoutWhenTheyAreGone) {
  sentinel_group group;
  runtime threads;
  sentinels asked(threads, options_for(group));
  ASSERT_EQ(master_of(asked), group.master().port());
  group.sentinels().front().kill();  // the only one that was given
  EXPECT_EQ(master_of(asked), group.master().port());
  for (auto& each : group.sentinels()) each.kill();
  ASSERT_TRUE(eventually([&] { return !sync_wait(asked.master()); }));
  const auto none = sync_wait(asked.master());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::store_unavailable);
  EXPECT_TRUE(none.error().detail.contains("127.0.0.1:" + std::to_string(group.sentinels().front().port())))
      << none.error().detail;
  group.sentinels().back().start();
  EXPECT_EQ(master_of(asked), group.servers().front().port());
}

TEST(Sentinels, SayWhenTheyWatchNoSuchMaster) {
  sentinel_group group({.replicas = 0, .sentinels = 1});
  runtime threads;
  auto wrong = options_for(group);
  wrong.group = "other";
  sentinels asked(threads, wrong);
  const auto none = sync_wait(asked.master());
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().detail.contains("does not know a master called \"other\"")) << none.error().detail;
}

TEST(Sentinels, AServerThatIsNoneIsSaidToBeNone) {
  const auto& server = test::shared_redis();
  runtime threads;
  sentinel_options wrong{.sentinels = {{.host = "127.0.0.1", .port = server.port(), .path = {}}},
                         .group = "main"};
  sentinels asked(threads, wrong);
  std::string said;
  EXPECT_TRUE(eventually([&] {
    said = sync_wait(asked.master()).error().detail;
    return said.contains("is not a sentinel");
  })) << said;
}

TEST(Sentinels, RenewAClientAsSoonAsAnotherIsMasterThoughTheOldOneWorks) {
  sentinel_group group;
  runtime threads;
  sentinels asked(threads, options_for(group));
  auto with = test::options_for(1);
  with.locate = [&] { return asked.master(); };
  test::recorder seen;
  {
    client redis(threads, with, &seen);
    asked.guide(redis);
    ASSERT_TRUE(eventually([&] { return redis.state() == client_state::connected; }));
    for (int i = 0; i < 2; ++i) {
      auto& old = group.master();
      ASSERT_EQ(redis.at().port, old.port());
      ASSERT_TRUE(eventually([&] { return group.is_ready(); }));
      group.begin_failover();
      ASSERT_TRUE(group.wait_for_another_master(old));
      EXPECT_TRUE(eventually([&] { return redis.at().port == group.master().port(); }));
      EXPECT_TRUE(test::connects(redis));
      EXPECT_TRUE(seen.last_loss().contains("is no longer the master")) << seen.last_loss();
      EXPECT_EQ(seen.last().role, "master");
    }
    asked.stop();
  }
}

TEST(Sentinels, BadOptionsAreRefusedAndAllNamed) {
  runtime threads;
  try {
    sentinels asked(threads, {.sentinels = {}, .group = "", .patience = 0s});
    FAIL() << "taken";
  } catch (const bad_options& wrong) {
    const std::string_view all = wrong.what();
    EXPECT_TRUE(all.contains("sentinels") && all.contains("group") && all.contains("patience")) << all;
  }
}

}  // namespace
}  // namespace strata::redis
