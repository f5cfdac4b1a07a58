/// The code of docs/guide/repositories.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <cstdlib>
#include <filesystem>

using namespace std::chrono_literals;

struct agent {
  std::string id;
  std::string name;
  std::optional<std::string> description;
  std::int64_t version = 0;
  std::string created_at;
  std::string updated_at;
};
BOOST_DESCRIBE_STRUCT(agent, (), (id, name, description, version, created_at, updated_at))

struct agent_tools {
  std::string id;
  std::vector<std::string> names;
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(agent_tools, (), (id, names, version))

constexpr strata::migration schema[] = {
    {1, "agents",
     "CREATE TABLE agents (id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT, version BIGINT NOT "
     "NULL,"
     "  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);"},
    {2, "agent_tools",
     "CREATE TABLE agent_tools (id TEXT PRIMARY KEY REFERENCES agents (id), names TEXT NOT NULL,"
     "  version BIGINT NOT NULL);"},
};

strata::task<> tour(strata::database& database, strata::cache& cache) {
  const auto now = [] { return strata::system_clock().wall(); };
  const auto applied = co_await strata::migrate(database, schema, now);
  CHECK(applied && applied->version == 2);
  CHECK(applied->newly_applied.size() == 2);  // on the next start there is nothing to apply

  const strata::entity<agent, "agent:{id}"> agent_keys{{.ttl = 30min}};
  const strata::entity<agent_tools, "agent:{id}:tools"> tools_keys{{.ttl = 30min}};
  const strata::repository agents(database, cache, agent_keys, "agents", now);
  const strata::repository tools(database, cache, tools_keys, "agent_tools", now);

  CHECK((co_await agents.find("agt_1")).known_absent());  // queried once, then cached

  agent first{.id = "agt_1", .name = "Ada", .description = {}};
  const auto created = co_await agents.create(std::move(first));
  CHECK(created && created->version == 1 && !created->created_at.empty());
  CHECK((co_await agents.find("agt_1")).info().hit());  // written through, so the read is a hit

  const auto rename = [](agent& row) -> strata::result<void> {
    row.name = "Grace";
    return {};
  };
  const auto saved = co_await agents.update("agt_1", 1, rename);
  CHECK(saved && saved->version == 2);
  const auto late = co_await agents.update("agt_1", 1, rename);
  CHECK(!late && late.error().code == strata::errc::conflict);  // another writer was faster

  auto work = co_await strata::unit_of_work::begin(database, cache);
  CHECK(work.has_value());
  agent second{.id = "agt_2", .name = "Alan", .description = {}};
  agent_tools its_tools{.id = "agt_2", .names = {"search", "mail"}};
  const auto one = co_await agents.create_in(*work, std::move(second));
  const auto two = co_await tools.create_in(*work, std::move(its_tools));
  CHECK(one && two);
  const auto both = co_await work->commit();  // both rows or neither, then the cache
  CHECK(both && (co_await tools.find("agt_2"))->names.size() == 2);

  strata::sql_parameters first_ten{std::int64_t{10}};
  const auto page = co_await agents.select("ORDER BY name LIMIT $1", std::move(first_ten));
  CHECK(page && page->size() == 2 && page->front().name == "Alan");
}

int main() {
  auto folder = (std::filesystem::temp_directory_path() / "strata-guide-XXXXXX").string();
  CHECK(::mkdtemp(folder.data()) != nullptr);
  {
    auto database = strata::open_sqlite({.file = folder + "/platform.db"});
    CHECK(database.has_value());
    strata::cache cache;
    strata::sync_wait(tour(**database, cache));
  }
  std::filesystem::remove_all(folder);
}
