// Every client against a server on this machine that checks what the vendor's API documents.
#include "tests/edge/recorder.hpp"

#include <strata/edge.hpp>
#include <strata/error.hpp>
#include <strata/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace strata {
namespace {

using test::recorded_answer;
using test::recorded_request;
using test::recorder;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using kind = edge_purge_kind;

constexpr const char* secret = "a-token-that-nobody-sees";

class EdgeClients : public testing::Test {
 protected:
  static std::shared_ptr<edge_http> http() {
    static const auto shared = open_edge_http({.timeout = std::chrono::seconds(20)});
    return shared;
  }
  static edge_outcome purge(edge_client& at, kind what, std::vector<std::string> values, bool soft = false) {
    return sync_wait(at.purge({.kind = what, .values = std::move(values), .soft = soft}));
  }
};

// ---- Cloudflare: https://developers.cloudflare.com/api/resources/cache/methods/purge/

constexpr const char* cloudflare_done = R"({"success":true,"errors":[],"messages":[],"result":{"id":"1"}})";

/// Refuses what Cloudflare refuses.
recorded_answer cloudflare(const recorded_request& asked) {
  const auto refuse = [](int status, const std::string& why) {
    return recorded_answer{
        .status = status,
        .body = R"({"success":false,"errors":[{"code":1001,"message":")" + why + R"("}],"result":null})"};
  };
  if (asked.method != "POST") return refuse(405, "method");
  if (asked.target != "/client/v4/zones/zone1/purge_cache" &&
      asked.target != "/client/v4/zones/zone1/invalidate_cache") {
    return refuse(404, "path");
  }
  if (asked.field("authorization") != std::string("Bearer ") + secret) return refuse(403, "authentication");
  if (asked.field("content-type") != "application/json") return refuse(415, "type");
  const auto body = json::parse(asked.body);
  if (!body || !body->is_object() || body->get_object().size() != 1) return refuse(400, "one member");
  const auto& [name, value] = *body->get_object().begin();
  if (name == "purge_everything") {
    return value.is_bool() ? recorded_answer{.body = cloudflare_done} : refuse(400, "a boolean");
  }
  if (name != "tags" && name != "files" && name != "prefixes") return refuse(400, "unknown member");
  if (!value.is_array() || value.get_array().empty() || value.get_array().size() > 100) {
    return refuse(400, "1 to 100 items");
  }
  return {.body = cloudflare_done};
}

class CloudflareEdge : public EdgeClients {
 protected:
  recorder server_{cloudflare};
  std::unique_ptr<edge_client> edge_ =
      cloudflare_edge(http(), {.url = server_.url() + "/client/v4/", .zone = "zone1", .token = secret});
};

TEST_F(CloudflareEdge, PurgesEachKind) {
  EXPECT_EQ(purge(*edge_, kind::tag, {"listing:lst_1", "a b,c"}).trouble, "");
  EXPECT_EQ(server_.last().body, R"({"tags":["listing:lst_1","a%20b%2Cc"]})");
  EXPECT_EQ(purge(*edge_, kind::url, {"https://www.example.org/a?b=1"}).trouble, "");
  EXPECT_EQ(server_.last().body, R"({"files":["https://www.example.org/a?b=1"]})");
  EXPECT_EQ(purge(*edge_, kind::prefix, {"https://www.example.org/a/"}).trouble, "");
  EXPECT_EQ(server_.last().body, R"({"prefixes":["www.example.org/a/"]})") << "without the scheme";
  EXPECT_EQ(purge(*edge_, kind::everything, {}).trouble, "");
  EXPECT_EQ(server_.last().body, R"({"purge_everything":true})");
  EXPECT_EQ(server_.last().target, "/client/v4/zones/zone1/purge_cache");
}

TEST_F(CloudflareEdge, PurgesSoftlyByInvalidateCache) {
  EXPECT_TRUE(purge(*edge_, kind::tag, {"a"}, true).done());
  EXPECT_EQ(server_.last().target, "/client/v4/zones/zone1/invalidate_cache");
}

TEST_F(CloudflareEdge, TakesAHundredItemsACall) {
  EXPECT_EQ(edge_->limits().items, 100u);
  EXPECT_TRUE(purge(*edge_, kind::tag, std::vector<std::string>(100, "a")).done());
}

TEST_F(CloudflareEdge, CallsA200ThatSaysNoSuccessAFailure) {
  recorder server([](const recorded_request&) {
    return recorded_answer{.body =
                               R"({"success":false,"errors":[{"code":1134,"message":"Unable to purge"}]})"};
  });
  const auto edge = cloudflare_edge(http(), {.url = server.url(), .zone = "z", .token = secret});
  EXPECT_THAT(purge(*edge, kind::tag, {"a"}).trouble,
              AllOf(HasSubstr("200"), HasSubstr("1134: Unable to purge")));
}

TEST_F(CloudflareEdge, CallsAnAnswerWithoutJsonAFailure) {
  for (const auto* body : {"", "<html>ok</html>", "true", R"({"success":"yes"})", R"({"success":1})"}) {
    recorder server([&](const recorded_request&) { return recorded_answer{.body = body}; });
    const auto edge = cloudflare_edge(http(), {.url = server.url(), .zone = "z", .token = secret});
    EXPECT_FALSE(purge(*edge, kind::tag, {"a"}).done()) << body;
  }
}

TEST_F(CloudflareEdge, SaysWhatToDoAboutAWrongTokenAndNeverShowsIt) {
  recorder server([](const recorded_request& asked) {
    return recorded_answer{.status = 403,
                           .body = R"({"success":false,"errors":[{"code":10000,"message":"no: )" +
                                   asked.field("authorization") + R"("}]})"};
  });
  const auto edge = cloudflare_edge(http(), {.url = server.url(), .zone = "z", .token = secret});
  EXPECT_THAT(purge(*edge, kind::tag, {"a"}).trouble,
              AllOf(HasSubstr("edge.cloudflare.token"), HasSubstr("***"), Not(HasSubstr(secret))));
}

TEST_F(CloudflareEdge, WaitsAsLongAsA429Says) {
  recorder server([](const recorded_request&) {
    return recorded_answer{.status = 429, .body = "{}", .fields = {{"Retry-After", "7"}}};
  });
  const auto edge = cloudflare_edge(http(), {.url = server.url(), .zone = "z", .token = secret});
  EXPECT_EQ(purge(*edge, kind::tag, {"a"}).retry_after, std::chrono::seconds(7));
}

TEST_F(CloudflareEdge, ReportsAnEdgeThatDoesNotAnswer) {
  const auto unused_port = std::to_string(test::spare_port());
  const auto edge =
      cloudflare_edge(http(), {.url = "http://127.0.0.1:" + unused_port, .zone = "z", .token = secret});
  EXPECT_THAT(purge(*edge, kind::tag, {"a"}).trouble, HasSubstr(unused_port));
}

TEST_F(CloudflareEdge, NamesEveryProblemOfItsOptions) {
  try {
    cloudflare_edge(http(), {.url = "ftp://x", .zone = "", .token = "a\nb"});
    FAIL() << "not refused";
  } catch (const bad_options& refused) {
    EXPECT_EQ(refused.problems().size(), 3u);
  }
}

// ---- Fastly: https://www.fastly.com/documentation/reference/api/purging/

recorded_answer fastly(const recorded_request& asked) {
  if (asked.method != "POST") return {.status = 405, .body = {}};
  if (asked.field("fastly-key") != secret)
    return {.status = 401, .body = R"({"msg":"Provided credentials"})"};
  if (asked.target == "/service/srv1/purge") {
    const auto keys = asked.field("surrogate-key");
    if (keys.empty() || std::ranges::count(keys, ' ') > 255) return {.status = 400, .body = "1 to 256 keys"};
    return {.body = R"({"a":"108-1391560174-974124"})"};
  }
  if (asked.target == "/service/srv1/purge_all") {
    return asked.field("fastly-soft-purge").empty() ? recorded_answer{.body = R"({"status":"ok"})"}
                                                    : recorded_answer{.status = 400, .body = "not soft"};
  }
  if (asked.target.starts_with("/purge/www.")) return {.body = R"({"status":"ok","id":"1"})"};
  return {.status = 404, .body = "no such service"};
}

class FastlyEdge : public EdgeClients {
 protected:
  recorder server_{fastly};
  std::unique_ptr<edge_client> edge_ =
      fastly_edge(http(), {.url = server_.url(), .service = "srv1", .token = secret});
};

TEST_F(FastlyEdge, PurgesEachKind) {
  EXPECT_EQ(purge(*edge_, kind::tag, {"listing:lst_1", "a b"}).trouble, "");
  EXPECT_EQ(server_.last().field("surrogate-key"), "listing:lst_1 a%20b");
  EXPECT_EQ(server_.last().field("fastly-soft-purge"), "");
  EXPECT_EQ(purge(*edge_, kind::tag, {"a"}, true).trouble, "");
  EXPECT_EQ(server_.last().field("fastly-soft-purge"), "1");
  EXPECT_EQ(purge(*edge_, kind::url, {"https://www.example.org/a?b=1", "http://www.example.org/"}).trouble,
            "");
  EXPECT_EQ(server_.last().target, "/purge/www.example.org/");
  EXPECT_EQ(purge(*edge_, kind::everything, {}, true).trouble, "") << "it has no soft form";
  EXPECT_EQ(server_.last().target, "/service/srv1/purge_all");
  EXPECT_EQ(purge(*edge_, kind::prefix, {"https://www.example.org/a"}).trouble, "");
  EXPECT_EQ(server_.last().target, "/service/srv1/purge_all") << "it knows no prefixes";
}

TEST_F(FastlyEdge, Takes256KeysACall) {
  EXPECT_EQ(edge_->limits().items, 256u);
  EXPECT_EQ(purge(*edge_, kind::tag, std::vector<std::string>(256, "a")).trouble, "");
}

TEST_F(FastlyEdge, SaysWhatToDoAboutAWrongToken) {
  const auto edge = fastly_edge(http(), {.url = server_.url(), .service = "srv1", .token = "another"});
  EXPECT_THAT(purge(*edge, kind::tag, {"a"}).trouble,
              AllOf(HasSubstr("401"), HasSubstr("edge.fastly.token")));
  const auto unknown = fastly_edge(http(), {.url = server_.url(), .service = "srv2", .token = secret});
  EXPECT_THAT(purge(*unknown, kind::tag, {"a"}).trouble, HasSubstr("404"));
}

// ---- Varnish and nginx: tests/system/edge_test.cpp runs the real ones

TEST_F(EdgeClients, VarnishPurgesTagsByXkeyAndUrlsByPurge) {
  recorder server([](const recorded_request&) { return recorded_answer{}; });
  const auto edge = varnish_edge(http(), {.url = server.url() + "/"});
  EXPECT_EQ(edge->name(), "varnish/127.0.0.1:" + std::to_string(server.port()));
  EXPECT_TRUE(purge(*edge, kind::tag, {"listing:lst_1", "listings"}).done());
  EXPECT_EQ(server.last().method, "PURGE");
  EXPECT_EQ(server.last().field("xkey-purge"), "listing:lst_1 listings");
  EXPECT_TRUE(purge(*edge, kind::tag, {"listings"}, true).done());
  EXPECT_EQ(server.last().field("xkey-softpurge"), "listings");
  EXPECT_TRUE(purge(*edge, kind::url, {"https://www.example.org/a?b"}, true).done());
  EXPECT_EQ(server.last().target, "/a?b");
  EXPECT_EQ(server.last().field("host"), "www.example.org");
  EXPECT_EQ(server.last().field("strata-soft"), "1");
  EXPECT_EQ(edge->page_address("https://www.example.org/a?b"), server.url() + "/a?b");
}

TEST_F(EdgeClients, VarnishBansWhereThereIsNoXkey) {
  recorder server([](const recorded_request& asked) {
    return recorded_answer{.status = asked.method == "PURGE" ? 501 : 200, .body = {}};
  });
  const auto edge = varnish_edge(http(), {.url = server.url()});
  EXPECT_TRUE(purge(*edge, kind::tag, {"listing:a.b", "listings"}).done());
  EXPECT_EQ(server.last().method, "BAN");
  EXPECT_EQ(server.last().field("strata-ban-tags"),
            R"((^|[[:space:]])(listing:a\.b|listings)($|[[:space:]]))");
  const auto calls = server.requests().size();
  EXPECT_TRUE(purge(*edge, kind::tag, {"listings"}).done());
  EXPECT_EQ(server.requests().size(), calls + 1) << "it asks once whether there is xkey";
  EXPECT_TRUE(
      purge(*edge, kind::prefix, {"https://www.example.org/a?b", "https://www.example.org/c"}).done());
  EXPECT_EQ(server.last().field("strata-ban-path"), R"(^(/a\?b|/c))");
  EXPECT_TRUE(purge(*edge, kind::everything, {}).done());
  EXPECT_EQ(server.last().field("strata-ban-path"), "^/");
}

TEST_F(EdgeClients, VarnishSaysWhatItLacks) {
  recorder server([](const recorded_request&) { return recorded_answer{.status = 403, .body = {}}; });
  const auto edge = varnish_edge(http(), {.url = server.url()});
  EXPECT_THAT(purge(*edge, kind::tag, {"a"}).trouble, HasSubstr("acl"));
}

TEST_F(EdgeClients, NginxRaisesItsEpochWhateverIsPurged) {
  recorder server([](const recorded_request&) { return recorded_answer{.status = 204, .body = {}}; });
  const auto edge = nginx_edge(http(), {.url = server.url() + "/strata-epoch"});
  EXPECT_TRUE(purge(*edge, kind::tag, {"a"}).done());
  const auto first = server.last();
  EXPECT_EQ(first.method, "PUT");
  EXPECT_EQ(first.target, "/strata-epoch");
  EXPECT_TRUE(purge(*edge, kind::url, {"https://www.example.org/"}).done());
  EXPECT_NE(server.last().body.size(), first.body.size()) << "nginx tells epochs of one second by their size";
  EXPECT_EQ(edge->page_address("https://www.example.org/a?b"), "https://www.example.org/a?b")
      << "the epoch's server has no pages";
}

TEST(EdgePurge, EncodesTagsSoThatNoneNamesTwo) {
  EXPECT_EQ(edge_tag("listing:lst_Ab-1.~"), "listing:lst_Ab-1.~");
  EXPECT_EQ(edge_tag("a b,c\r\n\"%"), "a%20b%2Cc%0D%0A%22%25");
  EXPECT_EQ(edge_tag("\xc3\xa4"), "%C3%A4");
  const auto cut = edge_tag(std::string(256, 'a'));
  EXPECT_EQ(cut.size(), 18u);
  EXPECT_NE(cut, edge_tag(std::string(257, 'a')));
}

TEST(EdgePurge, RefusesWhatNoEdgeCouldPurge) {
  EXPECT_EQ(problem_of({.kind = kind::tag, .value = "a b"}), "");
  EXPECT_EQ(problem_of({.kind = kind::url, .value = "https://www.example.org"}), "");
  EXPECT_EQ(problem_of({.kind = kind::everything}), "");
  EXPECT_NE(problem_of({.kind = kind::tag}), "");
  EXPECT_NE(problem_of({.kind = kind::tag, .value = std::string(1025, 'a')}), "");
  EXPECT_NE(problem_of({.kind = kind::everything, .value = "a"}), "");
  for (const auto* url :
       {"/a", "www.example.org/a", "http://", "https:///a", "https://a/b c", "https://a/\n"}) {
    EXPECT_NE(problem_of({.kind = kind::url, .value = url}), "") << url;
  }
}

}  // namespace
}  // namespace strata
