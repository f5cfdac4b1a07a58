#include "http/target.hpp"

#include <gtest/gtest.h>

namespace strata::http {
namespace {

std::optional<std::string> decoded(std::string_view text, bool plus = false) {
  std::string out = "kept|";
  if (!append_decoded(out, text, plus)) return {};
  return out.substr(5);
}

TEST(Target, OriginFormIsSplitAtTheFirstQuestionMark) {
  const auto parts = split_target("/agents/1?page=2?&x");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->path, "/agents/1");
  EXPECT_EQ(parts->query, "page=2?&x");
  EXPECT_EQ(parts->authority, "");
}

TEST(Target, AbsoluteFormLosesItsAuthority) {
  const auto parts = split_target("HTTP://user.example:8080/a?b");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->authority, "user.example:8080");
  EXPECT_EQ(parts->path, "/a");
  EXPECT_EQ(split_target("https://host")->path, "/");
  EXPECT_EQ(split_target("http://host?q=1")->path, "/");
  EXPECT_EQ(split_target("http://host?q=1")->query, "q=1");
}

TEST(Target, AnythingElseIsRefused) {
  for (const auto bad : {"", "agents", "ftp://host/", "http://", "http:///a", "http://user@host/", "/a b",
                         "/a#b", "/\x7f", "/\xC3\xA9", "/a\t", "*x", "host:80"}) {
    EXPECT_FALSE(split_target(bad)) << bad;
  }
  EXPECT_EQ(split_target("*")->path, "*");
}

TEST(Target, AHostHasAnOptionalPort) {
  for (const auto good : {"", "a", "a.example:80", "127.0.0.1", "[::1]", "[::1]:8080", "a:", "x_y~z"}) {
    EXPECT_TRUE(is_host(good)) << good;
  }
  for (const auto bad :
       {"a b", "a/b", "user@a", "a:b", "a:123456", "a:1:2", "[::1", "::1]", "[::1]x", "a,b\"", "a?"}) {
    EXPECT_FALSE(is_host(bad)) << bad;
  }
}

TEST(Percent, DecodesToUtf8) {
  EXPECT_EQ(decoded("a%20b%c3%A9"), "a b\xC3\xA9");
  EXPECT_EQ(decoded("%2F%25"), "/%");
  EXPECT_EQ(decoded("a+b"), "a+b");
  EXPECT_EQ(decoded("a+b%2B", true), "a b+");
}

TEST(Percent, RefusesWhatIsMalformedOrUnsafe) {
  for (const auto bad : {"%", "%1", "%zz", "a%2", "%FF", "%C3", "%00", "%0A", "%7f", "%ED%A0%80"}) {
    EXPECT_FALSE(decoded(bad)) << bad;
  }
}

}  // namespace
}  // namespace strata::http
