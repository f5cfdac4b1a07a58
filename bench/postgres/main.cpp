// Primary-key lookups of 1 KB: our driver beside PostgreSQL's own pgbench, on one server, in turns; and the
// same through a query cache, missed and hit.
//
//   postgres_bench [SECONDS]   of each measurement; the median of three counts

#include "tests/postgres/server.hpp"

#include <strata/cache.hpp>
#include <strata/database.hpp>
#include <strata/query_cache.hpp>

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include <boost/describe.hpp>

namespace {

constexpr int rows = 10'000;
constexpr const char* lookup =
    "SELECT id, organization_id, name, description, config, status, version, created_at, updated_at FROM "
    "agents WHERE id = ";

struct measured {
  double per_second = 0;
  double cpu_microseconds = 0;  ///< of the client, for each query; 0: not known
};

double cpu_seconds(int who) {
  rusage used{};
  ::getrusage(who, &used);
  const auto seconds = [](const timeval& of) {
    return static_cast<double>(of.tv_sec) + 1e-6 * static_cast<double>(of.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void fill(const strata::test::postgres_server& server) {
  server.execute("postgres", fmt::format(R"(
    CREATE TABLE agents (id BIGINT PRIMARY KEY, organization_id TEXT, name TEXT, description TEXT, config TEXT,
      status TEXT, version BIGINT, created_at TEXT, updated_at TEXT);
    INSERT INTO agents SELECT n, 'org_' || n % 100, 'Agent ' || n, repeat('about it. ', 20),
      '{{"model":"' || repeat('parameters ', 60) || '"}}', 'active', 1, '2026-03-01T09:30:00.000Z',
      '2026-03-01T09:30:00.000Z' FROM generate_series(1, {}) AS n;)",
                                         rows));
  server.execute("postgres", "VACUUM ANALYZE agents");
}

/// pgbench with prepared statements: `depth` lookups a round trip over each of `connections`.
measured pgbench(const strata::test::postgres_server& server, int connections, int depth, double seconds) {
  const auto script = server.file(fmt::format("lookup_{}.sql", depth));
  {
    std::ofstream out(script);
    if (depth > 1) out << "\\startpipeline\n";
    for (int i = 0; i < depth; ++i) {
      out << fmt::format("\\set id{} random(1, {})\n{}:id{};\n", i, rows, lookup, i);
    }
    if (depth > 1) out << "\\endpipeline\n";
  }
  const auto command =
      fmt::format("/usr/lib/postgresql/15/bin/pgbench -n -M prepared -c {} -j 1 -T {} -f '{}' '{}' 2>&1",
                  connections, std::max(1, static_cast<int>(seconds)), script, server.url());
  const auto before = cpu_seconds(RUSAGE_CHILDREN);
  FILE* const from = ::popen(command.c_str(), "r");
  std::string text;
  for (char piece[4096]; from != nullptr && std::fgets(piece, sizeof piece, from) != nullptr;) text += piece;
  if (from == nullptr || ::pclose(from) != 0) throw std::runtime_error("pgbench failed: " + text);
  const auto number_after = [&](const char* word) {
    const auto at = text.find(word);
    if (at == std::string::npos) throw std::runtime_error("pgbench says: " + text);
    return std::stod(text.substr(at + std::string_view(word).size()));
  };
  const double queries = number_after("transactions actually processed: ") * depth;
  return {.per_second = number_after("tps = ") * depth,
          .cpu_microseconds = (cpu_seconds(RUSAGE_CHILDREN) - before) * 1e6 / queries};
}

struct load {
  std::chrono::steady_clock::time_point end;
  std::atomic<std::uint64_t> done{0};
  std::atomic<int> running{0};
};

/// Starts `tasks` tasks, each of which `make(i)` gives, and waits for all.
template <class Make>
void run_all(load& of, int tasks, Make make) {
  of.running = tasks;
  for (int i = 0; i < tasks; ++i) {
    strata::start(nullptr, make(i), [&](const strata::completion<void>& outcome) {
      if (!outcome) std::terminate();
      of.running.fetch_sub(1);
      of.running.notify_one();
    });
  }
  for (int left = of.running; left > 0; left = of.running) of.running.wait(left);
}

strata::task<> look_up(strata::database& db, load& of, std::uint64_t seed) {
  const std::string text = std::string(lookup) + "$1";
  while (std::chrono::steady_clock::now() < of.end) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    strata::sql_parameters id{static_cast<std::int64_t>((seed >> 33) % rows + 1)};
    const auto found = co_await db.query(text, std::move(id));
    if (!found || found->size() != 1 || std::get<std::string>(found->row(0)[4]).size() < 600) {
      throw std::runtime_error(found ? "a wrong row" : found.error().detail);
    }
    of.done.fetch_add(1, std::memory_order_relaxed);
  }
}

/// `tasks` tasks over `connections` pipelined connections, all on the driver's thread.
measured strata_driver(const strata::test::postgres_server& server, unsigned connections, int tasks,
                       double seconds) {
  auto opened = strata::open_postgres({.url = server.url(), .readers = connections, .writers = 1});
  if (!opened) throw std::runtime_error(opened.error().detail);
  load of;
  const auto begin = std::chrono::steady_clock::now();
  of.end =
      begin + std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
  const auto before = cpu_seconds(RUSAGE_SELF);
  run_all(of, tasks, [&](int i) { return look_up(**opened, of, static_cast<std::uint64_t>(i) * 7919 + 1); });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const auto queries = static_cast<double>(of.done.load());
  return {.per_second = queries / took.count(),
          .cpu_microseconds = (cpu_seconds(RUSAGE_SELF) - before) * 1e6 / queries};
}

struct agent {
  std::int64_t id = 0;
  std::string organization_id, name, description, config, status;
  std::int64_t version = 0;
  std::string created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(agent, (),
                      (id, organization_id, name, description, config, status, version, created_at,
                       updated_at))

using agent_query = strata::cached_query<agent>;

/// Every `step`th row, from `first`, once.
strata::task<> ask_each(const agent_query& query, std::int64_t first, std::int64_t step, load& of) {
  for (auto id = first; id <= rows; id += step) {
    const auto found = co_await query(id);
    if (!found || found->size() != 1) throw std::runtime_error("a wrong row");
    of.done.fetch_add(1, std::memory_order_relaxed);
  }
}

/// 16 tasks that ask for every row once: misses, or, right after that, hits.
measured through_cache(const agent_query& query, int rounds) {
  constexpr int tasks = 16;
  load of;
  const auto begin = std::chrono::steady_clock::now();
  const auto before = cpu_seconds(RUSAGE_SELF);
  for (int round = 0; round < rounds; ++round) {
    run_all(of, tasks, [&](int i) { return ask_each(query, i + 1, tasks, of); });
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const auto queries = static_cast<double>(of.done.load());
  return {.per_second = queries / took.count(),
          .cpu_microseconds = (cpu_seconds(RUSAGE_SELF) - before) * 1e6 / queries};
}

template <class Run>
measured median(Run run) {
  std::array<measured, 3> all;
  for (auto& each : all) each = run();
  std::ranges::sort(all, {}, &measured::per_second);
  return all[1];
}

void print(const char* what, const measured& found, double baseline) {
  fmt::print("{:<52} {:>9.0f} /s  {:>6.2f} x  {:>5.1f} µs\n", what, found.per_second,
             found.per_second / baseline, found.cpu_microseconds);
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** words) {
  const double seconds = count > 1 ? std::atof(words[1]) : 3.0;
  const strata::test::postgres_server server;
  fill(server);
  fmt::print(
      "lookups of 1 KB by primary key; x: against pgbench pipelined 16; µs: the client's processor time\n");
  const auto pipelined = median([&] { return pgbench(server, 1, 16, seconds); });
  print("pgbench, 1 connection, pipelined 16", pipelined, pipelined.per_second);
  const auto ours = median([&] { return strata_driver(server, 1, 16, seconds); });
  print("strata, 1 connection, 16 tasks", ours, pipelined.per_second);
  print("strata, 1 connection, 64 tasks", median([&] { return strata_driver(server, 1, 64, seconds); }),
        pipelined.per_second);
  print("pgbench, 1 connection", median([&] { return pgbench(server, 1, 1, seconds); }),
        pipelined.per_second);
  print("strata, 1 connection, 1 task", median([&] { return strata_driver(server, 1, 1, seconds); }),
        pipelined.per_second);
  print("pgbench, 8 connections", median([&] { return pgbench(server, 8, 1, seconds); }),
        pipelined.per_second);
  print("strata, 8 connections, 8 tasks", median([&] { return strata_driver(server, 8, 8, seconds); }),
        pipelined.per_second);
  const auto opened = strata::open_postgres({.url = server.url(), .readers = 1, .writers = 1});
  if (!opened) throw std::runtime_error(opened.error().detail);
  strata::cache cache;
  const strata::query_cache queries(**opened, cache);
  const auto query = queries.prepare<agent>(std::string(lookup) + "$1", {.tables = {"agents"}});
  print("query cache, missed by 16 tasks", median([&] {
          strata::sync_wait(query.remove_all());
          return through_cache(query, 1);
        }),
        pipelined.per_second);
  print("query cache, hit", median([&] { return through_cache(query, 20); }), pipelined.per_second);
  const double ratio = ours.per_second / pipelined.per_second;
  fmt::print("target: strata with 16 tasks at least 1.10 x: {} ({:.2f})\n", ratio >= 1.1 ? "met" : "missed",
             ratio);
  return ratio >= 1.1 ? 0 : 1;
}
