/// The code of docs/guide/query_cache.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <cstdlib>
#include <filesystem>

using namespace std::chrono_literals;

struct agent {
  std::string id;
  std::string organization_id;
  std::string name;
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(agent, (), (id, organization_id, name, version))

struct agent_line {
  std::string id;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(agent_line, (), (id, name))

constexpr const char* tables =
    "CREATE TABLE agents (id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, name TEXT NOT NULL,"
    "  version BIGINT NOT NULL);";

strata::task<> tour(strata::database& database, strata::cache& cache) {
  const auto now = [] { return strata::system_clock().wall(); };
  const strata::entity<agent, "agent:{id}"> agent_keys{{.ttl = 30min}};
  const strata::repository agents(database, cache, agent_keys, "agents", now);

  const strata::query_cache queries(database, cache);
  const auto agents_of = queries.prepare<agent_line>(
      "SELECT id, name FROM agents WHERE organization_id = $1 ORDER BY name", {.tables = {"agents"}});

  agent ada{.id = "agt_1", .organization_id = "org_1", .name = "Ada"};
  CHECK(co_await agents.create(std::move(ada)));
  const auto first = co_await agents_of("org_1");
  CHECK(first && first->size() == 1 && first->front().name == "Ada");
  CHECK((co_await agents_of("org_1")).info().hit());

  agent bob{.id = "agt_2", .organization_id = "org_1", .name = "Bob"};
  CHECK(co_await agents.create(std::move(bob)));  // writes the table: the result is dropped
  const auto both = co_await agents_of("org_1");
  CHECK(both->size() == 2 && both.info().reason == strata::miss_reason::tag);

  const auto none = co_await agents_of("org_9");
  CHECK(none && none->empty());  // an empty result is cached too
  CHECK((co_await agents_of("org_9")).info().hit());

  auto work = co_await strata::unit_of_work::begin(database, cache);
  CHECK(work.has_value());
  CHECK(co_await work->execute("UPDATE agents SET name = 'Grace' WHERE id = 'agt_1'", {}));
  work->changes("agents");                   // a write outside any repository
  work->forget(agents.key_of("agt_1").key);  // and the row it changed
  CHECK(co_await work->commit());
  CHECK((co_await agents_of("org_1"))->back().name == "Grace");

  const strata::sql_parameters organization{std::string("org_1")};
  const auto uncached = co_await agents_of.find(organization, {.bypass = true});
  CHECK(uncached.info().from == strata::layer::source && !uncached.info().stored);

  const auto explanation = co_await agents_of.explain(organization);
  CHECK(explanation.levels[0].state == strata::explanation::state::fresh);
  co_await agents_of.remove_all();  // for all parameters
  CHECK((co_await agents_of("org_1")).info().reason == strata::miss_reason::prefix);

  bool refused = false;
  try {
    (void)queries.prepare<agent_line>("DELETE FROM agents", {.tables = {"agents"}});
  } catch (const strata::bad_options& error) {
    refused = error.problems().size() == 1;  // only SELECT, or WITH … SELECT, can be cached
  }
  CHECK(refused);
}

int main() {
  auto folder = (std::filesystem::temp_directory_path() / "strata-guide-XXXXXX").string();
  CHECK(::mkdtemp(folder.data()) != nullptr);
  {
    auto database = strata::open_sqlite({.file = folder + "/platform.db"});
    CHECK(database.has_value());
    CHECK(strata::sync_wait((*database)->run_script(tables)));
    strata::cache cache;
    strata::sync_wait(tour(**database, cache));
  }
  std::filesystem::remove_all(folder);
}
