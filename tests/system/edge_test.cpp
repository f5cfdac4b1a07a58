// Purges of the edge by the built program: an edge that is away, a gateway that is killed, and what an
// operator sees.

#include "tests/edge/recorder.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace strata::system_test {
namespace {

using test::recorded_answer;
using test::recorded_request;
using test::recorder;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* secret = "a-token-that-nobody-sees";

/// Cloudflare, which refuses while `down`, and keeps every tag that it purged.
class edge {
 public:
  explicit edge(std::uint16_t port = 0)
      : server_([this](const recorded_request& asked) { return answer(asked); }, port) {}

  std::set<std::string> purged() const {
    const std::lock_guard lock(mutex_);
    return purged_;
  }
  void set_down(bool down) { down_ = down; }
  int refused() const { return refused_; }
  std::string url() const { return server_.url(); }

 private:
  recorded_answer answer(const recorded_request& asked) {
    if (down_) {
      ++refused_;
      return {.status = 503, .body = "down"};
    }
    const auto body = parsed(asked.body);
    const std::lock_guard lock(mutex_);
    if (const auto* tags = body.as_object().if_contains("tags")) {
      for (const auto& each : tags->as_array()) purged_.emplace(each.as_string());
    } else {
      purged_.insert(asked.target + ' ' + asked.body);
    }
    return {.body = R"({"success":true,"errors":[]})"};
  }

  mutable std::mutex mutex_;
  std::set<std::string> purged_;
  std::atomic<bool> down_ = false;
  std::atomic<int> refused_ = 0;
  recorder server_;
};

std::vector<std::string> flags_for(const edge& at) {
  return {"--edge-cloudflare-url", at.url(), "--edge-cloudflare-zone", "zone1", "--edge-burst", "1000"};
}
const variables token{{"STRATA_EDGE_CLOUDFLARE_TOKEN", secret}};

class Edge : public testing::Test {
 protected:
  gateway serve() { return gateway(folder_, flags_for(edge_), token); }
  finished strata(const gateway& at, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--admin", at.admin_url()});
    return run(folder_, arguments);
  }
  other_program psql() { return other_program(folder_.file("strata.db")); }
  /// INSERTs of `count` listings in one transaction.
  void add_listings(int count) {
    std::string rows;
    for (int i = 0; i < count; ++i) {
      const auto number = std::to_string(i);
      rows += (i == 0 ? "" : ", ") + std::string("('lst_") + number + "', 'Listing " + number + "', '', '')";
    }
    psql().execute("INSERT INTO listings (id, name, created_at, updated_at) VALUES " + rows);
  }

  temp_folder folder_;
  edge edge_;
};

TEST_F(Edge, LosesNoneOf1000PurgesThoughItIsDownAndTheGatewayIsKilled) {
  edge_.set_down(true);
  std::set<std::string> all{"listings"};
  for (int i = 0; i < 1000; ++i) all.insert("listing:lst_" + std::to_string(i));
  {
    const auto first = serve();
    add_listings(1000);
    ASSERT_TRUE(test::eventually([&] { return edge_.refused() > 2; })) << "purges wait, and calls fail";
  }  // SIGKILL
  EXPECT_TRUE(edge_.purged().empty());
  auto second = serve();
  const auto refused = edge_.refused();
  ASSERT_TRUE(test::eventually([&] { return edge_.refused() > refused; })) << "the next gateway takes over";
  std::string shown;
  EXPECT_TRUE(test::eventually([&] {
    shown = strata(second, {"edge", "status"}).out;
    return shown.contains("1001 waiting") && shown.contains("cloudflare answered 503");
  })) << shown;
  edge_.set_down(false);
  EXPECT_TRUE(test::eventually([&] { return edge_.purged() == all; })) << edge_.purged().size();
  EXPECT_TRUE(
      test::eventually([&] { return psql().execute("SELECT count(*) FROM edge_deliveries") == "0\n"; }));
  EXPECT_TRUE(test::eventually([&] {
    return second.ask_admin("GET", "/metrics")
        .body.contains(R"(edge_purges_total{edge="cloudflare",result="purged"} 1001)");
  }));
  EXPECT_EQ(second.stop(), 0);
}

TEST_F(Edge, PurgesByHand) {
  auto serving = serve();
  const auto purge = [&](std::vector<std::string> what) {
    what.insert(what.begin(), {"edge", "purge"});
    return strata(serving, std::move(what));
  };
  EXPECT_THAT(purge({"--tag", "a b", "--tag", "c"}).out, HasSubstr("queued: 2 purges"));
  EXPECT_EQ(purge({"--url", "https://www.example.org/x", "--soft"}).status, 0);
  EXPECT_EQ(purge({"--prefix", "https://www.example.org/y"}).status, 0);
  EXPECT_EQ(purge({"--everything", "--json"}).status, 0);
  const std::string to = "/zones/zone1/";
  const std::set<std::string> all{"a%20b", "c",
                                  to + R"(invalidate_cache {"files":["https://www.example.org/x"]})",
                                  to + R"(purge_cache {"prefixes":["www.example.org/y"]})",
                                  to + R"(purge_cache {"purge_everything":true})"};
  EXPECT_TRUE(test::eventually([&] { return edge_.purged() == all; }));
  EXPECT_EQ(purge({}).status, 2);
  const auto refused = purge({"--url", "/x"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("must begin with https://HOST"));
  EXPECT_EQ(strata(serving, {"edge"}).status, 2);
}

TEST_F(Edge, NeverShowsItsToken) {
  edge_.set_down(true);
  auto serving = serve();
  ASSERT_EQ(strata(serving, {"edge", "purge", "--tag", "a"}).status, 0);
  ASSERT_TRUE(test::eventually([&] { return edge_.refused() > 0; }));
  for (const auto* target : {"/metrics", "/readyz", "/edge/status"}) {
    EXPECT_THAT(serving.ask_admin("GET", target).body, Not(HasSubstr(secret))) << target;
  }
  auto print = flags_for(edge_);
  print.insert(print.begin(), {"serve", "--print-config"});
  EXPECT_THAT(run(folder_, print, token).out, AllOf(HasSubstr("[edge.cloudflare]"), Not(HasSubstr(secret))));
  EXPECT_EQ(serving.stop(), 0) << "an edge that is down does not delay the end";
  EXPECT_THAT(serving.program().err(),
              AllOf(HasSubstr("a purge failed and is repeated"), Not(HasSubstr(secret))));
}

TEST_F(Edge, IsRefusedIfMalformed) {
  const auto wrong = run(folder_, {"serve", "--edge-cloudflare-zone", "z", "--edge-varnish-urls", "10.0.0.1",
                                   "--edge-nginx-urls", "http://a/x,ftp://b", "--edge-rate", "0"});
  EXPECT_EQ(wrong.status, 2);
  for (const auto* each : {"edge.cloudflare.token", "edge.varnish.urls", "edge.nginx.urls", "edge.rate"}) {
    EXPECT_THAT(wrong.err, HasSubstr(each));
  }
}

TEST_F(Edge, SaysThatThereIsNone) {
  const gateway plain(folder_);
  const auto shown = strata(plain, {"edge", "status"});
  EXPECT_EQ(shown.status, 1);
  EXPECT_THAT(shown.err, HasSubstr("no edge is configured"));
  EXPECT_THAT(plain.ask_admin("GET", "/metrics").body, Not(HasSubstr("edge_")));
}

}  // namespace
}  // namespace strata::system_test
