#include "tests/attack/colliding_names.hpp"

#include <strata/json.hpp>
#include <strata/json_codec.hpp>

#include <gtest/gtest.h>

namespace example {

struct address {
  std::string city;
  std::optional<std::string> street;
  bool operator==(const address&) const = default;
};
BOOST_DESCRIBE_STRUCT(address, (), (city, street))

struct person {
  std::string name;
  std::int32_t age = 0;
  bool admin = false;
  double score = 0;
  std::vector<std::string> tags;
  std::map<std::string, std::int64_t> counts;
  address home;
  strata::json::raw settings;
  bool operator==(const person&) const = default;
};
BOOST_DESCRIBE_STRUCT(person, (), (name, age, admin, score, tags, counts, home, settings))

}  // namespace example

namespace {

namespace json = strata::json;
using example::person;

const person ada{.name = "Ada \"the first\"\n",
                 .age = 36,
                 .admin = true,
                 .score = 0.5,
                 .tags = {"a", ""},
                 .counts = {{"x", -1}},
                 .home = {.city = "London", .street = std::nullopt},
                 .settings = {R"({"theme":"dark"})"}};

constexpr std::string_view ada_text =
    R"({"name":"Ada \"the first\"\n","age":36,"admin":true,"score":0.5,"tags":["a",""],"counts":{"x":-1},)"
    R"("home":{"city":"London","street":null},"settings":{"theme":"dark"}})";

TEST(Json, WritesAStructInItsOwnOrder) {
  EXPECT_EQ(json::text_of(ada), ada_text);
}

TEST(Json, ReadsBackWhatItWrote) {
  const auto back = json::read<person>(ada_text);
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(*back, ada);
}

TEST(Json, EscapesControlCharacters) {
  std::string out;
  json::append_string(out, std::string_view("\x01\t\x1f", 3));
  EXPECT_EQ(out, "\"\\u0001\\t\\u001f\"");
}

TEST(Json, NamesEveryProblemWithItsPointer) {
  const auto wrong = json::read<person>(
      R"({"name":7,"age":3000000000,"score":1,"tags":[1],"counts":{},"home":{"city":"x","zip":1},"settings":{}})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, strata::errc::invalid_argument);
  EXPECT_EQ(wrong.error().detail,
            "/name must be a string, not a number; /age is out of range; /admin is missing; "
            "/tags/0 must be a string, not a number; /home/zip is not a known field");
}

TEST(Json, EscapesPointers) {
  std::map<std::string, std::int64_t> into;
  std::vector<json::problem> problems;
  json::convert(*json::parse(R"({"a/b~c":"x"})"), into, "", problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].pointer, "/a~1b~0c");
}

TEST(JsonParse, TellsLineAndColumn) {
  const auto wrong = json::parse("{\"a\":1,\n \"b\":}");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().detail.find("line 2, column 6"), std::string::npos) << wrong.error().detail;
}

TEST(JsonParse, RefusesWhatIsNotOneWholeDocument) {
  for (const auto* text : {"", " ", "{", "{} {}", "[1,]", "nul", "\"\xff\"", "01", "'a'", "{\"a\" 1}"}) {
    EXPECT_FALSE(json::parse(text)) << text;
  }
}

TEST(JsonParse, RefusesDeepNesting) {
  EXPECT_TRUE(json::parse(std::string(60, '[') + std::string(60, ']')));
  EXPECT_FALSE(json::parse(std::string(100, '[') + std::string(100, ']')));
}

TEST(JsonParse, RefusesANameThatAnObjectHasTwice) {
  const auto wrong = json::parse("{\"a\":{\"b\":1},\n \"c\":[{\"d\":1,\"\\u0064\":2}]}");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().detail,
            "line 2, column 21: not valid JSON: an object has two members with this name");
  EXPECT_TRUE(json::parse(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})"));
}

TEST(JsonParse, CostsTheSameForNamesThatAnAttackerMade) {
  const auto made = strata::attack::object_of(strata::attack::colliding_names(3'000));
  const auto random = strata::attack::object_of(strata::attack::random_names(3'000));
  const auto usual = strata::attack::thread_seconds([&] { EXPECT_FALSE(json::parse(random)); });
  const auto attacked = strata::attack::thread_seconds([&] { EXPECT_FALSE(json::parse(made)); });
  EXPECT_LT(attacked, 8 * usual);
}

TEST(JsonParse, BoundsTheMembersOfAllObjectsTogether) {
  const std::string text = R"({"a":{"b":1},"c":[{"d":1}]})";
  EXPECT_TRUE(json::parse(text, {.members = 4}));
  const auto wrong = json::parse(text, {.members = 3});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, strata::errc::invalid_argument);
  EXPECT_TRUE(wrong.error().detail.ends_with("not valid JSON: the objects have too many members together"))
      << wrong.error().detail;
}

TEST(JsonParse, ReadsDoublesExactly) {
  for (const std::string text :
       {"1E150", "9.007199254740994E15", "2.2250738585072014E-308", "1.7976931348623157E308"}) {
    const auto read = json::parse(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->as_double(), std::strtod(text.c_str(), nullptr)) << text;
    EXPECT_EQ(json::parse(json::to_text(*read))->to_number<double>(), read->as_double()) << text;
  }
}

TEST(JsonParse, RefusesNumbersThatNoDoubleHolds) {
  EXPECT_FALSE(json::parse("[1e400]"));
  EXPECT_FALSE(json::parse("[-1e400]"));
  EXPECT_EQ(json::parse("1e-400")->as_double(), 0);
}

TEST(Json, AcceptsUnsignedAndNegativeLimits) {
  EXPECT_EQ(*json::read<std::int64_t>("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(*json::read<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(json::read<std::uint8_t>("256"));
  EXPECT_FALSE(json::read<std::uint8_t>("-1"));
  EXPECT_FALSE(json::read<std::int64_t>("1.5"));
  EXPECT_EQ(json::text_of(0.1), "0.1");
}

TEST(Json, WritesAValueTheWayAPersonWould) {
  const std::string text = R"({"a":[0.3,-2,18446744073709551615,1.5e+300,true,null,"\u0001\n\"é"],"b":{}})";
  EXPECT_EQ(json::to_text(*json::parse(text)), text);
  EXPECT_EQ(json::to_text(*json::parse(" [ 3E-1 , 7.0 ] ")), "[0.3,7]");
}

TEST(Codec, ReportsUndecodableBytesAsCorrupt) {
  const auto& type = strata::detail::value_type_of<person>;
  const auto wrong = type.decode("{}");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, strata::errc::corrupt_entry);
}

TEST(Codec, CountsWhatAValueOccupies) {
  const std::string text(1000, 'x');
  EXPECT_GE(strata::codec<std::string>::size(text), 1000u);
  person big = ada;
  big.tags.assign(100, std::string(100, 'y'));
  EXPECT_GE(strata::codec<person>::size(big), 100u * 100u + strata::codec<person>::size(ada));
}

}  // namespace
