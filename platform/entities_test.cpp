#include "platform/entities.hpp"
#include "examples/platform/project.hpp"
#include "platform/changes.hpp"
#include "platform/define_entity.hpp"
#include "platform/demo.hpp"
#include "platform/endpoints.hpp"
#include "platform/import.hpp"
#include "platform/schema.hpp"
#include "platform/test_support.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace strata::platform {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string file(const std::string& path) {
  std::ifstream in(std::string(STRATA_SOURCE) + "/" + path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// The places where the entity `name` must appear, made from its declaration. Each that lacks it is one
/// sentence.
std::vector<std::string> missing_places(std::string_view name, const std::vector<entity_definition>& all) {
  std::vector<std::string> out;
  const auto need = [&](bool there, std::string_view place) {
    if (!there) out.push_back(std::string(name) + " is not in " + std::string(place));
  };
  const auto found = std::ranges::find(all, name, &entity_definition::name);
  need(found != all.end(), "platform/entities.hpp: add its header, and its type to entity_types");
  need(file("docs/config.md").contains("| `" + std::string(name) + "` |"),
       "docs/config.md: add it to the table of entities");
  if (found == all.end()) return out;
  const auto& entity = *found;
  need(default_policies(all).contains(std::string(name)), "default_policies()");
  if (entity.change) {
    const schema tables(all);
    const auto creation = "CREATE TABLE " + entity.change->table + " (";
    need(
        std::ranges::any_of(tables.steps(), [&](const auto& step) { return step.script.contains(creation); }),
        "the schema: its migrations() create another table");
    const auto rules = outbox_rules(all);
    need(std::ranges::any_of(rules, [&](const auto& rule) { return rule.table == entity.change->table; }),
         "outbox_rules()");
  }
  need(entity.endpoints != nullptr && !entity.endpoints().empty(), "the API: declare endpoints()");
  if (entity.endpoints != nullptr) {
    const auto described = openapi_text(all);
    const auto page = docs_page(all);
    for (const auto& each : entity.endpoints()) {
      need(described.contains('"' + std::string(each.pattern) + '"'), "/openapi.json");
      need(page.contains("<code>" + std::string(each.pattern) + "</code>"), "/docs");
    }
  }
  if (!entity.import_type.empty()) {
    need(file("platform/import.hpp").contains("{\"type\":\"" + std::string(entity.import_type) + '"'),
         "platform/import.hpp: show a record of it");
  }
  return out;
}

TEST(Entities, AppearWhereverAnEntityMust) {
  for (const auto& each : std::filesystem::directory_iterator(STRATA_SOURCE "/platform/entities")) {
    if (each.path().extension() != ".hpp") continue;
    EXPECT_THAT(missing_places(each.path().stem().string(), all_entities()), IsEmpty());
  }
}

TEST(Entities, AreNamedWhereTheyAreMissing) {
  EXPECT_THAT(missing_places("project", all_entities()),
              ElementsAre(HasSubstr("project is not in platform/entities.hpp"),
                          HasSubstr("project is not in docs/config.md")));
}

TEST(Entities, HaveNamesKeysAndTablesOfTheirOwn) {
  std::set<std::string> names, keys, tables, prefixes;
  for (const auto& each : all_entities()) {
    EXPECT_TRUE(names.emplace(each.name).second) << each.name;
    EXPECT_TRUE(keys.emplace(each.key).second) << each.name << " has the key of another entity";
    if (each.change) EXPECT_TRUE(tables.emplace(each.change->table).second) << each.name;
    if (!each.id_prefix.empty()) EXPECT_TRUE(prefixes.emplace(each.id_prefix).second) << each.name;
  }
}

// A released migration must not change: its checksum is in every database.
TEST(Schema, IsTheReleasedOne) {
  const schema tables;
  std::vector<std::string> found;
  for (const auto& each : tables.steps()) {
    found.push_back(std::to_string(each.version) + " " + std::string(each.name) + " " +
                    checksum_of(each.script));
  }
  EXPECT_THAT(found, ElementsAre("1 accounts d8f900a84fa9a9b3", "2 agents 5d3292ba418ddf62",
                                 "3 marketplace f28ca98e21900158", "4 installs 0e4e615200f2fafe",
                                 "5 sessions f4b9ec46a0e17dd9", "6 logins 7b25ecac1b0c699f",
                                 "20 consistency aeeba76d255bf713"));
}

TEST(Endpoints, KeepTheirOrder) {
  std::vector<std::string> found;
  for (const auto& each : endpoints()) {
    found.push_back(std::string(server::name(each.on)) + " " + std::string(each.pattern));
  }
  EXPECT_THAT(
      found,
      ElementsAre("POST /auth/login", "POST /auth/invitations", "PUT /auth/password", "POST /auth/logout",
                  "POST /auth/logout-all", "GET /auth/session", "GET /auth/sessions",
                  "DELETE /auth/sessions/{id}", "POST /users", "POST /users/{id}/invitation", "GET /users/me",
                  "GET /users/{id}", "PATCH /users/{id}", "GET /users/{id}/permissions",
                  "PUT /users/{id}/permissions", "GET /users/{id}/settings", "PUT /users/{id}/settings",
                  "GET /organizations/{id}", "PATCH /organizations/{id}", "GET /agents", "POST /agents",
                  "GET /agents/{id}", "PATCH /agents/{id}", "DELETE /agents/{id}", "GET /agents/{id}/config",
                  "PUT /agents/{id}/config", "GET /agents/{id}/tools", "PUT /agents/{id}/tools",
                  "POST /agents/{id}/executions", "GET /marketplace/listings",
                  "GET /marketplace/listings/{id}", "POST /marketplace/listings/{id}/install"));
}

/// The platform with the entity of docs/guide/new_entity.md.
struct NewEntity : ::testing::Test {
  static std::vector<entity_definition> with_project() {
    auto all = all_entities();
    all.push_back(define<project_entity>());
    return all;
  }

  testing::world at{testing::no_limits(), {}, {}, default_policies(), with_project()};
  organization home = at.add_organization("Home");
  std::string token = at.login(at.add_user(home, "member@home.example", false).email);
};

TEST_F(NewEntity, IsServedFromItsDeclaration) {
  const auto created = at.ask("POST", "/projects", token, R"({"name":"Launch"})");
  ASSERT_EQ(created.status, 201) << created.body;
  const auto path = "/projects/" + created.text("/id");
  EXPECT_EQ(created.field("Location"), path);
  EXPECT_THAT(at.ask("GET", path, token).field("Cache-Status"), HasSubstr("hit"));

  EXPECT_EQ(at.ask("PATCH", path, token, R"({"name":"Landing"})").status, 200);
  EXPECT_EQ(at.ask("GET", path, token).text("/name"), "Landing");
  EXPECT_EQ(at.ask("PATCH", path, token, R"({"name":""})").status, 422);
  EXPECT_EQ(at.ask("GET", path).status, 401);

  const auto abroad = at.add_organization("Abroad");
  const auto stranger = at.login(at.add_user(abroad, "stranger@abroad.example", true).email);
  EXPECT_EQ(at.ask("GET", path, stranger).status, 404);
}

TEST_F(NewEntity, IsDescribedShownAndGuarded) {
  EXPECT_TRUE(at.ask("GET", "/openapi.json").json().at("paths").as_object().contains("/projects/{id}"));
  const auto rules = outbox_rules(with_project());
  const auto rule = std::ranges::find(rules, "projects", &outbox_rule::table);
  ASSERT_NE(rule, rules.end());
  EXPECT_THAT(rule->keys, ElementsAre("project:{id}"));
  EXPECT_THAT(missing_places("project", with_project()),
              ElementsAre(HasSubstr("project is not in docs/config.md"),
                          HasSubstr("project is not in platform/import.hpp")));
}

TEST_F(NewEntity, IsImported) {
  std::istringstream in(R"({"type":"project","id":"prj_import000001","organization_id":")" + home.id +
                        R"(","name":"Imported"})");
  const auto done =
      testing::must(sync_wait(import_stream(in, at.data(), at.held->passwords(), import_options())));
  EXPECT_EQ(done.created, 1U);
  EXPECT_EQ(at.ask("GET", "/projects/prj_import000001", token).text("/name"), "Imported");
}

TEST(NewEntityDemo, HasDemoRows) {
  testing::world at(testing::no_limits(), {}, {}, default_policies(), NewEntity::with_project());
  testing::must(sync_wait(fill_demo(at.data(), at.held->passwords())));
  EXPECT_EQ(at.count("projects"), 3);
}

TEST(EntityTable, RefusesAnEntityItWasMadeWithout) {
  const entity_table entities;
  EXPECT_THROW(entities.get<project_entity>(), std::logic_error);
}

}  // namespace
}  // namespace strata::platform
