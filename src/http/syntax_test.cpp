#include "http/syntax.hpp"

#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::http {
namespace {

using namespace std::string_view_literals;

std::vector<std::string_view> elements(std::string_view list) {
  std::vector<std::string_view> found;
  list_reader reader(list);
  while (const auto each = reader.next()) found.push_back(*each);
  return found;
}

TEST(HttpSyntax, ATokenHasNoSeparators) {
  EXPECT_TRUE(is_token("X-Request-Id"));
  EXPECT_TRUE(is_token("!#$%&'*+-.^_`|~09azAZ"));
  for (const auto bad : {""sv, "a b"sv, "a:"sv, "a\0"sv, "a(b"sv, "\xC3\xA9"sv, "\x7f"sv, "a\""sv}) {
    EXPECT_FALSE(is_token(bad)) << bad;
  }
}

TEST(HttpSyntax, AFieldValueHasNoControlCharacterButTab) {
  EXPECT_TRUE(is_field_value(""));
  EXPECT_TRUE(is_field_value("text with \t tab and \xC3\xA9"));
  for (int c = 0; c < 0x20; ++c) {
    const std::string text = std::string("long enough for sixteen bytes") + static_cast<char>(c);
    EXPECT_EQ(is_field_value(text), c == '\t') << c;
  }
  EXPECT_FALSE(is_field_value("\x7f"));
}

TEST(HttpSyntax, ListsSkipEmptyElementsAndKeepQuotedCommas) {
  EXPECT_THAT(elements("a, b ,,\tc"), ::testing::ElementsAre("a", "b", "c"));
  EXPECT_THAT(elements(R"(a="x,y", b)"), ::testing::ElementsAre(R"(a="x,y")", "b"));
  EXPECT_THAT(elements(R"(a="x\",y", b)"), ::testing::ElementsAre(R"(a="x\",y")", "b"));
  EXPECT_THAT(elements(R"(a="never closed, b)"), ::testing::ElementsAre(R"(a="never closed, b)"));
  EXPECT_THAT(elements(" , ,"), ::testing::IsEmpty());
}

TEST(HttpSyntax, ANumberSaturatesAndIsNothingElseThanDigits) {
  EXPECT_EQ(parse_number("0"), 0u);
  EXPECT_EQ(parse_number("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(parse_number("99999999999999999999999"), std::numeric_limits<std::uint64_t>::max());
  for (const auto bad : {"", "-1", "+1", " 1", "1 ", "1x", "0x1", "99999999999999999999999x"}) {
    EXPECT_FALSE(parse_number(bad)) << bad;
  }
}

TEST(HttpSyntax, AWeightHasAtMostThreeDigitsAndIsAtMostOne) {
  EXPECT_EQ(parse_weight("1"), 1000u);
  EXPECT_EQ(parse_weight("1.000"), 1000u);
  EXPECT_EQ(parse_weight("0.5"), 500u);
  EXPECT_EQ(parse_weight("0.123"), 123u);
  EXPECT_EQ(parse_weight("0."), 0u);
  for (const auto bad : {"", "2", "1.001", "0.1234", ".5", "0,5", "-0", "0.x", "nan"}) {
    EXPECT_FALSE(parse_weight(bad)) << bad;
  }
}

TEST(HttpSyntax, Utf8IsCheckedToTheByte) {
  EXPECT_TRUE(is_utf8("plain"));
  EXPECT_TRUE(is_utf8("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xEF\xBF\xBF \xF4\x8F\xBF\xBF"));
  for (const auto bad :
       {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xFF"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

TEST(HttpSyntax, AParametersValueLosesItsQuotes) {
  const auto quoted = split_parameter(R"( a = "x y" )");
  EXPECT_EQ(quoted.name, "a");
  EXPECT_EQ(quoted.value, "x y");
  EXPECT_EQ(split_parameter("a=\"open").value, "\"open");
  EXPECT_FALSE(split_parameter("a").value);
  EXPECT_EQ(split_parameter("a=").value, "");
}

}  // namespace
}  // namespace strata::http
