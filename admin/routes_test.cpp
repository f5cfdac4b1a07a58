#include "admin/routes.hpp"
#include "admin/bodies.hpp"
#include "server/body_stream.hpp"

#include <strata/cache.hpp>
#include <strata/json_codec.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <regex>
#include <string>

namespace strata::admin {
namespace {

using server::response;
using server::test_request;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

struct note {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(note, (), (text))

struct Admin : testing::Test {
  std::shared_ptr<cache> values = std::make_shared<cache>();
  entity<note, "note:{id}"> notes{{.ttl = 10min, .tags = {"board"}}};
  result<void> database_state;
  std::string token;

  response ask(const std::string& method, const std::string& target, const std::string& body = {},
               std::vector<std::pair<std::string, std::string>> fields = {}) {
    bool has_host = false;
    for (const auto& each : fields) has_host = has_host || each.first == "Host";
    if (!has_host) fields.emplace_back("Host", "127.0.0.1:9090");
    if (!body.empty()) fields.emplace_back("Content-Type", "application/json");
    const auto routes =
        admin_routes({.cache = values,
                      .token = token,
                      .checks = {{"database", [this]() -> task<result<void>> { return database_state; }}},
                      .metrics = [] { return std::string("cache_entries 1\n"); },
                      .value = [](const key& where) -> task<shown_value> {
                        if (where.text() == "note:secret")
                          return shown_value{.hidden = true, .json = "\"never\""};
                        return shown_value{.json = "{\"text\":\"hello\"}"};
                      }});
    test_request made(method, target, fields, body);
    return sync_wait(routes.dispatch(*made));
  }

  void remember(const std::string& id) { sync_wait(values->set(notes(id), note{"hello"})); }
  bool remembers(const std::string& id) { return static_cast<bool>(sync_wait(values->get(notes(id)))); }
};

TEST_F(Admin, StreamsEventsToEveryListener) {
  event_bus bus;
  const auto routes = admin_routes({.cache = values,
                                    .metrics = [] { return std::string(); },
                                    .events = &bus,
                                    .value = [](const key&) -> task<shown_value> { return shown_value(); }});
  const auto listen = [&] {
    test_request made("GET", "/cache/events", {{"Host", "127.0.0.1:9090"}});
    return sync_wait(routes.dispatch(*made));
  };
  auto one = listen();
  ASSERT_EQ(one.status, 200);
  EXPECT_EQ(one.content_type.text, "text/event-stream");
  EXPECT_EQ(one.stream->take([] {}).text, ": listening\n\n");
  sync_wait(bus.publish({.type = "agent.updated", .attributes = {{"id", "agt_\n1"}}}));
  const auto other = listen();
  sync_wait(bus.publish({.type = "agent.bulk", .attributes = {}}));
  EXPECT_EQ(one.stream->take([] {}).text,
            "data: {\"type\":\"agent.updated\",\"attributes\":{\"id\":\"agt_\\n1\"}}\n\n"
            "data: {\"type\":\"agent.bulk\",\"attributes\":{}}\n\n");
  EXPECT_THAT(other.stream->take([] {}).text, Not(HasSubstr("agent.updated")));

  std::vector<response> more;
  while (more.size() < 200 && (more.empty() || more.back().status == 200)) more.push_back(listen());
  EXPECT_EQ(more.back().status, 503);
  EXPECT_EQ(more.size(), 99U) << "two of the hundred listened before";
  more.clear();
  EXPECT_EQ(listen().status, 200) << "those are gone";
}

TEST_F(Admin, HasNoEventsWithoutABus) {
  EXPECT_EQ(ask("GET", "/cache/events").status, 404);
}

TEST_F(Admin, AnswersMetricsAsPrometheusText) {
  const auto answer = ask("GET", "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type.text, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer.body, "cache_entries 1\n");
}

TEST_F(Admin, NamesThePartThatIsNotReady) {
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  EXPECT_EQ(ask("GET", "/readyz").status, 200);
  database_state = fail(errc::database_unavailable, "the disk is full");
  const auto answer = ask("GET", "/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body,
            R"({"ready":false,"parts":[{"name":"database","ready":false,"detail":"the disk is full"}]})");
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
}

TEST_F(Admin, ShowsCounters) {
  remember("1");
  EXPECT_TRUE(remembers("1"));
  EXPECT_FALSE(remembers("2"));
  const auto stats = json::read<admin_stats>(ask("GET", "/cache/stats").body);
  ASSERT_TRUE(stats) << stats.error().detail;
  EXPECT_EQ(stats->entries, 1u);
  bool found = false;
  for (const auto& each : stats->types) {
    if (each.type != "note") continue;
    found = true;
    EXPECT_EQ(each.l1_hits, 1u);
    EXPECT_EQ(each.misses.at("absent"), 1u);
  }
  EXPECT_TRUE(found);
}

TEST_F(Admin, ExplainsAKey) {
  remember("1");
  const auto fresh = json::read<admin_explanation>(ask("GET", "/cache/explain?key=note:1").body);
  ASSERT_TRUE(fresh) << fresh.error().detail;
  EXPECT_EQ(fresh->key, "note:1");
  EXPECT_EQ(fresh->type, "note");
  ASSERT_FALSE(fresh->levels.empty());
  EXPECT_EQ(fresh->levels[0].state, "fresh");
  EXPECT_FALSE(fresh->next_read.empty());
}

TEST_F(Admin, RefusesAQueryThatNamesNoKeyOrMoreThanOne) {
  for (const char* target : {"/cache/explain", "/cache/explain?key=", "/cache/explain?key=a&key=b",
                             "/cache/explain?key=a&other=b", "/cache/get?kye=a"}) {
    const auto answer = ask("GET", target);
    EXPECT_EQ(answer.status, 422) << target;
    EXPECT_THAT(answer.body, HasSubstr("\"errors\"")) << target;
  }
  EXPECT_EQ(ask("GET", "/cache/explain?key=" + std::string(1025, 'a')).status, 422);
}

TEST_F(Admin, ShowsAValueButNoSensitiveOne) {
  remember("1");
  remember("secret");
  const auto open = json::read<admin_cached>(ask("GET", "/cache/get?key=note:1").body);
  ASSERT_TRUE(open) << open.error().detail;
  EXPECT_TRUE(open->cached);
  ASSERT_TRUE(open->value);
  EXPECT_EQ(open->value->text, R"({"text":"hello"})");

  const auto hidden = ask("GET", "/cache/get?key=note:secret").body;
  EXPECT_THAT(hidden, HasSubstr(R"("hidden":true,"value":null)"));
  EXPECT_THAT(hidden, Not(HasSubstr("never")));

  EXPECT_THAT(ask("GET", "/cache/get?key=note:absent").body, HasSubstr(R"("cached":false)"));
}

TEST_F(Admin, InvalidatesByKeyTagPrefixAndPattern) {
  for (const char* body : {R"({"keys":["note:1"]})", R"({"tags":["board"]})", R"({"prefixes":["note"]})",
                           R"({"prefixes":["note:"]})", R"({"patterns":["no?e:*"]})"}) {
    remember("1");
    ASSERT_TRUE(remembers("1"));
    const auto answer = ask("POST", "/cache/invalidate", body);
    EXPECT_EQ(answer.status, 200) << body << answer.body;
    EXPECT_FALSE(remembers("1")) << body;
  }
  remember("1");
  EXPECT_EQ(ask("POST", "/cache/invalidate", R"({"keys":["note:2"],"tags":["x","y"]})").body,
            R"({"keys":1,"tags":2,"prefixes":0,"patterns":0,"values":{},"preview":false})");
  EXPECT_TRUE(remembers("1"));
}

TEST_F(Admin, TheConsoleLoadsItsOwnFilesAndNothingElse) {
  const auto page = ask("GET", "/console/");
  ASSERT_NE(page.content, nullptr);
  EXPECT_EQ(page.content->content_type(), "text/html; charset=utf-8");
  const std::string text(page.content->body());
  EXPECT_THAT(text, Not(HasSubstr("{{")));
  const std::regex reference(R"re((?:src|href)="(/[^"]*)")re");
  int files = 0;
  for (std::sregex_iterator at(text.begin(), text.end(), reference), end; at != end; ++at) {
    const auto path = (*at)[1].str();
    const auto file = ask("GET", path);
    EXPECT_EQ(file.status, 200) << path;
    if (!path.starts_with("/console/assets/")) continue;
    EXPECT_THAT(file.cache_control, HasSubstr("immutable")) << path;
    ++files;
  }
  EXPECT_GE(files, 5);
  EXPECT_THAT(text, Not(testing::ContainsRegex("<style|<script>| style=| on[a-z]+=\"|https?://")));
  for (const char* each : {"/", "/console"}) {
    const auto moved = ask("GET", each);
    EXPECT_EQ(moved.status, 302);
    ASSERT_EQ(moved.fields().size(), 1u);
    EXPECT_EQ(moved.fields()[0].value, "/console/");
  }
}

TEST_F(Admin, TheConsoleLoadsWithoutTheTokenThatItAsksFor) {
  token = "0123456789abcdef";
  EXPECT_EQ(ask("GET", "/console/").status, 200);
  EXPECT_EQ(ask("GET", "/").status, 302);
  EXPECT_EQ(ask("GET", "/metrics").status, 401);
}

TEST_F(Admin, APreviewCountsWhatTheInvalidationThenDrops) {
  for (const char* what : {R"("keys":["note:1","note:3"])", R"("prefixes":["note"])", R"("patterns":["*"])",
                           R"("patterns":["*:?"])"}) {
    remember("1");
    const auto previewed =
        ask("POST", "/cache/invalidate", std::string("{\"preview\":true,") + what + "}").body;
    EXPECT_THAT(previewed, HasSubstr(R"("values":{"note":1},"preview":true)")) << what;
    EXPECT_TRUE(remembers("1")) << what;
    const auto done = ask("POST", "/cache/invalidate", std::string("{") + what + "}").body;
    EXPECT_THAT(done, HasSubstr(R"("values":{"note":1},"preview":false)")) << what;
    EXPECT_FALSE(remembers("1")) << what;
  }
}

TEST_F(Admin, RefusesAPrefixThatWouldRemoveNothingOrEverything) {
  for (const char* bad : {"note:*", "*", "no?e", ":", ""}) {
    const auto answer = ask("POST", "/cache/invalidate", std::string("{\"prefixes\":[\"") + bad + "\"]}");
    EXPECT_EQ(answer.status, 422) << bad;
    EXPECT_THAT(answer.body, HasSubstr("/prefixes/0")) << bad;
  }
}

TEST_F(Admin, ASoftInvalidationLeavesTheValueForStaleServing) {
  const entity<note, "note:{id}"> kept{{.ttl = std::chrono::minutes(1), .fail_safe = true}};
  const auto read = [&](const std::string& id) {
    return sync_wait(values->get_or_set(kept(id), [] { return result<note>(fail(errc::timeout, "away")); }));
  };
  for (const char* what : {R"("keys":["note:1"])", R"("tags":["board"])", R"("prefixes":["note"])",
                           R"("patterns":["note:*"])", R"("patterns":["*"])"}) {
    sync_wait(
        values->set(kept("1").with({.ttl = std::chrono::minutes(1), .fail_safe = true, .tags = {"board"}}),
                    note{"hello"}));
    ASSERT_FALSE(read("1").info().stale) << what;
    const auto answer = ask("POST", "/cache/invalidate", std::string("{\"soft\":true,") + what + "}");
    EXPECT_EQ(answer.status, 200) << what << answer.body;
    const auto stale = read("1");
    ASSERT_TRUE(stale) << what;
    EXPECT_TRUE(stale.info().stale) << what;

    EXPECT_EQ(ask("POST", "/cache/invalidate", std::string("{\"soft\":false,") + what + "}").status, 200);
    EXPECT_FALSE(read("1")) << what << ": what is removed must not come back";
  }
}

TEST_F(Admin, ASoftInvalidationNamesThePatternsItCannotExpire) {
  remember("1");
  const auto answer =
      ask("POST", "/cache/invalidate", R"({"soft":true,"keys":["note:1"],"patterns":["*","no?e:*"]})");
  EXPECT_EQ(answer.status, 422);
  EXPECT_THAT(answer.body, HasSubstr("/patterns/1"));
  EXPECT_THAT(answer.body, HasSubstr("cannot be expired softly"));
  EXPECT_THAT(answer.body, Not(HasSubstr("/patterns/0")));
  EXPECT_TRUE(remembers("1")) << "nothing is done by half";
}

TEST_F(Admin, RefusesAnInvalidBodyAndRemovesNothing) {
  remember("1");
  EXPECT_EQ(ask("POST", "/cache/invalidate", R"({"keys":["note:1")").status, 400);
  for (const char* body : {R"({})", R"({"keys":[]})", R"({"keys":"note:1"})", R"({"keys":[""]})",
                           R"({"keys":["note:1"],"soft":"yes"})", R"(["note:1"])", R"({"keys":["note:1",7]})",
                           R"({"keys":["note:1"],"key":["note:1"]})"}) {
    const auto answer = ask("POST", "/cache/invalidate", body);
    EXPECT_EQ(answer.status, 422) << body;
    EXPECT_THAT(answer.body, HasSubstr("\"errors\"")) << body;
  }
  const std::string long_key(1025, 'a');
  EXPECT_EQ(ask("POST", "/cache/invalidate", "{\"keys\":[\"note:1\",\"" + long_key + "\"]}").status, 422);
  EXPECT_TRUE(remembers("1"));
}

TEST_F(Admin, RequiresTheTokenEverywhere) {
  token = "0123456789abcdef";
  for (const char* target :
       {"/metrics", "/healthz", "/readyz", "/cache/stats", "/cache/explain?key=a", "/cache/get?key=a"}) {
    EXPECT_EQ(ask("GET", target).status, 401) << target;
    EXPECT_EQ(ask("GET", target, {}, {{"Authorization", "Bearer 0123456789abcdeX"}}).status, 401) << target;
    EXPECT_EQ(ask("GET", target, {}, {{"Authorization", "Bearer "}}).status, 401) << target;
    EXPECT_EQ(ask("GET", target, {}, {{"Authorization", "Basic 0123456789abcdef"}}).status, 401) << target;
    EXPECT_EQ(ask("GET", target, {}, {{"Authorization", "Bearer 0123456789abcdef"}}).status, 200) << target;
  }
  remember("1");
  EXPECT_EQ(ask("POST", "/cache/invalidate", R"({"keys":["note:1"]})").status, 401);
  EXPECT_TRUE(remembers("1"));
}

TEST_F(Admin, AnswersWithoutATokenToAddressesAndLocalhostOnly) {
  for (const char* host : {"127.0.0.1:9090", "127.0.0.1", "localhost:1", "[::1]:9090"}) {
    EXPECT_EQ(ask("GET", "/healthz", {}, {{"Host", host}}).status, 200) << host;
  }
  for (const char* host :
       {"evil.example", "evil.example:9090", "127.0.0.1.evil.example", "localhost.evil.example"}) {
    EXPECT_EQ(ask("GET", "/healthz", {}, {{"Host", host}}).status, 421) << host;
  }
}

TEST_F(Admin, NamesEveryMissingOption) {
  try {
    admin_routes({});
    FAIL() << "it was accepted";
  } catch (const bad_options& wrong) {
    EXPECT_EQ(wrong.problems().size(), 3u);
  }
}

}  // namespace
}  // namespace strata::admin
