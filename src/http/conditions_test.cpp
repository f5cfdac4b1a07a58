#include "http/conditions.hpp"

#include "http/etag.hpp"

#include <gtest/gtest.h>

namespace strata::http {
namespace {

using outcome = verdict::outcome;
using answer = tag_match::answer;
using namespace std::chrono_literals;

constexpr std::chrono::sys_seconds now{1'700'000'000s};
constexpr std::chrono::sys_seconds modified{1'445'412'480s};  // Wed, 21 Oct 2015 07:28:00 GMT
constexpr std::string_view at_modified = "Wed, 21 Oct 2015 07:28:00 GMT";
constexpr std::string_view before = "Wed, 21 Oct 2015 07:27:59 GMT";

const validators current{.etag = "\"v7\"", .last_modified = modified};

outcome get(const conditions& asked, const validators& of = current) {
  return evaluate(asked, of, true, now).result;
}
outcome put(const conditions& asked, const validators& of = current) {
  return evaluate(asked, of, false, now).result;
}

TEST(EntityTag, IsQuotedAndMayBeWeak) {
  EXPECT_EQ(parse_etag("\"v7\""), (entity_tag{"\"v7\"", false}));
  EXPECT_EQ(parse_etag("W/\"v7\""), (entity_tag{"\"v7\"", true}));
  EXPECT_TRUE(parse_etag("\"\""));
  for (const auto bad :
       {"", "v7", "\"v7", "v7\"", "w/\"v7\"", "W/v7", "\"a\"b\"", "\"a b\"", "\"a\" ", "W/", "\""}) {
    EXPECT_FALSE(parse_etag(bad)) << bad;
  }
}

TEST(EntityTag, StrongComparisonWantsBothStrong) {
  const entity_tag strong{"\"1\"", false};
  const entity_tag weak{"\"1\"", true};
  EXPECT_TRUE(strong_equal(strong, strong));
  EXPECT_FALSE(strong_equal(strong, weak));
  EXPECT_FALSE(strong_equal(weak, weak));
  EXPECT_TRUE(weak_equal(strong, weak));
  EXPECT_FALSE(weak_equal(strong, {"\"2\"", false}));
}

TEST(EntityTag, EncodedFormsNameTheirVersion) {
  const entity_tag version{"\"v7\"", false};
  EXPECT_TRUE(names_form_of({"\"v7-gz\""}, version));
  EXPECT_TRUE(names_form_of({"\"v7-zs\""}, version));
  EXPECT_FALSE(names_form_of({"\"v7-xx\""}, version));
  EXPECT_FALSE(names_form_of({"\"v7-gz-gz\""}, version));
  EXPECT_FALSE(names_form_of({"\"v70\""}, version));
  EXPECT_FALSE(names_form_of(version, {"\"v7-gz\""}));
  EXPECT_FALSE(names_form_of(version, {}));
}

TEST(EntityTag, AListIsReadToItsEndBeforeItMatches) {
  EXPECT_EQ(match_weak(R"("a", W/"v7" , "b")", "\"v7\"").result, answer::yes);
  EXPECT_EQ(match_weak(R"("a", W/"v7" , "b")", "\"v7\"").matched, "W/\"v7\"");
  EXPECT_EQ(match_weak(R"("v7", oops)", "\"v7\"").result, answer::malformed);
  EXPECT_EQ(match_weak(R"(,,"v7",,)", "\"v7\"").result, answer::yes);
  EXPECT_EQ(match_weak(R"("with,comma")", "\"with,comma\"").result, answer::yes);
  for (const auto bad : {"", " ", ",", "v7", "\"a\" \"b\"", "*, \"a\"", "\"a\", *", "\"open"}) {
    EXPECT_EQ(match_weak(bad, "\"v7\"").result, answer::malformed) << bad;
    EXPECT_EQ(match_strong(bad, "\"v7\"").result, answer::malformed) << bad;
  }
}

TEST(Conditions, WithoutAnyTheRequestProceeds) {
  EXPECT_EQ(get({}), outcome::proceed);
  EXPECT_EQ(put({}), outcome::proceed);
}

TEST(Conditions, IfNoneMatchComparesWeakly) {
  EXPECT_EQ(get({.if_none_match = "\"v7\""}), outcome::not_modified);
  EXPECT_EQ(get({.if_none_match = "W/\"v7\""}), outcome::not_modified);
  EXPECT_EQ(get({.if_none_match = "\"v6\", \"v8\""}), outcome::proceed);
  EXPECT_EQ(get({.if_none_match = "*"}), outcome::not_modified);
  EXPECT_EQ(put({.if_none_match = "*"}), outcome::precondition_failed);
  EXPECT_EQ(put({.if_none_match = "*"}, {.exists = false}), outcome::proceed);
}

TEST(Conditions, AMalformedIfNoneMatchMatchesNothingButStopsAWrite) {
  for (const auto bad : {"v7", "abc", "", "\"v7\"-gzip", "w/\"v7\"", "\"v7\" \"v7\"", "*, \"v7\""}) {
    EXPECT_EQ(get({.if_none_match = bad}), outcome::proceed) << bad;
    EXPECT_EQ(put({.if_none_match = bad}), outcome::bad_request) << bad;
  }
  EXPECT_EQ(get({.if_none_match = "v7", .if_modified_since = at_modified}), outcome::proceed);
}

TEST(Conditions, A304RepeatsTheTagTheClientHas) {
  EXPECT_EQ(evaluate({.if_none_match = "\"v7-gz\""}, current, true, now).matched, "\"v7-gz\"");
  EXPECT_EQ(evaluate({.if_none_match = "*"}, current, true, now).matched, "");
}

TEST(Conditions, IfMatchComparesStrongly) {
  EXPECT_EQ(put({.if_match = "\"v7\""}), outcome::proceed);
  EXPECT_EQ(put({.if_match = "\"v7-gz\""}), outcome::proceed);
  EXPECT_EQ(put({.if_match = "W/\"v7\""}), outcome::precondition_failed);
  EXPECT_EQ(put({.if_match = "\"v6\""}), outcome::precondition_failed);
  EXPECT_EQ(put({.if_match = "\"v7\""}, {.etag = "W/\"v7\""}), outcome::precondition_failed);
  EXPECT_EQ(put({.if_match = "*"}), outcome::proceed);
  EXPECT_EQ(put({.if_match = "*"}, {.exists = false}), outcome::precondition_failed);
  EXPECT_EQ(put({.if_match = ""}), outcome::bad_request);
  EXPECT_EQ(put({.if_match = "7"}), outcome::bad_request);
}

TEST(Conditions, IfModifiedSinceCountsOnlyOnAGetWithoutIfNoneMatch) {
  EXPECT_EQ(get({.if_modified_since = at_modified}), outcome::not_modified);
  EXPECT_EQ(get({.if_modified_since = before}), outcome::proceed);
  EXPECT_EQ(put({.if_modified_since = at_modified}), outcome::proceed);
  EXPECT_EQ(get({.if_none_match = "\"v6\"", .if_modified_since = at_modified}), outcome::proceed);
  EXPECT_EQ(get({.if_modified_since = "yesterday"}), outcome::proceed);
  EXPECT_EQ(get({.if_modified_since = at_modified}, {.etag = "\"v7\""}), outcome::proceed);
}

TEST(Conditions, IfUnmodifiedSinceCountsOnlyWithoutIfMatch) {
  EXPECT_EQ(put({.if_unmodified_since = at_modified}), outcome::proceed);
  EXPECT_EQ(put({.if_unmodified_since = before}), outcome::precondition_failed);
  EXPECT_EQ(put({.if_match = "\"v7\"", .if_unmodified_since = before}), outcome::proceed);
  EXPECT_EQ(put({.if_unmodified_since = "never"}), outcome::proceed);
}

TEST(Conditions, IfMatchIsLookedAtBeforeIfNoneMatch) {
  EXPECT_EQ(get({.if_match = "\"v6\"", .if_none_match = "\"v7\""}), outcome::precondition_failed);
  EXPECT_EQ(get({.if_match = "\"v7\"", .if_none_match = "\"v7\""}), outcome::not_modified);
}

}  // namespace
}  // namespace strata::http
