// Public responses name what they hold for an edge, and no other response does.
#include "platform/edge_tags.hpp"
#include "platform/endpoints.hpp"
#include "platform/test_support.hpp"

#include <gmock/gmock.h>

namespace strata::platform {
namespace {

using testing::answer;
using kind = edge_purge_kind;

const std::vector<std::string_view> tag_fields{"Cache-Tag", "Surrogate-Key", "Cache-Groups", "Strata-Asof",
                                               "CDN-Cache-Control"};

class EdgeTags : public testing::PlatformTest {
 protected:
  static void expect_none(const answer& from, std::string_view what) {
    for (const auto name : tag_fields) EXPECT_EQ(from.field(name), "") << what << ' ' << name;
  }
  /// The pattern with ids of `home`.
  std::string path_of(std::string_view pattern) {
    std::string out(pattern);
    const auto id = pattern.starts_with("/users")           ? member.id
                    : pattern.starts_with("/organizations") ? home.id
                    : pattern.starts_with("/agents")        ? agent_.id
                                                            : listing_.id;
    if (const auto at = out.find("{id}"); at != std::string::npos) out.replace(at, 4, id);
    return out;
  }
  agent agent_ = at.add_agent(home, "One");
  listing listing_ = at.add_listing("Beacon Calendar");
};

TEST_F(EdgeTags, AreTheSameInEachField) {
  const auto one = at.ask("GET", "/marketplace/listings/" + listing_.id);
  EXPECT_EQ(one.field("Cache-Tag"), "listing:" + listing_.id);
  EXPECT_EQ(one.field("Surrogate-Key"), "listing:" + listing_.id);
  EXPECT_EQ(one.field("Cache-Groups"), "\"listing:" + listing_.id + '"');
  const auto made = std::stoll(one.field("Strata-Asof"));
  EXPECT_GT(made, 1'700'000'000'000) << "milliseconds";
  const auto list = at.ask("GET", "/marketplace/listings?q=beacon");
  EXPECT_EQ(list.field("Cache-Tag"), "listings");
  EXPECT_EQ(list.field("Cache-Groups"), "\"listings\"");
  EXPECT_EQ(list.field("CDN-Cache-Control"), "max-age=300, stale-while-revalidate=300");
}

TEST_F(EdgeTags, StandOnA304AndOnHead) {
  const auto path = "/marketplace/listings/" + listing_.id;
  const auto first = at.ask("GET", path);
  const auto again = at.ask("GET", path, {}, {}, {{"If-None-Match", first.field("ETag")}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.field("Cache-Tag"), first.field("Cache-Tag"));
  EXPECT_EQ(at.ask("HEAD", path).field("Surrogate-Key"), first.field("Surrogate-Key"));
}

TEST_F(EdgeTags, StandOnPublicResponsesOnly) {
  std::size_t open = 0;
  std::size_t closed = 0;
  for (const auto& each : endpoints()) {
    if (each.on != server::method::get) continue;
    const auto path = path_of(each.pattern);
    const auto got = at.ask("GET", path, admin_token);
    ASSERT_EQ(got.status, 200) << path;
    if (each.cache_control == cache_publicly) {
      ++open;
      for (const auto name : tag_fields) EXPECT_NE(got.field(name), "") << path << ' ' << name;
    } else {
      ++closed;
      expect_none(got, path);
    }
    if (each.who != access::anyone) expect_none(at.ask("GET", path), path + " without a login");
  }
  EXPECT_EQ(open, 2u);
  EXPECT_GT(closed, 8u);
}

TEST_F(EdgeTags, StandOnNoErrorAndNoWrite) {
  expect_none(at.ask("GET", "/marketplace/listings/lst_000000000000"), "404");
  expect_none(at.ask("GET", "/marketplace/listings?page=0"), "422");
  expect_none(at.ask("POST", "/marketplace/listings/" + listing_.id + "/install", member_token), "POST");
  expect_none(at.ask("POST", "/agents", admin_token, R"({"name":"Two"})"), "POST");
}

TEST_F(EdgeTags, AreTagsOfTheCacheToo) {
  ASSERT_EQ(at.ask("GET", "/marketplace/listings").status, 200);
  EXPECT_THAT(at.ask("GET", "/marketplace/listings").field("Cache-Status"), ::testing::HasSubstr("hit"));
  sync_wait(at.cache->remove_by_tag(listings_tag));
  EXPECT_THAT(at.ask("GET", "/marketplace/listings").field("Cache-Status"), ::testing::HasSubstr("fwd=miss"));
}

TEST_F(EdgeTags, ArePurgedByEveryProgram) {
  ASSERT_EQ(sync_wait(install_edge_queue(*at.database, edge_rules())), true);
  const auto foreign = at.another();
  sql_parameters which{listing_.id};
  ASSERT_TRUE(
      sync_wait(foreign->execute("UPDATE listings SET name = 'New' WHERE id = $1", std::move(which))));
  const auto queued = sync_wait(at.database->query("SELECT value FROM edge_purges ORDER BY value", {}));
  ASSERT_TRUE(queued && queued->size() == 2);
  EXPECT_EQ(std::get<std::string>(queued->at(0, "value")),
            at.ask("GET", "/marketplace/listings/" + listing_.id).field("Cache-Tag"));
  EXPECT_EQ(std::get<std::string>(queued->at(1, "value")),
            at.ask("GET", "/marketplace/listings").field("Cache-Tag"));
}

TEST(PublicPage, IsOneThatThePurgeCovers) {
  const auto page = [](kind what, std::string_view value) {
    return public_page_of("https://www.example.org/", what, value);
  };
  EXPECT_EQ(page(kind::tag, "listing:lst_1"), "https://www.example.org/marketplace/listings/lst_1");
  EXPECT_EQ(page(kind::tag, "listing:a/b c"), "https://www.example.org/marketplace/listings/a%2Fb%20c");
  EXPECT_EQ(page(kind::tag, "listings"), "https://www.example.org/marketplace/listings");
  EXPECT_EQ(page(kind::everything, ""), "https://www.example.org/marketplace/listings");
  EXPECT_EQ(page(kind::url, "https://www.example.org/docs"), "https://www.example.org/docs");
  EXPECT_EQ(page(kind::url, "https://other.example/docs"), "");
  EXPECT_EQ(page(kind::tag, "agents"), "");
  EXPECT_EQ(page(kind::prefix, "https://www.example.org/"), "");
}

}  // namespace
}  // namespace strata::platform
