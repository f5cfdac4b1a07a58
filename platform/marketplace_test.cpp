#include "platform/test_support.hpp"

#include <gmock/gmock.h>

namespace strata::platform {
namespace {

using ::testing::HasSubstr;

class Marketplace : public testing::PlatformTest {
 protected:
  std::vector<std::string> names(std::string_view target) {
    std::vector<std::string> out;
    for (const auto& each : at.ask("GET", target).json().at("items").as_array()) {
      out.emplace_back(each.at("name").as_string());
    }
    return out;
  }
  using list = std::vector<std::string>;
};

TEST_F(Marketplace, IsOpenToAllAndCachedForAll) {
  at.add_listing("Beacon Calendar");
  const auto first = at.ask("GET", "/marketplace/listings");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.field("Cache-Control"), "public, max-age=300, s-maxage=600");
  EXPECT_THAT(first.field("CDN-Cache-Control"), HasSubstr("stale-while-revalidate"));
  EXPECT_THAT(first.field("Cache-Status"), HasSubstr("fwd=miss; stored; detail=absent"));
  const auto second = at.ask("GET", "/marketplace/listings?page=1&limit=20");
  EXPECT_THAT(second.field("Cache-Status"), HasSubstr("hit"));
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(at.ask("GET", "/marketplace/listings", {}, {}, {{"If-None-Match", first.field("ETag")}}).status,
            304);
}

TEST_F(Marketplace, IsPagedByName) {
  for (const char* name : {"Delta", "alpha", "Charlie", "Bravo"}) at.add_listing(name);
  EXPECT_EQ(names("/marketplace/listings?limit=2"), (list{"Bravo", "Charlie"}));
  EXPECT_EQ(names("/marketplace/listings?limit=2&page=2"), (list{"Delta", "alpha"}));
  EXPECT_EQ(names("/marketplace/listings?limit=2&page=3"), list{});
  EXPECT_EQ(at.ask("GET", "/marketplace/listings?limit=2&page=3").number("/total"), 4);
}

TEST_F(Marketplace, IsSearchedByWordsWithoutRegardToCase) {
  at.add_listing("Beacon Calendar", "Books meetings", "Alder Systems");
  at.add_listing("Ember Mail", "Sorts a mailbox by 100% of rules", "Bluefin");
  at.add_listing("Under_score", "back\\slash", "Alder Systems");
  EXPECT_EQ(names("/marketplace/listings?q=CALENDAR"), list{"Beacon Calendar"});
  EXPECT_EQ(names("/marketplace/listings?q=alder+meet"), list{"Beacon Calendar"});
  EXPECT_EQ(names("/marketplace/listings?q=alder"), (list{"Beacon Calendar", "Under_score"}));
  EXPECT_EQ(names("/marketplace/listings?q=alder+mailbox"), list{});
  EXPECT_EQ(names("/marketplace/listings?q=%25"), list{"Ember Mail"});
  EXPECT_EQ(names("/marketplace/listings?q=_"), list{"Under_score"});
  EXPECT_EQ(names("/marketplace/listings?q=%5C"), list{"Under_score"});
  EXPECT_EQ(names("/marketplace/listings?q='%20OR%201=1"), list{});
  EXPECT_EQ(names("/marketplace/listings?q=").size(), 3U);
  EXPECT_THAT(at.ask("GET", "/marketplace/listings?q=%20Calendar%20").field("Cache-Status"),
              HasSubstr("hit"));
  EXPECT_EQ(at.ask("GET", "/marketplace/listings?q=" + std::string(201, 'a')).status, 422);
  EXPECT_EQ(at.ask("GET", "/marketplace/listings?q=a+b+c+d+e+f+g+h+i").status, 422);
}

TEST_F(Marketplace, CountsInstallationsOfLoggedInUsers) {
  const auto path = "/marketplace/listings/" + at.add_listing("Beacon Calendar").id;
  EXPECT_EQ(at.ask("GET", path).number("/install_count"), 0);
  at.ask("GET", "/marketplace/listings");
  EXPECT_EQ(at.ask("POST", path + "/install").status, 401);
  const auto done = at.ask("POST", path + "/install", stranger_token);
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(done.body, R"({"install_count":1})");
  EXPECT_EQ(at.ask("GET", path).number("/install_count"), 1);
  EXPECT_EQ(at.ask("GET", "/marketplace/listings").number("/items/0/install_count"), 1);
  EXPECT_EQ(at.ask("POST", "/marketplace/listings/lst_doesnotexist/install", stranger_token).status, 404);
  EXPECT_EQ(at.ask("GET", "/marketplace/listings/lst_doesnotexist").status, 404);
  EXPECT_EQ(at.ask("GET", "/marketplace/listings/agt_123456789012").status, 404);
}

TEST_F(Marketplace, CountsAnInstallationOncePerOrganizationAndKeepsWhatIsCached) {
  const auto path = "/marketplace/listings/" + at.add_listing("Beacon Calendar").id;
  EXPECT_EQ(at.ask("POST", path + "/install", member_token).body, R"({"install_count":1})");
  at.ask("GET", path);
  at.ask("GET", "/marketplace/listings");
  for (const auto& colleague : {member_token, admin_token}) {
    const auto again = at.ask("POST", path + "/install", colleague);
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, R"({"install_count":1})");
  }
  EXPECT_THAT(at.ask("GET", path).field("Cache-Status"), HasSubstr("hit"));
  EXPECT_THAT(at.ask("GET", "/marketplace/listings").field("Cache-Status"), HasSubstr("hit"));
  EXPECT_EQ(at.ask("POST", path + "/install", stranger_token).body, R"({"install_count":2})");
  EXPECT_EQ(at.ask("GET", "/marketplace/listings").number("/items/0/install_count"), 2);
}

TEST_F(Marketplace, KnowsASearchByItsWordsInAnyOrder) {
  at.add_listing("Beacon Calendar");
  at.ask("GET", "/marketplace/listings?q=beacon+calendar");
  for (const std::string_view same : {"calendar+beacon", "Beacon+calendar+BEACON", "+calendar++beacon+"}) {
    EXPECT_THAT(at.ask("GET", "/marketplace/listings?q=" + std::string(same)).field("Cache-Status"),
                HasSubstr("hit"))
        << same;
  }
}

}  // namespace
}  // namespace strata::platform
