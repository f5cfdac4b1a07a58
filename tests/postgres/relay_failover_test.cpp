// A failover of Sentinel to a lagging replica, with a running relay: the relay republishes the changes that
// only the old master received, and no read returns an older version.

#include "tests/postgres/relay_support.hpp"
#include "tests/redis/sentinel_group.hpp"
#include "tests/redis/store_support.hpp"

#include <algorithm>

namespace strata::test {
namespace {

constexpr int rows = 20;

/// A process with a cache in memory over the store.
class reader {
 public:
  reader(std::shared_ptr<database> from, const std::string& store)
      : source_(std::move(from)),
        shared_(*open_store(store, {.relayed = true})),
        held_({.second_level = shared_, .fill_lease = 1s}) {}

  lookup<std::string> read(int row) {
    const auto id = std::to_string(row);
    auto load = [this, id]() -> task<result<std::string>> {
      sql_parameters which{id};
      auto found = co_await source_->query("SELECT name FROM agents WHERE id = $1", std::move(which));
      if (!found) co_return std::unexpected(std::move(found.error()));
      co_return std::get<std::string>(found->at(0, "name"));
    };
    return sync_wait(held_.get_or_set(agents_(id), load));
  }
  std::string name_of(int row) {
    const auto found = read(row);
    return found ? *found : found.failure()->detail;
  }
  /// Whether `name` is in its memory and trusted.
  bool holds(int row, const std::string& name) {
    return eventually([&] {
      const auto found = read(row);
      return found && *found == name && found.info().from == layer::l1;
    });
  }

 private:
  std::shared_ptr<database> source_;
  std::shared_ptr<network_store> shared_;
  cache held_;
  entity<std::string, "agent:{id}"> agents_{{.ttl = 600s}};
};

class PostgresRelayFailover : public RelayTest {
 protected:
  /// Every name of every process is `wanted(row)`.
  template <class Wanted>
  void all_are(Wanted wanted) {
    for (auto* each : {&one, &two}) {
      for (int row = 0; row < rows; ++row) {
        EXPECT_EQ(each->name_of(row), wanted(row)) << "row " << row;
      }
    }
  }

  sentinel_group group;
  reader one{db, group.url()};
  reader two{db, group.url()};
};

TEST_F(PostgresRelayFailover, TellsAgainWhatTheReplicaHadNotHeard) {
  elsewhere("INSERT INTO agents SELECT n, 'o', 'first' FROM generate_series(0, " + std::to_string(rows - 1) +
            ") n");
  const relay tells(speaking_to(open_now(group.url())));
  for (int row = 0; row < rows; ++row) {
    ASSERT_TRUE(one.holds(row, "first"));
    ASSERT_TRUE(two.holds(row, "first"));
  }
  ASSERT_TRUE(eventually([&] { return group.is_ready(); }));

  // From here on the replicas receive nothing; data in their sockets is lost with the connection.
  auto& old = group.master();
  const auto replicas = group.others(old);
  for (auto* each : replicas) each->pause();
  old.call({"CLIENT", "KILL", "TYPE", "replica"});
  elsewhere("UPDATE agents SET name = 'second'");
  wait_until_relayed(tells);
  all_are([](int) { return "second"; });
  old.kill();
  for (auto* each : replicas) each->resume();
  ASSERT_TRUE(eventually([&] {
    return std::ranges::all_of(replicas,
                               [](const redis_server* each) { return !each->call({"PING"}).is_error(); });
  }));
  EXPECT_EQ(tells.stats().replays, 0U);
  group.begin_failover();
  elsewhere("UPDATE agents SET name = 'third' WHERE id::int % 3 = 0");
  std::this_thread::sleep_for(350ms);
  const auto wanted = [](int row) { return row % 3 == 0 ? "third" : "second"; };
  bool moved = false;
  wait_until([&] {
    all_are(wanted);
    moved = moved || &group.master() != &old;
    return moved && tells.stats().replays > 0;
  });
  wait_until_relayed(tells);
  for (int row = 0; row < rows; ++row) {
    EXPECT_TRUE(one.holds(row, wanted(row)));
    EXPECT_TRUE(two.holds(row, wanted(row)));
  }
  all_are(wanted);
  EXPECT_EQ(clears(tells, clear_reason::source_lost), 0U);

  // Later writes are published to the new master.
  elsewhere("UPDATE agents SET name = 'fourth'");
  wait_until_relayed(tells);
  std::this_thread::sleep_for(350ms);
  all_are([](int) { return "fourth"; });
}

}  // namespace
}  // namespace strata::test
