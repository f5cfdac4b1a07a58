#include "tests/attack/colliding_names.hpp"

#include <strata/json.hpp>
#include <strata/json_codec.hpp>

#include <gtest/gtest.h>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

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
  EXPECT_FALSE(json::parse("1e-400"));
  EXPECT_FALSE(json::parse("1e400", {.numbers = json::number_rule::nearest}));
  EXPECT_EQ(json::parse("1e-400", {.numbers = json::number_rule::nearest})->as_double(), 0);
}

TEST(JsonParse, RefusesDigitsThatATreeWouldLoseAndSaysWhere) {
  for (const std::string number : {"12345678901234567890123", "-9223372036854775809", "18446744073709551617",
                                   "0.123456789012345678901234567891", "0.10000000000000001", "4.9e-324"}) {
    const auto read = json::parse("{\"a\":\n [" + number + "]}");
    ASSERT_FALSE(read) << number;
    EXPECT_EQ(read.error().detail, "line 2, column " + std::to_string(3 + number.size()) +
                                       ": not valid JSON: a number has more digits than a double keeps");
    EXPECT_TRUE(json::parse(number, {.numbers = json::number_rule::nearest})) << number;
  }
  for (const std::string number : {"18446744073709551615", "-9223372036854775808", "0.1", "0.100", "1e22",
                                   "100000000000000000000000", "5e-324", "1.7976931348623157e308", "-0.0"}) {
    EXPECT_TRUE(json::parse(number)) << number;
  }
}

TEST(JsonParse, KeepsTheSignOfZeroAndWhetherANumberIsADouble) {
  for (const std::string text : {R"({"a":-0.0})", R"({"z":1.0,"a":[1,2]})", "[0.0,1e+22,5e-324]"}) {
    EXPECT_EQ(json::to_text(*json::parse(text)), text);
  }
  EXPECT_EQ(json::to_text(*json::parse("-0")), "-0.0");
  EXPECT_EQ(*json::read<std::int64_t>("-0"), 0);
  EXPECT_TRUE(std::signbit(*json::read<double>("-0")));
  EXPECT_TRUE(std::signbit(*json::read<double>(json::text_of(-0.0))));
}

TEST(JsonParse, RefusesToWriteATreeThatIsNotJson) {
  EXPECT_THROW(json::to_text(std::numeric_limits<double>::infinity()), std::invalid_argument);
  EXPECT_THROW(json::to_text(boost::json::value("\xff")), std::invalid_argument);
  EXPECT_THROW(json::to_text(boost::json::object{{"\xff", 1}}), std::invalid_argument);
}

TEST(Json, KeepsADocumentByteForByte) {
  for (const std::string document :
       {R"({"a":-0.0})", R"({ "z": 1.0, "a":[1, 2] })", "12345678901234567890123", "-9223372036854775809",
        "[0.123456789012345678901234567890]", "{\"\\u0061\":\"\\/\\ud83d\\ude00\",\"b\":{\"]}\":\"\\\"\"}}",
        " \n{}\t", "[]", "\"\"", "1e5"}) {
    person with = ada;
    with.settings.text = document;
    const auto back = json::read<person>(json::text_of(with));
    ASSERT_TRUE(back) << document << ": " << back.error().detail;
    EXPECT_EQ(*back, with);
    const json::raw alone{document};
    EXPECT_EQ(json::read<json::raw>(json::text_of(alone))->text, document);
    const std::map<std::string, std::vector<std::optional<json::raw>>> within{
        {"a \"b\" \\ é", {alone, std::nullopt}}, {"", {}}};
    EXPECT_EQ(json::read<std::remove_const_t<decltype(within)>>(json::text_of(within)), within) << document;
  }
}

TEST(Json, KeepsADocumentAsDeepAsTheParserAllows) {
  person with = ada;
  with.settings.text = std::string(json::max_depth, '[') + std::string(json::max_depth, ']');
  ASSERT_TRUE(json::parse(with.settings.text));
  EXPECT_EQ(*json::read<person>(json::text_of(with)), with);
  with.settings.text = '[' + with.settings.text + ']';
  std::string out;
  EXPECT_FALSE(json::write(out, with));
}

TEST(Json, RefusesToWriteWhatNoReaderWouldGiveBack) {
  const auto refusal = [](const auto& value) {
    std::string out = "before";
    const auto done = json::write(out, value);
    EXPECT_EQ(out, "before");
    EXPECT_THROW(json::text_of(value), std::invalid_argument);
    return done ? "written" : done.error().detail;
  };
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  person wrong = ada;
  wrong.score = nan;
  EXPECT_EQ(refusal(wrong), "/score is not a finite number, and JSON has no other");
  EXPECT_EQ(refusal(std::optional(nan)), "the document is not a finite number, and JSON has no other");
  EXPECT_EQ(refusal(std::vector{1.0, -std::numeric_limits<double>::infinity()}),
            "/1 is not a finite number, and JSON has no other");
  wrong = ada;
  wrong.tags[1] = "\xc3\x28";
  EXPECT_EQ(refusal(wrong), "/tags/1 is text that is not UTF-8");
  EXPECT_EQ(refusal(std::map<std::string, bool>{{"\xff", true}}), "the document is text that is not UTF-8");
  wrong = ada;
  wrong.home.street = "\xed\xa0\x80";
  EXPECT_EQ(refusal(wrong), "/home/street is text that is not UTF-8");
  wrong = ada;
  wrong.settings.text = "{\"a\":1,\"a\":2}";
  EXPECT_EQ(refusal(wrong),
            "/settings is line 1, column 10: not valid JSON: an object has two members with this name");
  EXPECT_EQ(refusal(std::optional(json::raw{" null"})),
            "the document is an optional whose value would be read as none");
  EXPECT_EQ(refusal(std::optional<std::optional<int>>(std::in_place)),
            "the document is an optional whose value would be read as none");
}

TEST(Json, RefusesDigitsThatADoubleWouldLose) {
  const auto read = [](std::string_view number) {
    return json::read<std::map<std::string, std::optional<double>>>(R"({"a":)" + std::string(number) + '}');
  };
  for (const auto* number : {"0.123456789012345678901234567891", "12345678901234567890123",
                             "-9223372036854775809", "9007199254740993"}) {
    ASSERT_FALSE(read(number)) << number;
    EXPECT_EQ(read(number).error().detail, "/a has more digits than a double keeps");
  }
  for (const auto* number : {"0.10000000000000001", "0.100000000000000000000000", "9007199254740992", "1e300",
                             "9223372036854775808", "-0"}) {
    EXPECT_TRUE(read(number)) << number;
  }
}

TEST(Json, ReadsWhatAnotherReleaseWrote) {
  const auto newer = json::read_stored<example::address>(R"({"city":"Ulm","zip":89073})");
  ASSERT_TRUE(newer);
  EXPECT_EQ(*newer, (example::address{"Ulm", {}}));
  const auto older = json::read_stored<person>(R"({"name":"Ada","home":{"city":"London"}})");
  ASSERT_TRUE(older);
  EXPECT_EQ(older->home.city, "London");
  EXPECT_EQ(older->settings.text, "{}");
  EXPECT_FALSE(json::read<example::address>(R"({"city":"Ulm","zip":89073})"));
  EXPECT_FALSE(json::read_stored<example::address>(R"({"city":7})"));
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
  EXPECT_EQ(json::to_text(*json::parse(" [ 3E-1 , 7.0 ] ")), "[0.3,7.0]");
}

TEST(Codec, ReportsUndecodableBytesAsCorrupt) {
  const auto& type = strata::detail::value_type_of<person>;
  const auto wrong = type.decode(R"({"name":7})");
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
