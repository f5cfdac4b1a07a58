#include "repository/test_support.hpp"

#include <strata/query_cache.hpp>
#include <strata/testing.hpp>

#include <atomic>
#include <set>
#include <thread>

namespace strata::repository_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct line {
  std::string id;
  std::string name;
  std::int64_t version = 0;
  friend bool operator==(const line&, const line&) = default;
};
BOOST_DESCRIBE_STRUCT(line, (), (id, name, version))

struct count_line {
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(count_line, (), (total))

constexpr const char* by_organization =
    "SELECT id, name, version FROM agents WHERE organization_id = $1 ORDER BY id";

class QueryCache : public Repository {
 protected:
  QueryCache() : QueryCache(cache_options{}) {}
  explicit QueryCache(cache_options options) : Repository(std::move(options)) {}

  query_options agents_table() const { return {.tables = {"agents"}}; }

  query_cache queries_{*db_, cache_};
  cached_query<line> lines_ = queries_.prepare<line>(by_organization, agents_table());
};

TEST_F(QueryCache, ReadsRowsOnceAndTyped) {
  create("agt_1", "ann");
  create("agt_2", "bob");
  const auto first = sync_wait(lines_("org_1"));
  ASSERT_TRUE(first) << first.failure()->detail;
  EXPECT_EQ(first.info().from, layer::source);
  EXPECT_EQ(*first, (std::vector<line>{{"agt_1", "ann", 1}, {"agt_2", "bob", 1}}));
  const auto second = sync_wait(lines_("org_1"));
  EXPECT_EQ(second.info().from, layer::l1);
  EXPECT_EQ(second.value(), first.value()) << "a hit copies and parses nothing";
  EXPECT_LE(second.info().ttl, 1min);
  EXPECT_GT(second.info().ttl, 50s);
}

TEST_F(QueryCache, AWriteToItsTableIsSeenByTheNextRead) {
  create("agt_1", "ann");
  sync_wait(lines_("org_1"));
  ASSERT_TRUE(rename("agt_1", 1, "bob"));
  const auto found = sync_wait(lines_("org_1"));
  EXPECT_EQ(found->front().name, "bob");
  EXPECT_EQ(found.info().reason, miss_reason::tag);
  ASSERT_TRUE(sync_wait(agents_.remove("agt_1")));
  EXPECT_TRUE(sync_wait(lines_("org_1"))->empty());
  sync_wait(lines_("org_1"));
  ASSERT_TRUE(sync_wait(db_->execute("INSERT INTO organizations VALUES ('org_2')", {})));
  EXPECT_TRUE(sync_wait(lines_("org_1")).info().hit()) << "another table, and nobody said so";
  sync_wait(cache_.remove_by_tag(table_tag("agents")));
  EXPECT_EQ(sync_wait(lines_("org_1")).info().reason, miss_reason::tag);
}

TEST_F(QueryCache, NoRowsAreAResultWithATimeOfItsOwn) {
  const auto first = sync_wait(lines_("org_nobody"));
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->empty());
  const auto again = sync_wait(lines_("org_nobody"));
  EXPECT_TRUE(again.info().hit());
  EXPECT_LE(again.info().ttl, 30s);
  auto options = agents_table();
  options.policy.negative_ttl = 0s;
  const auto forgetful = queries_.prepare<line>(by_organization, options);
  EXPECT_FALSE(sync_wait(forgetful("org_1")).info().stored);
  EXPECT_FALSE(sync_wait(forgetful("org_1")).info().hit());
}

TEST_F(QueryCache, KeysTellParametersApartAndTellNothingOfThem) {
  std::set<std::string> keys;
  const std::vector<sql_parameters> all{
      {},
      {std::string("secret")},
      {std::string("secret"), std::string()},
      {std::string(), std::string("secret")},
      {std::string("1")},
      {std::int64_t{1}},
      {1.0},
      {sql_value()},
      {std::string("a"), std::string("bc")},
      {std::string("ab"), std::string("c")},
  };
  for (const auto& each : all) {
    const auto key = lines_.key_of(each).key.text();
    EXPECT_TRUE(keys.insert(key).second) << key;
    EXPECT_THAT(key, Not(HasSubstr("secret")));
    EXPECT_TRUE(key.starts_with("query:"));
    EXPECT_LT(key.size(), 80u);
  }
  const auto key_of = [&](const query_cache& in, const char* text) {
    return in.prepare<line>(text, {.tables = {"agents"}}).key_of({}).key.text();
  };
  EXPECT_EQ(key_of(queries_, "SELECT  id FROM agents -- all\n;"), key_of(queries_, "SELECT id FROM agents"));
  EXPECT_NE(key_of(queries_, "SELECT id FROM agents"), key_of(queries_, "SELECT id FROM users"));
  const query_cache other(*db_, cache_, "other");
  EXPECT_NE(key_of(queries_, "SELECT id FROM agents"), key_of(other, "SELECT id FROM agents"));
  EXPECT_NE(queries_.prepare<count_line>(by_organization, agents_table()).key_of({}).key,
            lines_.key_of({}).key)
      << "another type of row";
}

TEST_F(QueryCache, ReturnsWhatIsTooLargeAndDoesNotKeepIt) {
  for (const char* name : {"a", "b", "c"}) create(std::string("agt_") + name, name);
  auto few = agents_table();
  few.max_rows = 2;
  auto light = agents_table();
  light.policy.max_size = {200};
  for (const auto& options : {few, light}) {
    const auto query = queries_.prepare<line>(by_organization, options);
    for (int i = 0; i < 2; ++i) {
      sync_wait(query.remove_all());
      const auto found = sync_wait(query("org_1"));
      EXPECT_EQ(found->size(), 3u);
      EXPECT_FALSE(found.info().stored);
      EXPECT_EQ(found.info().reason, miss_reason::too_large);
    }
    EXPECT_EQ(sync_wait(query.explain({std::string("org_1")})).levels[0].reason, miss_reason::too_large);
  }
}

TEST_F(QueryCache, ACallMayPassByAndMayAskForAtLeastATime) {
  create("agt_1", "ann");
  const auto asof = sync_wait(lines_("org_1")).info().asof;
  behind_our_back("UPDATE agents SET name = 'bob'");
  const sql_parameters org{std::string("org_1")};
  const auto around = sync_wait(lines_.find(org, {.bypass = true}));
  EXPECT_EQ(around->front().name, "bob");
  EXPECT_EQ(around.info().reason, miss_reason::bypassed);
  EXPECT_EQ(sync_wait(lines_("org_1"))->front().name, "ann") << "what is cached stays";
  sync_wait(cache_.remove_by_tag("something else"));
  const auto newer = sync_wait(lines_.find(org, {.at_least = asof + 1}));
  EXPECT_EQ(newer->front().name, "bob");
  EXPECT_EQ(newer.info().reason, miss_reason::behind);
  EXPECT_EQ(sync_wait(lines_("org_1")).info().from, layer::l1);
}

TEST_F(QueryCache, ExplainsWhereAResultStands) {
  create("agt_1", "ann");
  sync_wait(lines_("org_1"));
  const auto explained = sync_wait(lines_.explain({std::string("org_1")}));
  EXPECT_EQ(explained.type, "query");
  EXPECT_EQ(explained.levels[0].state, explanation::state::fresh);
  EXPECT_THAT(explained.levels[0].tags, ::testing::ElementsAre("table:agents"));
  sync_wait(lines_.remove_all());
  EXPECT_EQ(sync_wait(lines_.explain({std::string("org_1")})).levels[0].reason, miss_reason::prefix);
}

TEST_F(QueryCache, RefusesWhatIsNoQueryAndNamesEveryProblem) {
  try {
    (void)queries_.prepare<line>("DELETE FROM agents", {.policy = {.ttl = 0s}, .max_rows = 0});
    FAIL() << "accepted";
  } catch (const bad_options& wrong) {
    EXPECT_EQ(wrong.problems().size(), 4u);
    EXPECT_THAT(wrong.problems().front(), HasSubstr("only SELECT, or WITH … SELECT, can be cached"));
    EXPECT_THAT(wrong.problems().front(), HasSubstr("DELETE FROM agents"));
  }
}

TEST_F(QueryCache, ErrorsAreTheDatabasesAndAreNotCached) {
  const auto wrong = queries_.prepare<line>("SELECT id, name, nothing FROM agents", agents_table());
  const auto failed = sync_wait(wrong());
  ASSERT_NE(failed.failure(), nullptr);
  EXPECT_EQ(failed.failure()->code, errc::statement);
  const auto count = queries_.prepare<line>("SELECT id, name FROM agents", agents_table());
  ASSERT_NE(sync_wait(count()).failure(), nullptr);
  EXPECT_THAT(sync_wait(count()).failure()->detail, HasSubstr("version"));
  EXPECT_EQ(sync_wait(lines_.find({})).failure()->code, errc::statement) << "a parameter is missing";
}

TEST_F(QueryCache, ManyWhoAskAtOnceCostOneQuery) {
  create("agt_1", "ann");
  run_loop loop;
  int done = 0;
  for (int i = 0; i < 50; ++i) {
    start(&loop, lines_("org_1"), [&](const auto& found) {
      EXPECT_EQ((*found)->size(), 1u);
      ++done;
    });
  }
  loop.run_until([&] { return done == 50; });
  std::uint64_t calls = 0;
  for (const auto& each : cache_.stats().types) calls += each.type == "query" ? each.factory_calls : 0;
  EXPECT_EQ(calls, 1u);
}

/// Threads write rows and read the cached query. A read that begins after a write has returned sees it.
void race(repository<agent, "agent:{id}">& agents, cache& target, const cached_query<line>& lines) {
  constexpr int writers = 3;
  constexpr int writes = 40;
  std::atomic<std::int64_t> committed[writers] = {1, 1, 1};
  std::atomic<int> old = 0;
  std::atomic<int> failed = 0;
  std::atomic<int> writing = writers;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; i < writes; ++i) {
        const auto saved = sync_wait(agents.update("agt_" + std::to_string(writer), std::nullopt,
                                                   [](agent&) -> result<void> { return {}; }));
        if (saved) committed[writer] = saved->version;
        failed += saved ? 0 : 1;
        if (i % 9 == 0) sync_wait(target.remove_by_prefix("query"));
      }
      --writing;
    });
  }
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&] {
      while (writing > 0) {
        std::int64_t least[writers];
        for (int i = 0; i < writers; ++i) least[i] = committed[i];
        const auto found = sync_wait(lines("org_1"));
        if (!found || found->size() != writers) {
          ++failed;
          continue;
        }
        for (int i = 0; i < writers; ++i)
          old += (*found)[static_cast<std::size_t>(i)].version < least[i] ? 1 : 0;
      }
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(old, 0);
  for (const auto& each : *sync_wait(lines("org_1"))) EXPECT_EQ(each.version, 1 + writes);
}

TEST_F(QueryCache, NoReadIsOlderThanAWriteThatHasReturned) {
  for (const char* id : {"agt_0", "agt_1", "agt_2"}) create(id, id);
  race(agents_, cache_, lines_);
}

class QueryCacheOverTwoLevels : public QueryCache {
 protected:
  QueryCacheOverTwoLevels() : QueryCacheOverTwoLevels(make_memory_server()) {}
  const std::shared_ptr<memory_server> server_;

 private:
  explicit QueryCacheOverTwoLevels(std::shared_ptr<memory_server> server)
      : QueryCache(cache_options{.second_level = connect(server)}), server_(std::move(server)) {}
};

TEST_F(QueryCacheOverTwoLevels, NoReadIsOlderThanAWriteThatHasReturned) {
  for (const char* id : {"agt_0", "agt_1", "agt_2"}) create(id, id);
  race(agents_, cache_, lines_);
}

TEST_F(QueryCacheOverTwoLevels, AnotherProcessSharesResultsAndInvalidations) {
  create("agt_1", "ann");
  cache elsewhere({.second_level = connect(server_)});
  const query_cache queries(*db_, elsewhere);
  const auto lines = queries.prepare<line>(by_organization, agents_table());
  sync_wait(lines_("org_1"));
  const auto shared = sync_wait(lines("org_1"));
  EXPECT_EQ(shared.info().from, layer::l2);
  EXPECT_EQ(shared->front(), (line{"agt_1", "ann", 1}));
  ASSERT_TRUE(rename("agt_1", 1, "bob"));
  EXPECT_EQ(sync_wait(lines("org_1"))->front().name, "bob");
}

}  // namespace
}  // namespace strata::repository_test
