#include "core/glob.hpp"

#include <gtest/gtest.h>

namespace {

using strata::glob_matches;
using strata::glob_prefix;

TEST(Glob, MatchesLiteralsStarsAndQuestionMarks) {
  EXPECT_TRUE(glob_matches("agent:agt_1", "agent:agt_1"));
  EXPECT_FALSE(glob_matches("agent:agt_1", "agent:agt_12"));
  EXPECT_TRUE(glob_matches("agent:*", "agent:"));
  EXPECT_TRUE(glob_matches("*:config", "agent:agt_1:config"));
  EXPECT_TRUE(glob_matches("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(glob_matches("a*b*c", "a-b-b-d"));
  EXPECT_TRUE(glob_matches("h?llo", "hallo"));
  EXPECT_FALSE(glob_matches("h?llo", "hllo"));
  EXPECT_TRUE(glob_matches("", ""));
  EXPECT_FALSE(glob_matches("", "x"));
  EXPECT_TRUE(glob_matches("**", ""));
}

TEST(Glob, MatchesClasses) {
  EXPECT_TRUE(glob_matches("h[ae]llo", "hello"));
  EXPECT_FALSE(glob_matches("h[ae]llo", "hillo"));
  EXPECT_TRUE(glob_matches("h[^e]llo", "hallo"));
  EXPECT_FALSE(glob_matches("h[^e]llo", "hello"));
  EXPECT_TRUE(glob_matches("h[a-c]llo", "hbllo"));
  EXPECT_TRUE(glob_matches("h[c-a]llo", "hbllo"));
  EXPECT_FALSE(glob_matches("[a-c]", "d"));
}

TEST(Glob, TakesABackslashAsAnEscape) {
  EXPECT_TRUE(glob_matches("a\\*b", "a*b"));
  EXPECT_FALSE(glob_matches("a\\*b", "axb"));
  EXPECT_TRUE(glob_matches("[\\]]", "]"));
}

TEST(Glob, EndsOnBrokenPatterns) {
  EXPECT_TRUE(glob_matches("a[b", "ab"));
  EXPECT_FALSE(glob_matches("[", "a"));
  EXPECT_TRUE(glob_matches("\\", "\\"));
}

TEST(Glob, StaysPolynomialOnHostilePatterns) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "a*";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(1000, 'a')));
}

TEST(GlobPrefix, IsFoundOnlyWhereTheGlobIsOne) {
  EXPECT_EQ(glob_prefix("api:agents:*"), "api:agents");
  EXPECT_EQ(glob_prefix("api:*:list:*"), std::nullopt);
  EXPECT_EQ(glob_prefix("api*"), std::nullopt);
  EXPECT_EQ(glob_prefix(":*"), std::nullopt);
  EXPECT_EQ(glob_prefix("a\\:*"), std::nullopt);
  EXPECT_EQ(glob_prefix("a::*"), std::nullopt) << "a: would stand for a";
}

}  // namespace
