#include "tests/contract/session_contract.hpp"
#include "tests/redis/cluster_group.hpp"
#include "tests/redis/sentinel_group.hpp"
#include "tests/redis/store_support.hpp"

#include <optional>

namespace strata::contract {

namespace {

/// SQLite alone: each process has its memory.
struct sessions_without_a_store {
  static constexpr bool shares = false;
  std::shared_ptr<store> connect() { return nullptr; }
};

struct sessions_over_memory {
  static constexpr bool shares = true;
  std::shared_ptr<memory_server> server = make_memory_server();
  std::shared_ptr<store> connect() { return strata::connect(server); }
};

/// Over real servers, which start once.
template <class Servers>
struct sessions_over {
  static constexpr bool shares = true;
  static void start_servers() { servers.emplace(); }
  static void stop_servers() { servers.reset(); }
  std::shared_ptr<store> connect() { return test::open_now(servers->url(), test::patient_options()); }
  static inline std::optional<Servers> servers;
};

using sessions_over_redis = sessions_over<test::redis_server>;

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, SessionContract, sessions_without_a_store);
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, SessionContract, sessions_over_memory);
INSTANTIATE_TYPED_TEST_SUITE_P(Redis, SessionContract, sessions_over_redis);
INSTANTIATE_TYPED_TEST_SUITE_P(Sentinel, SessionContract, sessions_over<test::sentinel_group>);
INSTANTIATE_TYPED_TEST_SUITE_P(Cluster, SessionContract, sessions_over<test::cluster_group>);

class SessionsOnServers : public ::testing::Test {
 protected:
  std::unique_ptr<session_process> process(const std::string& url, store_options with) {
    return std::make_unique<session_process>(file, test::open_now(url, with), keys, system_clock());
  }
  void SetUp() override {
    must(sync_wait(must(open_sqlite({.file = file}))->run_script(session_store::schema())));
  }

  test::temporary_folder folder;
  const std::string file = folder.file("sessions.db");
  std::shared_ptr<const key_ring> keys = std::make_shared<key_ring>("7:" + key_ring::generate());
};

TEST_F(SessionsOnServers, EndTenThousandOfAUserWithOneSmallCommand) {
  test::redis_server server;
  const auto one = process(server.url(), test::patient_options());
  const auto first = one->begin("usr_1");
  // As many logins with the same details, without as many commits.
  must(sync_wait(one->source->run_script(
      "INSERT INTO sessions SELECT 'copy' || n, user_id, created_at, ends_at, 0, details FROM sessions, "
      "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 9999) SELECT n FROM c);")));
  EXPECT_TRUE(one->holds(first.token));
  server.call({"CONFIG", "SET", "slowlog-log-slower-than", "0"});
  server.call({"CONFIG", "SET", "slowlog-max-len", "100000"});
  server.call({"SLOWLOG", "RESET"});
  EXPECT_EQ(must(sync_wait(one->sessions.end_all("usr_1"))), 10'000u);
  std::size_t words = 0, commands = 0;
  for (const auto& each : server.call({"SLOWLOG", "GET", "-1"}).items()) {
    ++commands;
    words = std::max(words, each.items()[3].items().size());
  }
  EXPECT_LT(words, 32u) << "a command that names many keys blocks Redis";
  EXPECT_LT(commands, 1000u) << "a command for each session";
  EXPECT_FALSE(one->holds(first.token));
}

// The replicas receive nothing while the session ends, and one of them becomes the master.
TEST_F(SessionsOnServers, StayEndedWhenAReplicaThatDidNotKnowTakesOver) {
  test::sentinel_group group({.down_after = 1s});
  const auto options = store_options{.timeout = 2s};
  const auto one = process(group.url(), options);
  const auto two = process(group.url(), options);
  const auto ended = one->begin("usr_1");
  const auto kept = one->begin("usr_2");
  for (auto* each : {one.get(), two.get()}) EXPECT_TRUE(each->holds(ended.token) && each->holds(kept.token));
  auto& old = group.master();
  for (auto* each : group.others(old)) each->pause();
  EXPECT_EQ(must(sync_wait(one->sessions.end_all("usr_1"))), 1u);
  EXPECT_FALSE(one->holds(ended.token));
  old.kill();
  for (auto* each : group.others(old)) each->resume();
  ASSERT_TRUE(group.wait_for_another_master(old));
  EXPECT_TRUE(test::eventually([&] { return !two->holds(ended.token); }));
  const auto usable = [](session_process& of) {
    const auto now = of.target.stats().second_level;
    return now.state == second_level_state::up && now.coherent;
  };
  EXPECT_TRUE(test::eventually([&] { return usable(*one) && usable(*two); }, 60s));
  for (auto* each : {one.get(), two.get()}) {
    EXPECT_FALSE(each->holds(ended.token));
    EXPECT_TRUE(each->holds(kept.token));
  }
}

}  // namespace
}  // namespace strata::contract
