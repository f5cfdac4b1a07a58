// A server that stops, returns, or hangs.

#include "tests/postgres/support.hpp"

#include <atomic>

namespace strata::test {
namespace {

/// Its own server, so that other tests are not affected.
class PostgresOutage : public testing::Test {
 protected:
  std::shared_ptr<database> open(postgres_options with = {}) {
    with.url = server.url();
    return must_open(std::move(with));
  }
  static std::string read(database& db) { return code_of(sync_wait(db.query("SELECT 1", {}))); }
  static std::string write(database& db) { return code_of(sync_wait(db.execute("SELECT 1", {}))); }

  postgres_server server;
};

TEST_F(PostgresOutage, AReadWhoseSessionIsEndedIsSentAgain) {
  const auto db = open({.readers = 1});
  run_loop loop;
  std::string ended;
  start(&loop, db->query("SELECT pg_sleep(3)", {}), [&](auto outcome) { ended = code_of(*outcome); });
  const auto sleeper = "FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(3)' AND state = 'active'";
  wait_until([&] { return server.execute("postgres", std::string("SELECT count(*) ") + sleeper) == "1\n"; });
  server.execute("postgres", std::string("SELECT pg_terminate_backend(pid) ") + sleeper);
  loop.run_until([&] { return !ended.empty(); });
  EXPECT_EQ(ended, "ok");
}

TEST_F(PostgresOutage, AKilledSessionTakesTheServerDownAndEverythingRecovers) {
  const auto db = open();
  ASSERT_TRUE(sync_wait(db->run_script("CREATE TABLE t (a BIGINT)")));
  auto held = sync_wait(db->begin()).value();
  ASSERT_TRUE(sync_wait(held->execute("INSERT INTO t VALUES (1)", {})));
  run_loop loop;
  std::string ended;
  start(&loop, db->execute("SELECT pg_sleep(30)", {}), [&](auto outcome) { ended = code_of(*outcome); });
  std::string pid;
  wait_until([&] {
    pid = server.execute(
        "postgres",
        "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND state = 'active'");
    return !pid.empty();
  });
  ASSERT_EQ(::kill(std::stoi(pid), SIGKILL), 0);
  loop.run_until([&] { return !ended.empty(); });
  EXPECT_EQ(ended, "database_unavailable") << "a write may have happened: it is not sent again";
  // The server ends all sessions, one after the other.
  wait_until([&] { return !sync_wait(held->execute("SELECT 1", {})); });
  EXPECT_FALSE(sync_wait(held->commit()));
  held.reset();
  wait_until([&] { return read(*db) == "ok" && write(*db) == "ok"; });
  EXPECT_EQ(number(sync_wait(db->query("SELECT count(*) FROM t", {}))), 0);
}

TEST_F(PostgresOutage, ARestartIsSurvivedUnderLoad) {
  const auto db = open();
  std::atomic<bool> done = false;
  std::atomic<int> good = 0;
  std::atomic<int> failed = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const auto got = sync_wait(db->query("SELECT $1::bigint", {std::int64_t{7}}));
        if (got) {
          wrong += number(got) == 7 ? 0 : 1;
          ++good;
        } else {
          wrong +=
              got.error().code == errc::database_unavailable || got.error().code == errc::timeout ? 0 : 1;
          ++failed;
        }
      }
    });
  }
  wait_until([&] { return good > 100; });
  server.restart_immediately();
  const int before = good;
  wait_until([&] { return good > before + 100; });
  done = true;
  for (auto& each : readers) each.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(write(*db), "ok");
}

TEST_F(PostgresOutage, WhileTheServerIsDownEverythingFailsAtOnceAndThenRecovers) {
  const auto db = open();
  server.stop_immediately();
  wait_until([&] { return read(*db) == "database_unavailable" && write(*db) == "database_unavailable"; });
  for (int i = 0; i < 100; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(read(*db), "database_unavailable");
    EXPECT_EQ(code_of(sync_wait(db->begin())), "database_unavailable");
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 4s) << "no call waits for its deadline of 5 s";
  }
  EXPECT_EQ(code_of(sync_wait(db->ping())), "database_unavailable");
  server.start_again();
  wait_until([&] { return read(*db) == "ok" && write(*db) == "ok"; });
}

TEST_F(PostgresOutage, AServerThatStandsStillIsWaitedForUntilTheDeadline) {
  const auto db = open({.statement_timeout = 1s, .connect_timeout = 1s});
  wait_until([&] { return write(*db) == "ok"; });
  auto held = sync_wait(db->begin()).value();
  ASSERT_TRUE(sync_wait(held->execute("SELECT 1", {})));
  server.pause();
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(read(*db), "timeout");
  EXPECT_EQ(write(*db), "timeout");
  EXPECT_EQ(code_of(sync_wait(held->execute("SELECT 1", {}))), "timeout");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 20s);
  held.reset();
  server.resume();
  wait_until([&] { return read(*db) == "ok" && write(*db) == "ok"; });
}

}  // namespace
}  // namespace strata::test
