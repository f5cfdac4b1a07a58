/// A document is the same bytes under the same ETag at every gateway, whichever program wrote it.

#include "platform/import.hpp"
#include "platform/test_support.hpp"

#include <strata/store.hpp>

#include <limits>

namespace strata::platform::testing {
namespace {

const std::vector<std::string>& documents() {
  static const std::vector<std::string> all{
      R"({"a":-0.0})",
      R"({ "z": 1.0, "a":[1, 2] })",
      R"({"digits":12345678901234567890123,"least":-9223372036854775809})",
      R"({"fraction":0.123456789012345678901234567890,"tiny":1e-400})",
      "{\"text\":\"\\\"\\u00e9\\/\\ud83d\\ude00\",\n\"é\":null}",
      R"({"deep":)" + std::string(63, '[') + std::string(63, ']') + '}'};
  return all;
}

/// None of the documents has a space in a string.
std::string without_spaces(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return text;
}

/// Two gateways over one database and one store.
struct Documents : ::testing::Test {
  std::shared_ptr<memory_server> server = make_memory_server();
  world at{no_limits(), {}, {.second_level = connect(server)}};
  std::shared_ptr<strata::cache> other_cache =
      std::make_shared<strata::cache>(cache_options{.second_level = connect(server)});
  std::unique_ptr<app> other = make_other();
  strata::server::router other_routes = other->routes();
  organization home = at.add_organization("Home");
  user admin = at.add_user(home, "admin@home.example", true);
  std::string token = at.login(admin.email);
  std::string other_token = testing::login(other_routes, admin.email);
  std::string id = at.add_agent(home, "Triage").id;
  std::string path = "/agents/" + id + "/config";

  std::unique_ptr<app> make_other() const {
    app_options options;
    options.database = at.database;
    options.cache = other_cache;
    options.auth.passwords = quick_passwords();
    options.limits = no_limits();
    return std::make_unique<app>(std::move(options));
  }
  answer ask_other(std::string_view method, std::string body = {}, fields more = {}) const {
    return testing::ask(other_routes, method, path, other_token, std::move(body), std::move(more));
  }
};

TEST_F(Documents, AreTheSameBytesAtBothGateways) {
  for (const auto& document : documents()) {
    const auto put = at.ask("PUT", path, token, document);
    ASSERT_EQ(put.status, 200) << document << put.body;
    EXPECT_EQ(put.body, without_spaces(document));
    for (const auto& read : {at.ask("GET", path, token), ask_other("GET")}) {
      EXPECT_EQ(read.body, put.body);
      EXPECT_EQ(read.field("ETag"), put.field("ETag")) << document;
    }
    const auto replaced = ask_other("PUT", R"({"next":1})", {{"If-Match", put.field("ETag")}});
    EXPECT_EQ(replaced.status, 200) << document << replaced.body;
  }
}

TEST_F(Documents, WrittenByAnotherProgramAreTheSameBytesAtBothGateways) {
  for (const auto& document : documents()) {
    must(sync_wait(at.database->execute("DELETE FROM agent_configs", {})));
    must(
        sync_wait(at.database->execute("INSERT INTO agent_configs (id, document, created_at, updated_at) "
                                       "VALUES ($1, $2, '', '')",
                                       {id, document})));
    sync_wait(at.cache->clear());
    const auto first = at.ask("GET", path, token);
    const auto second = ask_other("GET");
    EXPECT_EQ(first.body, document);
    EXPECT_EQ(second.body, document);
    EXPECT_EQ(first.field("ETag"), second.field("ETag")) << document;
  }
}

TEST_F(Documents, OfAnImportKeepTheirDigitsOrAreRefusedWithTheirPlace) {
  const auto import = [&](const std::string& config) {
    std::istringstream in(R"({"type":"agent","id":"agt_import000001","organization_id":")" + home.id +
                          R"(","name":"Imported","config":)" + config + '}');
    std::string why;
    import_options options;
    options.on_problem = [&](const import_problem& problem) { why = problem.detail; };
    must(sync_wait(import_stream(in, at.data(), at.held->passwords(), options)));
    return why;
  };
  const auto refused = import(R"({"digits":12345678901234567890123})");
  EXPECT_TRUE(refused.contains("line 1, column 1") && refused.contains("more digits than a double keeps"))
      << refused;
  EXPECT_EQ(import(R"({"a":-0.0, "z":1.0})"), "");
  EXPECT_EQ(at.ask("GET", "/agents/agt_import000001/config", token).body, R"({"a":-0.0,"z":1.0})");
}

TEST_F(Documents, LeaveCountersAtTheirLargestValue) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  must(sync_wait(at.database->execute("UPDATE agents SET execution_count = $1, version = $1 WHERE id = $2",
                                      {most, id})));
  sync_wait(at.cache->clear());
  const auto agent_path = "/agents/" + id;
  EXPECT_EQ(at.ask("POST", agent_path + "/executions", token).number("/execution_count"), most);
  EXPECT_EQ(at.ask("GET", agent_path, token).number("/execution_count"), most);
  // The version begins again, and is still one that a writer can expect.
  const auto renamed = at.ask("PATCH", agent_path, token, R"({"name":"Sorting"})");
  EXPECT_EQ(renamed.status, 200) << renamed.body;
  EXPECT_EQ(renamed.number("/version"), 1);
  EXPECT_EQ(at.ask("PATCH", agent_path, token, R"({"name":"Triage"})").number("/version"), 2);

  const auto listing = at.add_listing("Search").id;
  must(sync_wait(
      at.database->execute("UPDATE listings SET install_count = $1 WHERE id = $2", {most, listing})));
  sync_wait(at.cache->clear());
  EXPECT_EQ(at.ask("POST", "/marketplace/listings/" + listing + "/install", token).number("/install_count"),
            most);
}

}  // namespace
}  // namespace strata::platform::testing
