#include "http/negotiate.hpp"

#include <gtest/gtest.h>

namespace strata::http {
namespace {

std::optional<coding> chosen(std::optional<std::string_view> field, bool encodable = true) {
  return negotiate_coding(field, encodable);
}

TEST(AcceptEncoding, WithoutItNothingIsEncoded) {
  EXPECT_EQ(chosen({}), coding::identity);
  EXPECT_EQ(chosen(""), coding::identity);
}

TEST(AcceptEncoding, TheHighestWeightWinsThenTheBetterCoding) {
  EXPECT_EQ(chosen("gzip, deflate, br"), coding::gzip);
  EXPECT_EQ(chosen("gzip, deflate, br, zstd"), coding::zstd);
  EXPECT_EQ(chosen("gzip;q=1, zstd;q=0.5"), coding::gzip);
  EXPECT_EQ(chosen("GZIP"), coding::gzip);
  EXPECT_EQ(chosen("x-gzip"), coding::gzip);
  EXPECT_EQ(chosen("gzip;q=0.5, identity"), coding::identity);
  EXPECT_EQ(chosen("gzip;q=0.001"), coding::gzip);
  EXPECT_EQ(chosen("*"), coding::zstd);
  EXPECT_EQ(chosen("*, zstd;q=0"), coding::gzip);
}

TEST(AcceptEncoding, ZeroRefuses) {
  EXPECT_EQ(chosen("gzip;q=0"), coding::identity);
  EXPECT_EQ(chosen("zstd;q=0, gzip"), coding::gzip);
  EXPECT_EQ(chosen("identity;q=0, gzip"), coding::gzip);
  EXPECT_FALSE(chosen("identity;q=0"));
  EXPECT_FALSE(chosen("*;q=0"));
  EXPECT_EQ(chosen("*;q=0, identity;q=0.1"), coding::identity);
  EXPECT_FALSE(chosen("identity;q=0, gzip", false));
  EXPECT_EQ(chosen("br, *;q=0, gzip;q=0.2"), coding::gzip);
}

TEST(AcceptEncoding, AMalformedElementIsSkipped) {
  EXPECT_EQ(chosen("gzip;q=2, zstd;q=x"), coding::identity);
  EXPECT_EQ(chosen(";, ;q=1, gzip"), coding::gzip);
}

TEST(AcceptEncoding, WhatDoesNotPayIsNotEncoded) {
  EXPECT_EQ(chosen("gzip, zstd", false), coding::identity);
}

TEST(Accept, TheMostSpecificRangeDecides) {
  const auto json = "application/json";
  EXPECT_TRUE(accepts("application/json", json));
  EXPECT_TRUE(accepts("*/*", json));
  EXPECT_TRUE(accepts("application/*", json));
  EXPECT_TRUE(accepts("text/html, application/xhtml+xml, */*;q=0.8", json));
  EXPECT_TRUE(accepts("APPLICATION/Json; charset=utf-8", json));
  EXPECT_FALSE(accepts("text/html", json));
  EXPECT_FALSE(accepts("application/json;q=0, */*", json));
  EXPECT_TRUE(accepts("*/*;q=0, application/json;q=0.1", json));
}

TEST(Accept, ExcludesATypeOnlyWithoutDoubt) {
  const auto json = "application/json";
  EXPECT_TRUE(accepts("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8"));
  EXPECT_TRUE(accepts("text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6", "text/plain; version=0.0.4"));
  EXPECT_TRUE(accepts("application/json; q=0.5; ext=1", json));
  EXPECT_TRUE(accepts("application/json; q=0.5; ext=\"a,b;q=0\"", json));
  EXPECT_TRUE(accepts("application/json;version=2", json));
  EXPECT_TRUE(accepts("application/json;version=2;q=0, */*", json));
  EXPECT_FALSE(accepts("application/json;q=0;version=2, */*", json));
  EXPECT_FALSE(accepts("text/html;version=2", json));
  // Java sends this.
  EXPECT_TRUE(accepts("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", json));
  EXPECT_TRUE(accepts("application/json;q=2", json));
  EXPECT_TRUE(accepts("text/html, json", json));
  EXPECT_FALSE(accepts("application/json;q=0, json", json));
}

TEST(Accept, WithoutOneWellFormedRangeAnythingGoes) {
  EXPECT_TRUE(accepts("", "application/json"));
  EXPECT_TRUE(accepts("nonsense, ;q=1", "application/json"));
}

TEST(MediaType, IsTakenApart) {
  const auto read = parse_media_type(" Application/Merge-Patch+JSON ; charset=UTF-8");
  ASSERT_TRUE(read);
  EXPECT_TRUE(same_type(*read, "application/merge-patch+json"));
  EXPECT_FALSE(same_type(*read, "application/json"));
  EXPECT_TRUE(is_utf8_charset(*read));
  EXPECT_FALSE(is_utf8_charset(*parse_media_type("text/plain; charset=latin1")));
  EXPECT_TRUE(is_utf8_charset(*parse_media_type("text/plain; charset=\"utf-8\"")));
  for (const auto bad : {"", "json", "/json", "application/", "a b/c", "a/b/c"})
    EXPECT_FALSE(parse_media_type(bad));
}

TEST(MediaType, TextCompresses) {
  for (const auto yes :
       {"application/json", "text/html; charset=utf-8", "application/problem+json", "image/svg+xml"}) {
    EXPECT_TRUE(is_compressible(yes)) << yes;
  }
  for (const auto no : {"image/png", "application/octet-stream", "application/zstd", ""}) {
    EXPECT_FALSE(is_compressible(no)) << no;
  }
}

}  // namespace
}  // namespace strata::http
