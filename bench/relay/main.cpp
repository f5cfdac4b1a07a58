/// What the outbox costs those who write, and how late a cache hears of it.
///
///   relay_bench [SECONDS]
///
/// A PostgreSQL and a Redis of its own. Everything shares the machine: compare the rows of one run, not runs.
/// PostgreSQL runs without fsync, which makes the triggers look dearer than they are.

#include "tests/postgres/server.hpp"
#include "tests/redis/server.hpp"

#include <strata/open.hpp>
#include <strata/outbox.hpp>
#include <strata/relay.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>

namespace bench {
namespace {

using namespace std::chrono_literals;
using strata::duration;
using strata::time_point;

constexpr int rows = 20'000;
constexpr int writers = 4;
constexpr int rate = 5'000;

time_point now() {
  return strata::system_clock().now();
}
double milliseconds(duration span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

template <class T>
T must(strata::result<T> got) {
  if (!got) throw std::runtime_error(got.error().detail);
  return std::move(*got);
}

/// A connection that is not ours, as any other program has one.
class plain {
 public:
  explicit plain(const std::string& url) : to_(PQconnectdb(url.c_str()), &PQfinish) {
    check(PQprepare(to_.get(), "touch", "UPDATE agents SET name = name || '' WHERE id = $1", 1, nullptr));
  }
  void touch(const std::string& id) const {
    const char* values[]{id.c_str()};
    check(PQexecPrepared(to_.get(), "touch", 1, values, nullptr, nullptr, 0));
  }
  void run(const std::string& what) const { check(PQexec(to_.get(), what.c_str())); }

 private:
  void check(PGresult* got) const {
    const std::unique_ptr<PGresult, decltype(&PQclear)> done(got, &PQclear);
    if (PQresultStatus(got) != PGRES_COMMAND_OK) throw std::runtime_error(PQerrorMessage(to_.get()));
  }
  std::unique_ptr<PGconn, decltype(&PQfinish)> to_;
};

strata::outbox_rule rule(strata::trigger_level level) {
  return {.table = "agents",
          .keys = {"agent:{id}"},
          .prefixes = {"api:agents:list:{organization_id}"},
          .level = level};
}

/// When each row was written last, and how late others were notified of it.
class stopwatch final : public strata::store_observer {
 public:
  void writes(int row) { at_[static_cast<std::size_t>(row)] = now().time_since_epoch().count(); }
  void changed(std::string_view key) override {
    const auto row = key.substr(key.rfind('_') + 1);
    const auto began = at_[std::stoul(std::string(row))].exchange(0);
    if (began == 0) return;
    const auto took = now() - time_point(duration(began));
    const std::lock_guard lock(mutex_);
    late_.push_back(took);
  }
  void floor_raised(strata::floor_entry) override {}
  void lost(bool) override {}
  void trust_until(time_point, time_point) override {}

  std::vector<duration> late() {
    const std::lock_guard lock(mutex_);
    auto out = std::exchange(late_, {});
    std::ranges::sort(out);
    return out;
  }

 private:
  std::vector<std::atomic<duration::rep>> at_ = std::vector<std::atomic<duration::rep>>(rows);
  std::mutex mutex_;
  std::vector<duration> late_;
};

/// 5,000 writes a second, each a transaction of its own, and how late another process is notified of them.
void keep_up(const strata::test::postgres_server& postgres, duration span) {
  const strata::test::redis_server redis;
  const strata::relay relay(
      {.source = must(strata::open_postgres({.url = postgres.url(), .readers = 1, .writers = 1})),
       .target = must(strata::open_store(redis.url()))});
  const auto other = must(strata::open_store(redis.url()));
  stopwatch watch;
  other->observe(watch);
  while (!relay.stats().active || !other->health().usable) std::this_thread::sleep_for(1ms);

  const auto began = now();
  std::atomic<int> written = 0;
  std::vector<std::thread> threads;
  for (int w = 0; w < writers; ++w) {
    threads.emplace_back([&, w] {
      const plain to(postgres.url());
      for (int i = w; now() < began + span; i += writers) {
        std::this_thread::sleep_until(began + i * duration(1s) / rate);
        watch.writes(i % rows);
        to.touch("agt_" + std::to_string(i % rows));
        ++written;
      }
    });
  }
  for (auto& each : threads) each.join();
  const auto seconds = std::chrono::duration<double>(now() - began).count();
  std::this_thread::sleep_for(200ms);
  const auto late = watch.late();
  other->unobserve(watch);
  const auto stats = relay.stats();
  fmt::print("{} writes in {:.1f} s, {:.0f} a second; {} polls, {} failures, {} clears for too many\n",
             written.load(), seconds, written.load() / seconds, stats.polls, stats.failures,
             stats.clears[static_cast<std::size_t>(strata::clear_reason::too_many)]);
  if (late.empty()) throw std::runtime_error("no change arrived");
  fmt::print(
      "from the sending of the write to another process's memory, ms: p50 {:.1f}, p99 {:.1f}, most {:.1f} "
      "({} of "
      "them)\n\n",
      milliseconds(late[late.size() / 2]), milliseconds(late[late.size() * 99 / 100]),
      milliseconds(late.back()), late.size());
}

/// What `work` takes with no triggers, by statement and by row, in turns.
template <class Work>
void compare(const char* name, const strata::test::postgres_server& postgres, strata::database& database,
             int rounds, const Work& work) {
  using strata::trigger_level;
  double took[3]{};
  for (int round = 0; round < rounds; ++round) {
    for (int which = 0; which < 3; ++which) {
      if (which > 0) {
        must(strata::sync_wait(
            install_outbox(database, rule(which == 1 ? trigger_level::statement : trigger_level::row))));
      }
      const plain to(postgres.url());
      const auto began = now();
      work(to);
      took[which] += milliseconds(now() - began);
      if (which > 0) {
        auto gone = strata::sync_wait(strata::uninstall_outbox(database));
        if (!gone) throw std::runtime_error(gone.error().detail);
      }
    }
  }
  fmt::print("{:<44}{:>10.1f}{:>10.2f}{:>10.2f}\n", name, took[0] / rounds, took[1] / took[0],
             took[2] / took[0]);
  std::fflush(stdout);
}

void cost(const strata::test::postgres_server& postgres, strata::database& database) {
  fmt::print("{:<44}{:>10}{:>10}{:>10}\n", "", "ms without", "statement", "row");
  compare("2,000 UPDATEs of a row, a transaction each", postgres, database, 5, [](const plain& to) {
    for (int i = 0; i < 2'000; ++i) to.touch("agt_" + std::to_string(i * 7 % rows));
  });
  compare("the same in one transaction", postgres, database, 5, [](const plain& to) {
    to.run("BEGIN");
    for (int i = 0; i < 2'000; ++i) to.touch("agt_" + std::to_string(i * 7 % rows));
    to.run("COMMIT");
  });
  compare("one UPDATE of 900 rows", postgres, database, 10,
          [](const plain& to) { to.run("UPDATE agents SET name = name || '' WHERE n < 900"); });
  compare("one UPDATE of 10,000 rows", postgres, database, 5,
          [](const plain& to) { to.run("UPDATE agents SET name = name || '' WHERE n < 10000"); });
}

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  using namespace bench;
  const auto span = std::chrono::seconds(count > 1 ? std::stoi(words[1]) : 10);
  const strata::test::postgres_server postgres;
  postgres.execute("postgres",
                   "CREATE TABLE agents (id TEXT PRIMARY KEY, organization_id TEXT, name TEXT, n INT);"
                   "INSERT INTO agents SELECT 'agt_' || n, 'org_' || n % 100, repeat('x', 200), n "
                   "FROM generate_series(0, " +
                       std::to_string(rows - 1) + ") n; CREATE INDEX agents_n ON agents (n)");
  const auto database = must(strata::open_postgres({.url = postgres.url()}));
  cost(postgres, *database);
  fmt::print("\n");
  must(strata::sync_wait(install_outbox(*database, rule(strata::trigger_level::automatic))));
  keep_up(postgres, span);
}
