#include "platform/stored_document.hpp"
#include "platform/test_support.hpp"

#include <gmock/gmock.h>

namespace strata::platform {
namespace {

using ::testing::HasSubstr;

class Agents : public testing::PlatformTest {};

TEST_F(Agents, AreReadFromTheSourceOnceAndThenFromMemory) {
  const auto row = at.add_agent(home, "Triage");
  strata::sync_wait(at.cache->clear());
  const auto first = at.ask("GET", "/agents/" + row.id, member_token);
  EXPECT_EQ(first.status, 200);
  EXPECT_THAT(first.field("Cache-Status"), HasSubstr("strata; fwd=miss; stored; detail=cleared"));
  EXPECT_EQ(first.field("Cache-Control"), "private, max-age=300");
  EXPECT_EQ(first.text("/name"), "Triage");
  const auto second = at.ask("GET", "/agents/" + row.id, member_token);
  EXPECT_THAT(second.field("Cache-Status"), HasSubstr("strata; hit; ttl="));
  EXPECT_THAT(second.field("Cache-Status"), HasSubstr("detail=l1"));
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(second.field("ETag"), first.field("ETag"));
}

TEST_F(Agents, AnswerHeadAndNotModified) {
  const auto row = at.add_agent(home, "Triage");
  const auto whole = at.ask("GET", "/agents/" + row.id, member_token);
  const auto head = at.ask("HEAD", "/agents/" + row.id, member_token);
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.body.empty());
  EXPECT_EQ(head.field("ETag"), whole.field("ETag"));
  const auto same =
      at.ask("GET", "/agents/" + row.id, member_token, {}, {{"If-None-Match", whole.field("ETag")}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.field("Cache-Control"), "private, max-age=300");
  EXPECT_EQ(at.ask("GET", "/agents/" + row.id, stranger_token, {}, {{"If-None-Match", "*"}}).status, 404);
  EXPECT_EQ(at.ask("GET", "/agents/" + row.id, {}, {}, {{"If-None-Match", "*"}}).status, 401);
}

TEST_F(Agents, AreCreatedWithLocationAndTag) {
  const auto before = at.ask("GET", "/agents", member_token);
  EXPECT_EQ(before.number("/total"), 0);
  const auto made = at.ask("POST", "/agents", member_token, R"({"name":"New","status":"draft"})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.field("Location"), "/agents/" + made.text("/id"));
  EXPECT_EQ(made.field("Cache-Control"), "no-store");
  EXPECT_EQ(made.text("/organization_id"), home.id);
  EXPECT_EQ(made.number("/version"), 1);
  const auto read = at.ask("GET", made.field("Location"), member_token);
  EXPECT_EQ(read.body, made.body);
  EXPECT_EQ(read.field("ETag"), made.field("ETag"));
  EXPECT_EQ(at.ask("GET", "/agents", member_token).number("/total"), 1);
}

TEST_F(Agents, ChangeByMergePatchAndDropDerivedKeys) {
  const auto row = at.add_agent(home, "Triage");
  const auto path = "/agents/" + row.id;
  at.ask("GET", path, member_token);
  EXPECT_EQ(at.ask("GET", "/agents", member_token).text("/items/0/name"), "Triage");
  const auto patched = at.ask("PATCH", path, member_token, R"({"name":"Review","description":null})",
                              {{"Content-Type", "application/merge-patch+json"}});
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(patched.number("/version"), 2);
  EXPECT_EQ(at.ask("GET", path, member_token).body, patched.body);
  const auto list = at.ask("GET", "/agents", member_token);
  EXPECT_EQ(list.text("/items/0/name"), "Review");
  EXPECT_THAT(list.field("Cache-Status"), HasSubstr("fwd=miss; stored; detail=prefix"));
}

TEST_F(Agents, AreNotWrittenWhenAPatchChangesNothing) {
  const auto row = at.add_agent(home, "Triage");
  const auto same = at.ask("PATCH", "/agents/" + row.id, member_token, R"({"name":"Triage"})");
  EXPECT_EQ(same.status, 200);
  EXPECT_EQ(same.number("/version"), 1);
}

TEST_F(Agents, HonourIfMatch) {
  const auto row = at.add_agent(home, "Triage");
  const auto path = "/agents/" + row.id;
  const auto etag = at.ask("GET", path, member_token).field("ETag");
  EXPECT_EQ(at.ask("PATCH", path, member_token, R"({"name":"A"})", {{"If-Match", R"("0-0")"}}).status, 412);
  EXPECT_EQ(at.ask("PATCH", path, member_token, R"({"name":"A"})", {{"If-Match", "W/" + etag}}).status, 412);
  EXPECT_EQ(at.ask("PATCH", path, member_token, R"({"name":"A"})", {{"If-Match", "nonsense"}}).status, 400);
  EXPECT_EQ(at.ask("GET", path, member_token).number("/version"), 1);
  EXPECT_EQ(at.ask("PATCH", path, member_token, R"({"name":"A"})", {{"If-Match", etag}}).status, 200);
  EXPECT_EQ(at.ask("DELETE", path, member_token, {}, {{"If-Match", etag}}).status, 412);
  EXPECT_EQ(at.ask("PUT", path + "/config", member_token, "{}", {{"If-Match", etag}}).status, 412);
  EXPECT_EQ(at.ask("DELETE", path, member_token, {}, {{"If-Match", "*"}}).status, 204);
}

TEST_F(Agents, AreGoneAfterDeleteWithTheirDocuments) {
  const auto row = at.add_agent(home, "Triage");
  const auto path = "/agents/" + row.id;
  EXPECT_EQ(at.ask("PUT", path + "/config", member_token, R"({"model":"m"})").status, 200);
  EXPECT_EQ(at.ask("GET", path + "/config", member_token).body, R"({"model":"m"})");
  at.ask("GET", "/agents", member_token);
  EXPECT_EQ(at.ask("DELETE", path, member_token).status, 204);
  EXPECT_EQ(at.ask("GET", path, member_token).status, 404);
  EXPECT_EQ(at.ask("GET", path + "/config", member_token).status, 404);
  EXPECT_EQ(at.ask("GET", "/agents", member_token).number("/total"), 0);
  EXPECT_EQ(at.count("agent_configs"), 0);
  EXPECT_EQ(at.ask("DELETE", path, member_token).status, 404);
}

TEST_F(Agents, HaveDocumentsThatArePutAsAWhole) {
  const auto path = "/agents/" + at.add_agent(home, "Triage").id + "/tools";
  const auto nothing = at.ask("GET", path, member_token);
  EXPECT_EQ(nothing.body, "{}");
  EXPECT_FALSE(nothing.field("ETag").empty());
  EXPECT_EQ(at.ask("PUT", path, member_token, R"({"a":1})", {{"If-Match", R"("9-9")"}}).status, 412);
  const auto put = at.ask("PUT", path, member_token, R"({ "a" : 1 })", {{"If-Match", nothing.field("ETag")}});
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(put.body, R"({"a":1})");
  const auto again = at.ask("PUT", path, member_token, R"({"b":[2]})");
  EXPECT_EQ(at.ask("GET", path, member_token).body, R"({"b":[2]})");
  EXPECT_EQ(at.ask("GET", path, member_token).field("ETag"), again.field("ETag"));
  EXPECT_NE(again.field("ETag"), put.field("ETag"));
}

TEST_F(Agents, CountExecutions) {
  const auto path = "/agents/" + at.add_agent(home, "Triage").id;
  at.ask("GET", path, member_token);
  const auto first = at.ask("POST", path + "/executions", member_token);
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(first.body, R"({"execution_count":1})");
  EXPECT_EQ(at.ask("POST", path + "/executions", member_token).number("/execution_count"), 2);
  EXPECT_EQ(at.ask("GET", path, member_token).number("/execution_count"), 2);
  EXPECT_EQ(at.ask("GET", "/agents", member_token).number("/items/0/execution_count"), 2);
}

TEST_F(Agents, AreListedByPageAndStatus) {
  for (int i = 0; i < 5; ++i) at.add_agent(home, "Agent " + std::to_string(i), i == 0 ? "paused" : "active");
  at.add_agent(abroad, "Foreign");
  const auto page = at.ask("GET", "/agents?page=2&limit=2", member_token);
  EXPECT_EQ(page.number("/page"), 2);
  EXPECT_EQ(page.number("/limit"), 2);
  EXPECT_EQ(page.number("/total"), 5);
  EXPECT_EQ(page.json().at("items").as_array().size(), 2U);
  EXPECT_EQ(page.field("Cache-Control"), "private, max-age=60");
  EXPECT_EQ(at.ask("GET", "/agents?status=paused", member_token).text("/items/0/name"), "Agent 0");
  EXPECT_EQ(at.ask("GET", "/agents?status=archived", member_token).number("/total"), 0);
  const auto beyond = at.ask("GET", "/agents?page=1000000000&limit=100", member_token);
  EXPECT_EQ(beyond.body, R"({"items":[],"page":1000000000,"limit":100,"total":5})");
  EXPECT_EQ(beyond.field("Cache-Status").find("stored"), std::string::npos) << beyond.field("Cache-Status");
}

TEST_F(Agents, DoNotExistForAnotherOrganization) {
  const auto row = at.add_agent(home, "Secret");
  const auto path = "/agents/" + row.id;
  at.ask("GET", path, member_token);  // and not because nothing is cached
  const auto nowhere = at.ask("GET", "/agents/agt_doesnotexist1", stranger_token);
  EXPECT_EQ(nowhere.status, 404);
  const std::vector<std::tuple<std::string, std::string, std::string>> tried{
      {"GET", path, ""},
      {"HEAD", path, ""},
      {"PATCH", path, R"({"name":"Mine"})"},
      {"DELETE", path, ""},
      {"GET", path + "/config", ""},
      {"PUT", path + "/config", "{}"},
      {"GET", path + "/tools", ""},
      {"PUT", path + "/tools", "{}"},
      {"POST", path + "/executions", ""}};
  for (const auto& [method, target, body] : tried) {
    const auto answer = at.ask(method, target, stranger_token, body);
    EXPECT_EQ(answer.status, 404) << method << ' ' << target;
    if (method != "HEAD") EXPECT_EQ(answer.json().at("detail"), nowhere.json().at("detail"));
    EXPECT_EQ(answer.field("Cache-Control"), "no-store");
  }
  EXPECT_EQ(at.ask("GET", "/agents", stranger_token).number("/total"), 0);
  EXPECT_EQ(at.ask("GET", path, member_token).number("/version"), 1);
  EXPECT_EQ(at.count("agent_configs"), 0);
}

TEST_F(Agents, RefuseInvalidRequestsAndWriteNothing) {
  const auto row = at.add_agent(home, "Triage");
  const auto path = "/agents/" + row.id;
  struct attempt {
    std::string method, target, body;
    int status;
    std::string says;
  };
  const std::vector<attempt> tried{
      {"POST", "/agents", R"({"name":)", 400, "line 1, column"},
      {"POST", "/agents", "{\"name\":\"\xff\"}", 400, "line 1, column"},
      {"POST", "/agents", R"({"name":"a","name":"b"})", 400, "name"},
      {"POST", "/agents", R"([])", 422, "must be an object"},
      {"POST", "/agents", R"({})", 422, "/name"},
      {"POST", "/agents", R"({"name":""})", 422, "must not be empty"},
      {"POST", "/agents", R"({"name":"  "})", 422, "must not be blank"},
      {"POST", "/agents", R"({"name":"a\u0000b"})", 422, "control characters"},
      {"POST", "/agents", R"({"name":7})", 422, "must be a string, not a number"},
      {"POST", "/agents", R"({"name":null})", 422, "must not be null"},
      {"POST", "/agents", R"({"name":")" + std::string(201, 'x') + R"("})", 422, "at most 200 characters"},
      {"POST", "/agents", R"({"name":"a","status":"busy"})", 422, "must be one of draft, active"},
      {"POST", "/agents", R"({"name":"a","is_public":1})", 422, "must be true or false"},
      {"POST", "/agents", R"({"name":"a","owner":"me"})", 422, "/owner"},
      {"POST", "/agents", R"({"name":"a","id":"agt_mine12345678"})", 422, "/id"},
      {"POST", "/agents", R"({"name":"a","organization_id":")" + abroad.id + R"("})", 422,
       "/organization_id"},
      {"PATCH", path, R"({"name":null})", 422, "cannot be removed"},
      {"PATCH", path, R"({"version":9})", 422, "/version"},
      {"PATCH", path, R"("text")", 422, "must be an object, not a string"},
      {"PATCH", path, "", 400, "line 1, column 1"},
      {"PATCH", "/agents/agt_" + std::string(5000, 'x'), R"({"name":"a"})", 404, "nothing here"},
      {"PATCH", "/agents/usr_123456789012", R"({"name":"a"})", 404, "nothing here"},
      {"GET", "/agents/..%2Fusers", "", 404, "nothing here"},
      {"PUT", path + "/config", R"([1])", 422, "must be a JSON object"},
      {"PUT", path + "/config", R"({"a":")" + std::string(max_document, 'x') + R"("})", 422, "bytes of JSON"},
      {"GET", "/agents?page=0", "", 422, "page"},
      {"GET", "/agents?page=-1", "", 422, "page"},
      {"GET", "/agents?page=1.5", "", 422, "page"},
      {"GET", "/agents?page=99999999999999999999", "", 422, "page"},
      {"GET", "/agents?limit=1e9", "", 422, "limit"},
      {"GET", "/agents?limit=101", "", 422, "limit"},
      {"GET", "/agents?status=busy", "", 422, "status"},
      {"GET", "/agents?sort=name", "", 422, "sort"},
      {"GET", "/agents?page=1&page=2", "", 422, "more than once"},
      {"GET", path + "?fields=id", "", 422, "fields"},
  };
  for (const auto& each : tried) {
    const auto answer = at.ask(each.method, each.target, member_token, each.body);
    EXPECT_EQ(answer.status, each.status)
        << each.method << ' ' << each.target << ' ' << each.body.substr(0, 80);
    EXPECT_EQ(answer.field("Content-Type"), "application/problem+json");
    EXPECT_THAT(answer.body, HasSubstr(each.says));
    EXPECT_EQ(answer.field("Cache-Control"), "no-store");
  }
  EXPECT_EQ(at.count("agents"), 1);
  EXPECT_EQ(at.count("agent_configs"), 0);
  EXPECT_EQ(at.ask("GET", path, member_token).number("/version"), 1);
}

TEST_F(Agents, NameEveryProblemAtOnce) {
  const auto answer = at.ask("POST", "/agents", member_token,
                             R"({"name":"","status":"x","is_public":"no","a/b":1,"version":1})");
  const auto errors = answer.json().at("errors").as_array();
  EXPECT_EQ(errors.size(), 5U);
  EXPECT_THAT(answer.body, HasSubstr("/a~1b"));
}

TEST_F(Agents, RefuseOtherTypesThanJson) {
  EXPECT_EQ(at.ask("POST", "/agents", member_token, "name=a", {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(at.ask("GET", "/agents", member_token, {}, {{"Accept", "text/html"}}).status, 406);
  const auto method = at.ask("PUT", "/agents", member_token, "{}");
  EXPECT_EQ(method.status, 405);
  EXPECT_THAT(method.field("Allow"), HasSubstr("GET, HEAD, POST"));
}

}  // namespace
}  // namespace strata::platform
