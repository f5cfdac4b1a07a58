#include "resp/value.hpp"

#include <gtest/gtest.h>

namespace strata::resp {
namespace {

value text(std::string of) {
  return value::text(kind::bulk_string, std::move(of));
}

TEST(Value, GivesItsBytesAway) {
  auto one = text("hello");
  EXPECT_EQ(one.text(), "hello");
  EXPECT_EQ(std::move(one).take_text(), "hello");
  EXPECT_EQ(value::text(kind::verbatim_string, "txt:some").take_text(), "some");
  EXPECT_EQ(value::number(1).take_text(), "");
}

TEST(Value, AVerbatimStringHasAFormat) {
  const auto one = value::text(kind::verbatim_string, "mkd:# a");
  EXPECT_EQ(one.text(), "# a");
  EXPECT_EQ(one.format(), "mkd");
  EXPECT_EQ(text("mkd:# a").format(), "");
}

TEST(Value, NumbersAreReadFromWhateverHoldsThem) {
  EXPECT_EQ(value::number(7).integer(), 7);
  EXPECT_EQ(text("-7").integer(), -7);
  EXPECT_EQ(text("7 ").integer(), std::nullopt);
  EXPECT_EQ(text("").integer(), std::nullopt);
  EXPECT_EQ(value::text(kind::big_number, "99999999999999999999").integer(), std::nullopt);
  EXPECT_EQ(value::real(7).integer(), std::nullopt);
  EXPECT_EQ(value().integer(), std::nullopt);
  EXPECT_EQ(value::text(kind::simple_error, "7").integer(), std::nullopt);
  EXPECT_EQ(value::number(2).real(), 2.0);
  EXPECT_EQ(text("2.5").real(), 2.5);
  EXPECT_EQ(value::number(1).boolean(), true);
  EXPECT_EQ(value::number(2).boolean(), std::nullopt);
  EXPECT_EQ(value::boolean(false).boolean(), false);
}

TEST(Value, AnErrorHasACodeAndAMessage) {
  const auto moved = value::text(kind::simple_error, "MOVED 3999 127.0.0.1:6381");
  EXPECT_TRUE(moved.is_error());
  EXPECT_FALSE(moved.is_text());
  EXPECT_EQ(moved.error().code, "MOVED");
  EXPECT_EQ(moved.error().message, "MOVED 3999 127.0.0.1:6381");
  EXPECT_EQ(value::text(kind::bulk_error, "ERR").error().code, "ERR");
}

TEST(Value, AMapIsLookedUp) {
  std::vector<value> items;
  items.push_back(text("a"));
  items.push_back(value::number(1));
  items.push_back(value::number(2));
  items.push_back(text("two"));
  const auto map = value::aggregate(kind::map, std::move(items));
  ASSERT_NE(map.find("a"), nullptr);
  EXPECT_EQ(map.find("a")->integer(), 1);
  EXPECT_EQ(map.find("two"), nullptr);
  EXPECT_EQ(text("a").find("a"), nullptr);
}

TEST(Value, IsReadable) {
  std::vector<value> items;
  items.push_back(text(std::string("a\"\n\0", 4)));
  items.push_back(value());
  items.push_back(text("long enough"));
  items.push_back(value::text(kind::simple_error, "ERR"));
  EXPECT_EQ(to_text(value::aggregate(kind::map, std::move(items)), 4),
            R"({"a\"\x0a\x00" => null, "long…" => -ERR})");
}

}  // namespace
}  // namespace strata::resp
