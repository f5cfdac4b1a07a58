#include "http/cache_control.hpp"

#include <gtest/gtest.h>

namespace strata::http {
namespace {

using namespace std::chrono_literals;

TEST(CacheControl, ReadsDirectivesInAnyCase) {
  const auto read = parse_cache_control("Public, MAX-AGE=300 , s-maxage=600,stale-while-revalidate=\"30\"");
  EXPECT_TRUE(read.is_public);
  EXPECT_EQ(read.max_age, 300s);
  EXPECT_EQ(read.s_maxage, 600s);
  EXPECT_EQ(read.stale_while_revalidate, 30s);
  EXPECT_FALSE(read.is_private);
}

TEST(CacheControl, InDoubtLessIsCached) {
  EXPECT_EQ(parse_cache_control("max-age=soon").max_age, 0s);
  EXPECT_EQ(parse_cache_control("max-age").max_age, 0s);
  EXPECT_EQ(parse_cache_control("max-age=-1").max_age, 0s);
  EXPECT_EQ(parse_cache_control("max-age=600, max-age=60").max_age, 60s);
  EXPECT_EQ(parse_cache_control("max-age=99999999999999999999").max_age,
            std::chrono::seconds(std::int64_t{1} << 31));
  EXPECT_TRUE(parse_cache_control("private=\"set-cookie, x\"").is_private);
  EXPECT_TRUE(parse_cache_control("no-cache=\"a\", unknown=5, immutable").no_cache);
  EXPECT_TRUE(parse_cache_control("x=\"no-store\"") == cache_control());
}

TEST(CacheControl, MaxStaleWithoutAValueMeansAnyAge) {
  EXPECT_EQ(parse_cache_control("max-stale").max_stale, std::chrono::seconds::max());
  EXPECT_EQ(to_text(parse_cache_control("max-stale")), "max-stale");
}

TEST(CacheControl, IsWrittenAndReadBack) {
  cache_control all;
  all.is_public = all.immutable = all.must_revalidate = true;
  all.max_age = 300s;
  all.s_maxage = 600s;
  all.stale_if_error = 1h;
  EXPECT_EQ(to_text(all),
            "public, must-revalidate, immutable, max-age=300, s-maxage=600, stale-if-error=3600");
  EXPECT_EQ(parse_cache_control(to_text(all)), all);
  EXPECT_EQ(to_text({}), "");
}

TEST(CacheControl, FindsProblemsOfOutgoingDirectives) {
  EXPECT_FALSE(find_problem("private, max-age=300"));
  EXPECT_FALSE(find_problem("public, max-age=300, s-maxage=600, stale-while-revalidate=30"));
  EXPECT_FALSE(find_problem("no-store"));
  EXPECT_EQ(find_problem("max-age=300s"), "max-age needs a number of seconds");
  EXPECT_EQ(find_problem("maxage=300"), "maxage is not a directive");
  EXPECT_EQ(find_problem("public, private"), "public and private contradict each other");
  EXPECT_EQ(find_problem("no-store, max-age=1"), "no-store and a lifetime contradict each other");
  EXPECT_EQ(find_problem("max-age=1, Max-Age=2"), "Max-Age is repeated");
  EXPECT_EQ(find_problem("public=1"), "public takes no value");
  EXPECT_EQ(find_problem(" , "), "it is empty");
}

}  // namespace
}  // namespace strata::http
