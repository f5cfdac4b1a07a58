#include "platform/import.hpp"
#include "platform/test_support.hpp"

#include <gmock/gmock.h>

#include <sstream>

namespace strata::platform {
namespace {

class Import : public ::testing::Test {
 protected:
  import_counts run(const std::string& text, std::size_t batch = 500) {
    std::istringstream in(text);
    problems.clear();
    import_options options;
    options.batch = batch;
    options.on_problem = [this](const import_problem& each) {
      problems.push_back(std::to_string(each.line) + " " + each.field + " " + each.detail);
    };
    options.on_progress = [this](const import_counts& counts) { progress.push_back(counts.records); };
    return testing::must(
        strata::sync_wait(import_stream(in, at.data(), at.held->passwords(), std::move(options))));
  }

  testing::world at;
  std::vector<std::string> problems;
  std::vector<std::size_t> progress;
};

constexpr std::string_view whole =
    R"({"type":"organization","id":"org_import000001","name":"Imported","plan":"pro"}
{"type":"user","id":"usr_import000001","organization_id":"org_import000001","email":"i@import.example","name":"I","is_admin":true,"password":"password of i@import.example"}
{"type":"agent","id":"agt_import000001","organization_id":"org_import000001","name":"A","config":{"model":"m"},"tools":{"tools":[]},"created_at":"2025-01-02T03:04:05+01:00"}

{"type":"listing","id":"lst_import000001","name":"L","repository_url":"https://git.example/l","packages":[{"name":"l"}],"install_count":7}
)";

TEST_F(Import, TakesEveryKindOfRecord) {
  const auto done = run(std::string(whole));
  EXPECT_EQ(problems, std::vector<std::string>{});
  EXPECT_EQ(done.created, 4U);
  EXPECT_EQ(done.bytes, whole.size());
  const auto token = at.login("i@import.example");
  const auto read = at.ask("GET", "/agents/agt_import000001", token);
  EXPECT_EQ(read.text("/created_at"), "2025-01-02T02:04:05.000Z");
  EXPECT_EQ(at.ask("GET", "/agents/agt_import000001/config", token).body, R"({"model":"m"})");
  EXPECT_EQ(at.ask("GET", "/marketplace/listings/lst_import000001").number("/install_count"), 7);
}

TEST_F(Import, ChangesNothingTheSecondTime) {
  run(std::string(whole));
  const auto again = run(std::string(whole), 1);
  EXPECT_EQ(again.created + again.updated + again.refused, 0U);
  EXPECT_EQ(again.unchanged, 4U);
  EXPECT_EQ(at.ask("GET", "/marketplace/listings/lst_import000001").number("/version"), 1);
}

TEST_F(Import, ReplacesTheFieldsThatARecordNames) {
  run(std::string(whole));
  const auto before = at.ask("GET", "/marketplace/listings");
  const auto done = run(R"({"type":"listing","id":"lst_import000001","name":"Renamed"})");
  EXPECT_EQ(done.updated, 1U);
  const auto now = at.ask("GET", "/marketplace/listings/lst_import000001");
  EXPECT_EQ(now.text("/name"), "Renamed");
  EXPECT_EQ(now.text("/repository_url"), "https://git.example/l");
  EXPECT_EQ(now.number("/install_count"), 7);
  EXPECT_NE(at.ask("GET", "/marketplace/listings").body, before.body);
}

TEST_F(Import, ReportsEachProblemWithItsLineAndTakesTheRest) {
  const auto done = run(R"lines({"type":"organization","id":"org_import000001","name":"Good"}
{"type":"organisation","id":"org_import000002","name":"Bad"}
{"type":"organization","id":"org_1","name":""}
{"type":"agent","id":"agt_import000001","organization_id":"org_nowhere00001","name":"A"}
{not json}
{"type":"user","id":"usr_import000001","organization_id":"org_import000001","email":"a@b.example","name":"A"}
{"type":"user","id":"usr_import000002","organization_id":"org_import000001","email":"A@B.example","name":"B"}
[]
{"type":"listing","id":"lst_import000001","name":"L","color":"red","repository_url":"javascript:alert(1)"}
{"type":"listing","id":"lst_import000002","name":"Good"}
)lines");
  EXPECT_EQ(done.records, 10U);
  EXPECT_EQ(done.created, 3U);
  EXPECT_EQ(done.refused, 7U);
  EXPECT_THAT(problems,
              ::testing::ElementsAre("2 /type must be one of organization, user, agent, listing",
                                     ::testing::StartsWith("3 /id must be org_"), "3 /name must not be empty",
                                     ::testing::StartsWith("4 /organization_id names no organization"),
                                     ::testing::StartsWith("5  is not JSON: line 1, column 2"),
                                     "7 /email belongs to another user", "8  must be an object, not an array",
                                     "9 /repository_url must be an http or https address",
                                     "9 /color is not a known field"));
  EXPECT_EQ(at.count("users"), 1);
}

TEST_F(Import, ReadsARegistryExportAndKeepsItsIds) {
  const std::string text = R"([
 {
  "id": "4e9cf4cf",
  "name": "io.github.octo/tool",
  "description": "Does things",
  "repository": {"url": "https://github.com/octo/tool", "source": "github", "id": "1"},
  "version_detail": {"version": "1.0.0", "release_date": "2025-05-16T18:56:49Z", "is_latest": true},
  "packages": [{"registry_name": "npm", "name": "@octo/tool", "version": "1.0.0"}],
  "remotes": [{"transport_type": "sse", "url": "https://octo.example/sse"}]
 },
 {
  "id": "",
  "name": "",
  "description": "",
  "repository": {"url": "", "source": "", "id": ""},
  "version_detail": {"version": "", "release_date": "", "is_latest": false}
 },
 {"id": "77", "name": "io.github.octo/other", "repository": {"url": 7}, "packages": null}
])";
  const auto done = run(text);
  EXPECT_EQ(done.created, 1U);
  EXPECT_EQ(done.refused, 2U);
  EXPECT_THAT(problems, ::testing::ElementsAre("11 /id must not be empty", "11 /name must not be empty",
                                               "18 /repository/url must be a string, not a number"));
  const auto list = at.ask("GET", "/marketplace/listings?q=octo");
  EXPECT_EQ(list.text("/items/0/publisher"), "octo");
  EXPECT_EQ(list.text("/items/0/created_at"), "2025-05-16T18:56:49.000Z");
  EXPECT_EQ(list.text("/items/0/packages/0/name"), "@octo/tool");
  EXPECT_EQ(list.text("/items/0/packages/1/registry_name"), "remote");
  const auto again = run(text);
  EXPECT_EQ(again.unchanged, 1U);
  EXPECT_EQ(at.ask("GET", "/marketplace/listings?q=octo").body, list.body);
}

TEST_F(Import, ReportsProgressAfterEachBatch) {
  std::string lines;
  for (int i = 0; i < 25; ++i) {
    lines += R"({"type":"listing","id":"lst_progress000)" + std::to_string(10 + i) +
             R"(","name":"L"})"
             "\n";
  }
  EXPECT_EQ(run(lines, 10).created, 25U);
  EXPECT_EQ(progress, (std::vector<std::size_t>{10, 20, 25}));
}

}  // namespace
}  // namespace strata::platform
