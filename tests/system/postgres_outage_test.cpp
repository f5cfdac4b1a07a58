// PostgreSQL goes away under load. Values that may be stale are served and marked as such; other requests get
// 503 with Retry-After. When it is back, everything recovers by itself, without a stampede. ./dev outage runs
// longer.

#include "tests/postgres/server.hpp"
#include "tests/redis/server.hpp"
#include "tests/system/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace strata::system_test {
namespace {

using test::eventually;

std::chrono::seconds outage_time() {
  const char* const given = std::getenv("STRATA_OUTAGE_SECONDS");
  return std::chrono::seconds(given != nullptr ? std::stoi(given) : 3);
}

class OnPostgresOutage : public testing::Test {
 protected:
  static field_list admin_and(const gateway& of, field_list more = {}) {
    more.push_back(of.session(of.as("admin")));
    return more;
  }

  /// Every kind of request, over some rows of the demo platform.
  static std::vector<asked> requests(const gateway& of) {
    const auto admin = admin_and(of);
    const auto ids = [](const answer& list) {
      std::vector<std::string> out;
      for (const auto& each : parsed(list.body).at("items").as_array()) {
        out.emplace_back(each.at("id").as_string());
      }
      return out;
    };
    const auto pick = [](std::string path, std::vector<std::string> from) {
      return [path = std::move(path), from = std::move(from)](unsigned i) {
        return path + from[i % from.size()];
      };
    };
    const auto fixed = [](std::string path) { return [path = std::move(path)](unsigned) { return path; }; };
    const auto agents = ids(of.ask("GET", "/agents?limit=20", admin));
    const auto listings = ids(of.ask("GET", "/marketplace/listings?limit=50"));
    auto write = admin;
    write.emplace_back("Content-Type", "application/json");
    return {{"listing", "GET", pick("/marketplace/listings/", listings)},
            {"listings", "GET", fixed("/marketplace/listings?limit=50")},
            {"me", "GET", fixed("/users/me"), admin},
            {"agent", "GET", pick("/agents/", agents), admin},
            {"write", "PATCH", pick("/agents/", agents), write, R"({"description":"written under load"})"}};
  }

  /// Statements that the server has run since its start.
  std::uint64_t statements() const {
    return std::stoull(server_.execute("postgres", "SELECT sum(calls)::bigint FROM pg_stat_statements"));
  }
  /// The most statements in one of `windows` periods of 100 ms.
  std::uint64_t peak(int windows) const {
    std::uint64_t most = 0;
    auto last = statements();
    for (int i = 0; i < windows; ++i) {
      std::this_thread::sleep_for(100ms);
      const auto now = statements();
      most = std::max(most, now - last);
      last = now;
    }
    return most;
  }

  static bool has(const load::tally& in, const std::string& what) {
    return std::ranges::any_of(in, [&](const auto& each) { return each.first.starts_with(what); });
  }
  static void print(const char* when, const load::tally& what, clock::duration longest) {
    std::cout << when << ", longest answer "
              << std::chrono::duration_cast<std::chrono::milliseconds>(longest).count() << " ms:";
    for (const auto& [name, count] : what) std::cout << "  " << name << ' ' << count;
    std::cout << '\n';
  }

  /// Runs load over a gateway with `more` flags; `away` stops the server and `back` restores it.
  template <class Away, class Back>
  void run(const std::vector<std::string>& more, Away away, Back back) {
    auto flags = more;
    flags.insert(flags.end(), {"--demo", "--database", server_.url()});
    gateway serving(folder_, flags);
    server_.execute("postgres", "CREATE EXTENSION pg_stat_statements");
    load clients(serving.port(), requests(serving));
    const auto usual = peak(10);
    const auto before = clients.taken();
    print("before", before, clients.longest());
    ASSERT_TRUE(has(before, "listing 200 hit"));
    ASSERT_TRUE(has(before, "write 200"));

    away();
    const auto gone = clock::now();
    // The cached values expire meanwhile.
    EXPECT_EQ(serving.ask_admin("POST", "/cache/invalidate", R"({"prefixes":["listing","user"],"soft":true})")
                  .status,
              200);
    load::tally during;
    while (clock::now() - gone < outage_time()) {
      std::this_thread::sleep_for(100ms);
      for (const auto& [name, count] : clients.taken()) during[name] += count;
    }
    const auto longest = clients.longest();
    print("away  ", during, longest);
    EXPECT_TRUE(has(during, "listing 200 stale"));
    EXPECT_TRUE(has(during, "me 200 stale"));
    // A paused server may still answer, so a statement waits for its timeout.
    EXPECT_TRUE(has(during, "write 503") || outage_time() < 8s);
    EXPECT_LT(longest, 20s) << "nobody waits for the database's return";

    back();
    const auto returned = clock::now();
    clients.taken();
    std::uint64_t most = 0;
    load::tally after;
    clock::duration recovered{};
    while (clock::now() - returned < patience && recovered == clock::duration::zero()) {
      most = std::max(most, peak(1));
      after = clients.taken();
      const bool well = has(after, "write 200") && !has(after, "write 503") && has(after, "me 200 hit") &&
                        has(after, "listing 200 hit") && !std::ranges::any_of(after, [](const auto& each) {
                          return each.first.ends_with("stale") || each.first.ends_with("503");
                        });
      if (well) recovered = clock::now() - returned;
    }
    print("after ", after, clients.longest());
    std::cout << "well again after "
              << std::chrono::duration_cast<std::chrono::milliseconds>(recovered).count() << " ms; at most "
              << most << " statements in 100 ms, usual are up to " << usual << '\n';
    EXPECT_NE(recovered, clock::duration::zero());
    clients.stop();
    EXPECT_THAT(clients.wrong(), testing::IsEmpty());
    EXPECT_EQ(serving.ask_admin("GET", "/readyz").status, 200);
    EXPECT_EQ(serving.stop(), 0);
  }

  temp_folder folder_;
  test::postgres_server server_{{{"shared_preload_libraries", "pg_stat_statements"}}};
};

TEST_F(OnPostgresOutage, ServesOnWhileItsDatabaseIsGone) {
  run({}, [this] { server_.stop_immediately(); }, [this] { server_.start_again(); });
}

TEST_F(OnPostgresOutage, ServesOnWhileItsDatabaseStandsStill) {
  run({}, [this] { server_.pause(); }, [this] { server_.resume(); });
}

TEST_F(OnPostgresOutage, ServesOnWithASharedStore) {
  const test::redis_server redis;
  run({"--store", redis.url()}, [this] { server_.pause(); }, [this] { server_.resume(); });
}

}  // namespace
}  // namespace strata::system_test
