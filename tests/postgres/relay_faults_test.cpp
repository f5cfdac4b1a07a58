// Real relays over a real Redis, paused, killed and cut off: no read may be older than the bound.

#include "tests/postgres/relay_support.hpp"
#include "tests/redis/store_support.hpp"

#include <strata/open.hpp>

#include <atomic>
#include <fstream>
#include <optional>
#include <regex>
#include <thread>

namespace strata::test {
namespace {

using testing::HasSubstr;

constexpr duration bound = 350ms;

/// A writer that updates one row repeatedly with another program, and a reader that reads it through a cache
/// and knows which version it must see.
class duel {
 public:
  duel(std::string postgres, const std::string& redis)
      : url_(std::move(postgres)),
        source_(must_open({.url = url_, .statement_timeout = 2s, .connect_timeout = 1s})),
        shared_(*open_store(redis, {.relayed = true, .bound = bound})),
        held_({.second_level = shared_, .fill_lease = 1s}) {
    committed_.emplace_back();
    write();
    writes_ = std::thread([this] {
      while (!stop_) {
        write();
        std::this_thread::sleep_for(7ms);
      }
    });
    reads_ = std::thread([this] {
      while (!stop_) read();
    });
  }
  ~duel() { stop(); }
  void stop() {
    stop_ = true;
    if (writes_.joinable()) writes_.join();
    if (reads_.joinable()) reads_.join();
  }

  /// Returns when memory is trusted because of a later notification; throws if that never happens.
  void wait_for_trust() {
    const auto since = system_clock().now() + bound;
    wait_until([&] { return time_point(duration(last_hit_.load())) > since; });
  }
  std::string wrong() const {
    std::lock_guard lock(mutex_);
    return wrong_;
  }
  duration oldest() const {
    std::lock_guard lock(mutex_);
    return oldest_;
  }
  /// Waits, with the writer stopped, until the last version is read.
  bool ends_right() {
    stop();
    const auto last = std::to_string(committed_.size() - 1);
    return eventually([&] {
      const auto got = get();
      return got && *got == last;
    });
  }

 private:
  void write() {
    // A failed write may have been committed, so it is retried with the same version.
    if (to_ == nullptr || PQstatus(to_.get()) != CONNECTION_OK) {
      to_.reset(PQconnectdb((url_ + "&connect_timeout=2").c_str()));
    }
    const auto next = committed_count();
    const auto what = "INSERT INTO agents VALUES ('a', 'o', '" + std::to_string(next) +
                      "') ON CONFLICT (id) DO UPDATE SET name = excluded.name";
    const std::unique_ptr<PGresult, decltype(&PQclear)> done(PQexec(to_.get(), what.c_str()), &PQclear);
    if (PQresultStatus(done.get()) != PGRES_COMMAND_OK) return;
    std::lock_guard lock(mutex_);
    committed_.push_back(system_clock().now());
  }
  std::size_t committed_count() const {
    std::lock_guard lock(mutex_);
    return committed_.size();
  }

  lookup<std::string> get() {
    auto load = [this]() -> task<result<std::string>> {
      auto rows = co_await source_->query("SELECT name FROM agents WHERE id = 'a'", {});
      if (!rows) co_return std::unexpected(std::move(rows.error()));
      co_return std::get<std::string>(rows->at(0, "name"));
    };
    return sync_wait(held_.get_or_set(agents_("a"), load));
  }
  void read() {
    const auto began = system_clock().now();
    const auto got = get();
    if (!got) return;
    if (got.info().from == layer::l1) last_hit_ = began.time_since_epoch().count();
    const auto version = std::stoul(*got);
    std::lock_guard lock(mutex_);
    if (version + 1 >= committed_.size()) return;
    const auto age = began - committed_[version + 1];
    oldest_ = std::max(oldest_, age);
    if (age > bound && wrong_.empty()) {
      wrong_ =
          "version " + *got + " was read " + std::to_string(age / 1ms) + " ms after the next was committed";
    }
  }

  const std::string url_;
  std::shared_ptr<database> source_;
  std::shared_ptr<network_store> shared_;
  cache held_;
  entity<std::string, "agent:{id}"> agents_{{.ttl = 600s}};
  std::unique_ptr<PGconn, decltype(&PQfinish)> to_{nullptr, &PQfinish};
  std::atomic<bool> stop_ = false;
  std::atomic<duration::rep> last_hit_ = 0;  ///< start of the last read that was answered from memory
  mutable std::mutex mutex_;
  std::vector<time_point> committed_;  ///< when each version was known to be committed
  std::string wrong_;
  duration oldest_{};
  std::thread writes_;
  std::thread reads_;
};

class PostgresRelayFaults : public RelayTest {
 protected:
  child start_relay(const postgres_server& on, const std::string& database) {
    logs.push_back(redis.file("relay" + std::to_string(logs.size()) + ".log"));
    return child({STRATA_RELAY_PROGRAM, on.url(database), redis.url()}, redis.file("."), logs.back());
  }
  /// The log of relay `which`.
  std::string log_of(std::size_t which) const {
    std::ostringstream text;
    text << std::ifstream(logs.at(which)).rdbuf();
    return text.str();
  }
  /// The last term that it led; 0: none. Terms are counted over all relays, so the largest is the current
  /// one.
  int term_of(std::size_t which) const {
    static const std::regex taken("leads for strata, term ([0-9]+)");
    const auto text = log_of(which);
    int last = 0;
    for (std::sregex_iterator at(text.begin(), text.end(), taken), end; at != end; ++at)
      last = std::stoi((*at)[1]);
    return last;
  }
  bool has_stood_down(std::size_t which, int term) const {
    const auto text = log_of(which);
    const auto at = text.find("leads for strata, term " + std::to_string(term) + '\n');
    return at != std::string::npos && text.find("no longer leads", at) != std::string::npos;
  }

  redis_server redis;
  std::vector<std::string> logs;
};

TEST_F(PostgresRelayFaults, APausedRelayIsTakenOverAndClaimsNothingWhenItComesBack) {
  std::vector<child> relays;
  relays.push_back(start_relay(server, name));
  ASSERT_TRUE(eventually([&] { return term_of(0) != 0; }));
  relays.push_back(start_relay(server, name));
  duel of(server.url(name), redis.url());
  of.wait_for_trust();
  for (std::size_t round = 0; round < 4; ++round) {
    // On a busy machine leadership also changes without us.
    const auto active = term_of(0) > term_of(1) ? std::size_t{0} : std::size_t{1};
    const auto other = 1 - active;
    const auto held = term_of(active);
    relays[active].signal(SIGSTOP);
    ASSERT_TRUE(eventually([&] { return term_of(other) > held; })) << round;
    of.wait_for_trust();
    relays[active].signal(SIGCONT);
    ASSERT_TRUE(eventually([&] { return has_stood_down(active, held); })) << round;
    of.wait_for_trust();
    ASSERT_EQ(of.wrong(), "") << round;
  }
  EXPECT_TRUE(of.ends_right());
  RecordProperty("oldest_ms", static_cast<int>(of.oldest() / 1ms));
}

TEST_F(PostgresRelayFaults, AKilledRelayIsTakenOver) {
  std::optional<child> first(start_relay(server, name));
  ASSERT_TRUE(eventually([&] { return term_of(0) != 0; }));
  const auto second = start_relay(server, name);
  duel of(server.url(name), redis.url());
  of.wait_for_trust();
  first->end(SIGKILL);
  ASSERT_TRUE(eventually([&] { return term_of(1) != 0; }));
  of.wait_for_trust();
  EXPECT_EQ(of.wrong(), "");
  EXPECT_TRUE(of.ends_right());
}

TEST_F(PostgresRelayFaults, AStoreThatComesUpIsToldOnlyWhatItCanLack) {
  const relay tells(speaking_to(open_now(redis.url())));
  wait_until_relayed(tells);
  for (int i = 0; i < 50; ++i)
    elsewhere("INSERT INTO agents VALUES ('" + std::to_string(i) + "', 'o', 'first')");
  wait_until_relayed(tells);
  std::this_thread::sleep_for(250ms);  // of which the relay remembers a position
  wait_until_relayed(tells);
  ASSERT_TRUE(redis.call({"SAVE"}).is_ok());
  for (int i = 0; i < 3; ++i) elsewhere("UPDATE agents SET name = 'second' WHERE id = '7'");
  wait_until_relayed(tells);
  const auto before = tells.stats().changes;
  EXPECT_EQ(before, 53U);
  redis.kill();
  redis.start();
  wait_until([&] { return tells.stats().replays == 1; });
  wait_until_relayed(tells);
  EXPECT_EQ(tells.stats().changes, before + 3) << "the dump has the rest";
  EXPECT_EQ(clears(tells, clear_reason::store_lost), 0U);

  ASSERT_TRUE(redis.call({"FLUSHALL"}).is_ok());
  wait_until([&] { return tells.stats().replays == 2; });
  wait_until_relayed(tells);
  EXPECT_LE(tells.stats().changes, before + 6) << "not the outbox";
  EXPECT_EQ(clears(tells, clear_reason::store_lost), 1U) << "it does not say what it has received";
}

/// Counted, not timed: a slow machine sends fewer.
TEST_F(PostgresRelayFaults, TwoIdleProcessesSendFewCommands) {
  struct process {
    process(const std::string& store, relay_options with)
        : shared(*open_store(store, {.relayed = true})),
          held({.second_level = shared}),
          relaying(std::move(with)) {}
    std::shared_ptr<network_store> shared;
    cache held;
    relay relaying;
  };
  const auto target = [&] { return open_now(redis.url(), {.trust_for = 1s, .heartbeat = 250ms}); };
  const process one(redis.url(), speaking_to(target()));
  const process two(redis.url(), speaking_to(target()));
  wait_until([&] { return one.relaying.stats().active || two.relaying.stats().active; });
  wait_until_up(*one.shared);
  wait_until_up(*two.shared);
  std::this_thread::sleep_for(1500ms);
  const auto commands = [&] {
    static const std::regex calls("cmdstat_evalsha:calls=([0-9]+)");
    const auto text = std::string(redis.call({"INFO", "commandstats"}).text());
    std::smatch found;
    return std::regex_search(text, found, calls) ? std::stoi(found[1]) : 0;
  };
  const auto began = system_clock().now();
  const auto before = commands();
  std::this_thread::sleep_for(2s);
  const auto sent = commands() - before;
  const auto seconds = std::chrono::duration<double>(system_clock().now() - began).count();
  EXPECT_LE(sent / seconds, 100) << "heartbeats 48, marks 20, looks at the watermark 14";
  EXPECT_GE(sent, 1);
}

TEST_F(PostgresRelayFaults, AStoreThatIsKilledAndBackIsToldAgain) {
  relay_options with = speaking_to(open_now(redis.url()));
  const relay tells(std::move(with));
  duel of(server.url(name), redis.url());
  of.wait_for_trust();
  redis.kill();
  std::this_thread::sleep_for(300ms);
  redis.start();
  of.wait_for_trust();
  EXPECT_EQ(tells.stats().replays, 1U);
  ASSERT_TRUE(redis.call({"FLUSHALL"}).is_ok());
  wait_until([&] { return tells.stats().replays == 2; });
  of.wait_for_trust();
  redis.pause();
  std::this_thread::sleep_for(600ms);
  redis.resume();
  of.wait_for_trust();
  EXPECT_EQ(of.wrong(), "");
  EXPECT_TRUE(of.ends_right());
}

TEST_F(PostgresRelayFaults, APostgresThatCrashesEmptiesTheCachesAndOneThatIsStoppedDoesNot) {
  postgres_server own;
  own.execute("postgres", "CREATE TABLE agents (id TEXT PRIMARY KEY, organization_id TEXT, name TEXT)");
  {
    const auto setup = must_open({.url = own.url()});
    ASSERT_TRUE(sync_wait(install_outbox(*setup, {.table = "agents", .keys = {"agent:{id}"}})));
  }
  relay tells({.source = must_open({.url = own.url(), .readers = 1, .writers = 1, .connect_timeout = 1s}),
               .target = open_now(redis.url()),
               .log = noting()});
  duel of(own.url(), redis.url());
  of.wait_for_trust();
  own.pause();
  std::this_thread::sleep_for(600ms);
  own.resume();
  of.wait_for_trust();
  EXPECT_EQ(clears(tells, clear_reason::source_lost), 0U);
  own.restart_immediately();
  of.wait_for_trust();
  EXPECT_EQ(clears(tells, clear_reason::source_lost), 1U) << log();
  EXPECT_EQ(of.wrong(), "");
  EXPECT_TRUE(of.ends_right());
}

TEST_F(PostgresRelayFaults, APostgresThatIsRestartedCleanlyLosesNothingAndEmptiesNoCache) {
  postgres_server own;
  own.execute("postgres", "CREATE TABLE agents (id TEXT PRIMARY KEY, organization_id TEXT, name TEXT)");
  {
    const auto setup = must_open({.url = own.url()});
    ASSERT_TRUE(sync_wait(install_outbox(*setup, {.table = "agents", .keys = {"agent:{id}"}})));
  }
  const auto tells = start_relay(own, "postgres");
  duel of(own.url(), redis.url());
  of.wait_for_trust();
  const auto shared = open_now(redis.url(), {.relayed = true, .bound = bound});
  cache held({.second_level = shared, .fill_lease = 1s});
  const entity<std::string, "agent:{id}"> agents{{.ttl = 600s}};
  const auto found = [&](const char* id) {
    const auto got = sync_wait(held.get(agents(id)));
    return got ? *got : std::string("nothing");
  };
  for (const int round : {0, 1, 2}) {
    ASSERT_TRUE(eventually([&] {
      sync_wait(held.set(agents("kept"), std::string("as it was")));
      sync_wait(held.set(agents("changed"), std::string("old")));
      return found("kept") == "as it was" && found("changed") == "old";
    }));
    // Only the outbox can report the commits just before to the caches.
    if (round > 0) tells.signal(SIGSTOP);
    own.execute("postgres",
                "INSERT INTO agents VALUES ('changed', 'o', 'new') "
                "ON CONFLICT (id) DO UPDATE SET name = agents.name || '+'");
    own.restart_cleanly();
    if (round > 0) tells.signal(SIGCONT);
    of.wait_for_trust();
    EXPECT_NE(found("changed"), "old");
    EXPECT_TRUE(eventually([&] { return found("kept") == "as it was"; })) << log_of(0);
    EXPECT_EQ(found("changed"), "nothing");
  }
  const auto all = log_of(0);
  const auto clears = all.find("removed everything", all.find("removed everything") + 1);
  EXPECT_EQ(clears, std::string::npos) << "only the one at the beginning: " << all;
  EXPECT_EQ(of.wrong(), "");
  EXPECT_TRUE(of.ends_right());
}

}  // namespace
}  // namespace strata::test
