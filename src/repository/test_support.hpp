#pragma once
/// Shared by the tests of repositories and cached queries: tables, rows, a cache and a database, which is
/// SQLite or PostgreSQL (tests/postgres/chosen.hpp).

#include "tests/contract/temporary_folder.hpp"
#include "tests/postgres/chosen.hpp"

#include <strata/repository.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/describe.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace strata::repository_test {

using namespace std::chrono_literals;

struct agent {
  std::string id;
  std::string organization_id;
  std::string name;
  bool is_public = false;
  std::optional<std::string> note;
  strata::json::raw config;
  std::int64_t version = 0;
  std::string created_at;
  std::string updated_at;
  friend bool operator==(const agent&, const agent&) = default;
};
BOOST_DESCRIBE_STRUCT(agent, (),
                      (id, organization_id, name, is_public, note, config, version, created_at, updated_at))

struct tools {
  std::string id;
  std::vector<std::string> names;
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(tools, (), (id, names, version))

/// A row with its JSON, as a gateway caches it.
struct rendered_agent {
  using row_type = agent;
  agent row;
  std::string body;
  rendered_agent() = default;
  explicit rendered_agent(agent from) : row(std::move(from)), body(strata::json::text_of(row)) {}
};
BOOST_DESCRIBE_STRUCT(rendered_agent, (), (row, body))

inline constexpr const char* schema = R"(
  CREATE TABLE organizations (id TEXT PRIMARY KEY);
  INSERT INTO organizations VALUES ('org_1');
  CREATE TABLE agents (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) DEFERRABLE INITIALLY DEFERRED,
    name TEXT NOT NULL UNIQUE,
    is_public BOOLEAN NOT NULL,
    note TEXT,
    config TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL);
  CREATE TABLE agent_tools (
    id TEXT PRIMARY KEY REFERENCES agents (id),
    names TEXT NOT NULL,
    version BIGINT NOT NULL);
)";

class Repository : public ::testing::Test {
 protected:
  explicit Repository(strata::cache_options options = {}) : cache_(std::move(options)), db_(open()) {}

  std::shared_ptr<strata::database> open() {
    auto opened = test::open_chosen(folder_.file("test.db"));
    if (!opened) throw std::runtime_error(opened.error().detail);
    if (auto made = sync_wait((*opened)->run_script(schema)); !made)
      throw std::runtime_error(made.error().detail);
    return *opened;
  }
  static agent named(std::string id, std::string name) {
    return {.id = std::move(id), .organization_id = "org_1", .name = std::move(name)};
  }
  agent create(std::string id, std::string name) {
    return sync_wait(agents_.create(named(std::move(id), std::move(name)))).value();
  }
  strata::lookup<agent> find(std::string_view id) { return sync_wait(agents_.find(id)); }
  strata::result<agent> rename(std::string id, std::optional<std::int64_t> version, std::string name) {
    return sync_wait(agents_.update(std::move(id), version, [&](agent& row) -> strata::result<void> {
      row.name = name;
      return {};
    }));
  }
  strata::unit_of_work begin() { return std::move(*sync_wait(strata::unit_of_work::begin(*db_, cache_))); }
  void behind_our_back(std::string_view statement) { ASSERT_TRUE(sync_wait(db_->execute(statement, {}))); }

  test::temporary_folder folder_;
  strata::cache cache_;
  std::shared_ptr<strata::database> db_;
  std::int64_t minutes_ = 0;
  strata::repository<agent, "agent:{id}"> agents_{
      *db_, cache_, strata::entity<agent, "agent:{id}">({.ttl = 30min}), "agents",
      [this] { return strata::wall_time(std::chrono::minutes(minutes_)); }};
  strata::repository<tools, "agent:{id}:tools"> tools_{
      *db_, cache_, {}, "agent_tools", [] { return strata::wall_time(); }};
};

template <class T>
errc code_of(const result<T>& outcome) {
  return outcome ? errc{} : outcome.error().code;
}

}  // namespace strata::repository_test
