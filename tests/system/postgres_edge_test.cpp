// Two gateways on PostgreSQL behind the real Varnish and nginx, as the guide configures them.

#include "tests/edge/servers.hpp"
#include "tests/postgres/server.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::system_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// One of everything, for all tests.
class site {
 public:
  site() {
    const auto list = std::to_string(varnish_port);
    const std::vector<std::string> flags{
        "--database",          url,
        "--edge-varnish-urls", "http://127.0.0.1:" + list,
        "--edge-nginx-urls",   "http://127.0.0.1:" + std::to_string(epoch_port) + "/strata-epoch",
        "--edge-probe",        "http://127.0.0.1:" + std::to_string(nginx_port),
        "--edge-burst",        "1000"};
    auto filled = flags;
    filled.emplace_back("--demo");
    one.emplace(folder, filled);
    two.emplace(folder, flags);
    varnish.emplace(STRATA_SOURCE "/docs/guide", varnish_port, one->port(), two->port());
    nginx.emplace(STRATA_SOURCE "/docs/guide", nginx_port, epoch_port, one->port(), two->port());
  }

  std::string psql(const std::string& statement) const { return server.execute(name, statement); }
  std::string some_listing() const {
    auto id = psql("SELECT id FROM listings ORDER BY random() LIMIT 1");
    id.pop_back();
    return id;
  }

  temp_folder folder;
  test::postgres_server& server = test::shared_postgres();
  std::string name = server.create_database();
  std::string url = server.url(name);
  std::uint16_t varnish_port = test::spare_port();
  std::uint16_t nginx_port = test::spare_port();
  std::uint16_t epoch_port = test::spare_port();
  std::optional<gateway> one;
  std::optional<gateway> two;
  std::optional<test::varnish_server> varnish;
  std::optional<test::nginx_server> nginx;
};

class OnPostgresEdge : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<site>();
    // The demo's own purges.
    if (!test::eventually([] { return drained(); })) throw std::runtime_error("purges wait for ever");
  }
  static void TearDownTestSuite() { shared_.reset(); }

  static answer varnish(const std::string& target, const field_list& fields = {}) {
    return ask(shared_->varnish_port, "GET", target, fields);
  }
  static answer nginx(const std::string& target, const field_list& fields = {}) {
    return ask(shared_->nginx_port, "GET", target, fields);
  }
  static bool is_hit(const answer& from) {
    return from.field("cache-status").ends_with("varnish; hit") || from.field("x-cache") == "HIT";
  }
  static finished strata(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--admin", shared_->one->admin_url()});
    return run(shared_->folder, arguments);
  }
  static bool drained() {
    return shared_->psql(
               "SELECT (SELECT count(*) FROM edge_purges) + (SELECT count(*) FROM edge_deliveries)") == "0\n";
  }

  static std::unique_ptr<site> shared_;
};
std::unique_ptr<site> OnPostgresEdge::shared_;

TEST_F(OnPostgresEdge, StoresTheMarketplace) {
  const auto path = "/marketplace/listings/" + shared_->some_listing();
  for (const auto& each : {path, std::string("/marketplace/listings?page=2")}) {
    const auto first = varnish(each);
    EXPECT_EQ(first.status, 200);
    EXPECT_FALSE(is_hit(first));
    const auto second = varnish(each);
    EXPECT_TRUE(is_hit(second)) << second.field("cache-status");
    EXPECT_NE(second.field("age"), "");
    EXPECT_EQ(second.body, first.body);
    EXPECT_EQ(varnish(each, {{"Cookie", "statistics=1"}}).field("strata-asof"), first.field("strata-asof"));
    EXPECT_EQ(nginx(each).field("x-cache"), "MISS");
    EXPECT_EQ(nginx(each).field("x-cache"), "HIT");
  }
  const auto left = varnish(path).field("cdn-cache-control");
  EXPECT_EQ(left, "max-age=300, stale-while-revalidate=300");
}

TEST_F(OnPostgresEdge, NeverStoresAPrivateResponse) {
  const auto& admin = shared_->one->as("admin");
  const auto& member = shared_->one->as("member");
  const auto one = shared_->one->session(admin);
  const auto two = shared_->one->session(member);
  const auto cookie = [](const std::pair<std::string, std::string>& of) {
    return std::pair<std::string, std::string>("Cookie", "strata_session=" + of.second.substr(7));
  };
  for (const auto* target : {"/users/me", "/agents", "/auth/session"}) {
    for (auto* through : {&varnish, &nginx}) {
      for (const auto& who : {one, cookie(one), two, cookie(two)}) {
        for (int i = 0; i < 2; ++i) {
          const auto got = (*through)(target, {who});
          EXPECT_EQ(got.status, 200);
          EXPECT_FALSE(is_hit(got)) << target;
          EXPECT_EQ(got.field("cache-tag"), "");
        }
      }
      EXPECT_EQ((*through)(target, {}).status, 401) << target << ": nothing of it is stored";
    }
  }
  EXPECT_NE(varnish("/users/me", {one}).body, varnish("/users/me", {two}).body);
  // A login's own view of the marketplace is neither stored nor answered from the store.
  EXPECT_FALSE(is_hit(varnish("/marketplace/listings?page=3", {one})));
  EXPECT_FALSE(is_hit(varnish("/marketplace/listings?page=3")));
  EXPECT_FALSE(is_hit(varnish("/marketplace/listings?page=3", {cookie(one)})));
  EXPECT_EQ(nginx("/marketplace/listings?page=3", {one}).field("x-cache"), "BYPASS");
  EXPECT_EQ(nginx("/marketplace/listings?page=3", {cookie(one)}).field("x-cache"), "BYPASS");
  EXPECT_EQ(nginx("/marketplace/listings?page=3").field("x-cache"), "MISS");
}

TEST_F(OnPostgresEdge, ShowsAnUpdateByPsql) {
  const auto id = shared_->some_listing();
  const auto path = "/marketplace/listings/" + id;
  std::vector<std::int64_t> took;
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(test::eventually([] { return drained(); }));
    for (int i = 0; i < 2; ++i) {
      varnish(path);
      nginx(path);
    }
    ASSERT_TRUE(is_hit(varnish(path)));
    ASSERT_TRUE(is_hit(nginx(path)));
    const auto name = "Renamed " + std::to_string(round);
    shared_->psql("UPDATE listings SET name = '" + name + "' WHERE id = '" + id + "'");
    const auto begun = clock::now();
    for (auto* through : {&varnish, &nginx}) {
      ASSERT_TRUE(test::eventually([&] { return (*through)(path, {}).body.contains(name); }));
    }
    took.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begun).count());
    EXPECT_TRUE(is_hit(varnish(path))) << "the new one is stored";
  }
  std::ranges::sort(took);
  RecordProperty("median_ms", std::to_string(took[2]));
  std::cout << "seen through both edges after (ms): " << testing::PrintToString(took) << '\n';
}

TEST_F(OnPostgresEdge, ProvesItsPurges) {
  ASSERT_TRUE(test::eventually([] { return drained(); }));
  const auto seen_by_one = parsed(strata({"edge", "status", "--json"}).out);
  EXPECT_EQ(seen_by_one.at("queued").as_int64(), 0);
  std::int64_t purged = 0;
  for (const auto* each : {&shared_->one, &shared_->two}) {
    const auto seen = parsed((*each)->ask_admin("GET", "/edge/status").body);
    for (const auto& edge : seen.at("edges").as_array()) {
      purged += edge.at("purged").as_int64();
      EXPECT_EQ(edge.at("trouble").as_string(), "");
    }
  }
  EXPECT_GT(purged, 0) << "by one of the gateways";
}

TEST_F(OnPostgresEdge, PurgesByHand) {
  const std::string path = "/marketplace/listings?page=4";
  for (const auto& how : std::vector<std::vector<std::string>>{{"--tag", "listings"},
                                                               {"--url", "http://127.0.0.1" + path},
                                                               {"--prefix", "http://127.0.0.1/marketplace/"},
                                                               {"--everything"}}) {
    varnish(path);
    const auto before = varnish(path);
    ASSERT_TRUE(is_hit(before));
    auto arguments = how;
    arguments.insert(arguments.begin(), {"edge", "purge"});
    ASSERT_EQ(strata(arguments).status, 0);
    EXPECT_TRUE(test::eventually([&] {
      return varnish(path).field("strata-asof") != before.field("strata-asof");
    })) << how.front();
    ASSERT_TRUE(test::eventually([] { return drained(); }));
  }
  const auto other = shared_->some_listing();
  varnish("/marketplace/listings/" + other);
  const auto kept = varnish("/marketplace/listings/" + other).field("strata-asof");
  ASSERT_EQ(strata({"edge", "purge", "--tag", "listings"}).status, 0);
  ASSERT_TRUE(test::eventually([] { return drained(); }));
  EXPECT_EQ(varnish("/marketplace/listings/" + other).field("strata-asof"), kept)
      << "it does not carry the tag";
}

TEST_F(OnPostgresEdge, RefusesPurgesOfStrangers) {
  EXPECT_EQ(ask(shared_->varnish_port, "BAN", "/").status, 400) << "a gateway's address, but nothing to ban";
  EXPECT_EQ(ask(shared_->nginx_port, "PUT", "/strata-epoch", {}, "x").status, 404)
      << "only where gateways may";
  EXPECT_EQ(nginx("/strata-epoch").status, 404);
}

// The last one: it ends the gateways.
TEST_F(OnPostgresEdge, ZServesStaleWhileTheGatewaysAreStopped) {
  const std::string path = "/marketplace/listings?page=5";
  ASSERT_TRUE(test::eventually([] { return drained(); }));
  varnish(path);
  const auto before = varnish(path);
  ASSERT_TRUE(is_hit(before));
  nginx(path);
  // Past its time to live, as after five minutes: by the request that the gateway sends for a soft purge.
  ASSERT_EQ(ask(shared_->varnish_port, "PURGE", path, {{"Strata-Soft", "1"}}).status, 200);
  EXPECT_EQ(shared_->one->stop(), 0);
  EXPECT_EQ(shared_->two->stop(), 0);
  for (int i = 0; i < 3; ++i) {
    const auto stale = varnish(path);
    EXPECT_EQ(stale.status, 200);
    EXPECT_EQ(stale.body, before.body);
    EXPECT_EQ(nginx(path).body, before.body);
  }
}

}  // namespace
}  // namespace strata::system_test
