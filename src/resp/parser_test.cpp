#include "resp/parser.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace strata::resp {

void PrintTo(const value& of, std::ostream* out) {
  *out << to_text(of, 60);
}

namespace {

value text(std::string of) {
  return value::text(kind::bulk_string, std::move(of));
}
value array(std::vector<value> of) {
  return value::aggregate(kind::array, std::move(of));
}
template <class... Values>
std::vector<value> list(Values... values) {
  std::vector<value> made;
  (made.push_back(std::move(values)), ...);
  return made;
}

struct parsed {
  std::vector<value> messages;
  std::string rest;
  std::string why;  ///< if refused
  bool operator==(const parsed&) const = default;
};

/// Parses `bytes` as they would come in pieces that end at each of `cuts`.
parsed parse(const std::string& bytes, const std::vector<std::size_t>& cuts, const limits& with = {}) {
  parser reader(with);
  parsed got;
  std::string buffer;
  std::size_t at = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const auto end = i == cuts.size() ? bytes.size() : cuts[i];
    // A buffer of its own each time, so that a view kept from an earlier one would be found.
    std::string grown(buffer);
    grown.append(bytes, at, end - at);
    at = end;
    std::string_view input = grown;
    for (;;) {
      value message;
      const auto how = reader.next(input, message);
      if (how == parse_status::complete) {
        got.messages.push_back(std::move(message));
        continue;
      }
      if (how == parse_status::refused) {
        got.why = reader.why();
        return got;
      }
      if (reader.wanted() <= input.size()) ADD_FAILURE() << "wants no more than is there";
      break;
    }
    buffer = input;
  }
  got.rest = buffer;
  return got;
}

parsed parse(const std::string& bytes) {
  return parse(bytes, {});
}

struct example {
  std::string bytes;
  value is;
};

value with_attributes(value of, std::vector<value> more) {
  of.add_attributes(std::move(more));
  return of;
}

std::vector<example> examples() {
  std::vector<example> all;
  const auto add = [&](std::string bytes, value is) { all.push_back({std::move(bytes), std::move(is)}); };
  add("_\r\n", value());
  add("$-1\r\n", value());
  add("*-1\r\n", value());
  add("#t\r\n", value::boolean(true));
  add("#f\r\n", value::boolean(false));
  add(":0\r\n", value::number(0));
  add(":+12\r\n", value::number(12));
  add(":-9223372036854775808\r\n", value::number(std::numeric_limits<std::int64_t>::min()));
  add(",1.5\r\n", value::real(1.5));
  add(",10\r\n", value::real(10));
  add(",-1e-3\r\n", value::real(-1e-3));
  add(",inf\r\n", value::real(std::numeric_limits<double>::infinity()));
  add(",-inf\r\n", value::real(-std::numeric_limits<double>::infinity()));
  add(",nan\r\n", value::real(std::numeric_limits<double>::quiet_NaN()));
  add("(3492890328409238509324850943850943825024385\r\n",
      value::text(kind::big_number, "3492890328409238509324850943850943825024385"));
  add("+OK\r\n", value::text(kind::simple_string, "OK"));
  add("+\r\n", value::text(kind::simple_string, ""));
  add("$5\r\nhello\r\n", text("hello"));
  add("$0\r\n\r\n", text(""));
  add(std::string("$6\r\n\r\n\0\xff$1\r\n", 12), text(std::string("\r\n\0\xff$1", 6)));
  add("=15\r\ntxt:Some string\r\n", value::text(kind::verbatim_string, "txt:Some string"));
  add("-ERR no such thing\r\n", value::text(kind::simple_error, "ERR no such thing"));
  add("!21\r\nSYNTAX invalid\r\nsynta\r\n", value::text(kind::bulk_error, "SYNTAX invalid\r\nsynta"));
  add("*0\r\n", array({}));
  add("*2\r\n:1\r\n*1\r\n$1\r\na\r\n", array(list(value::number(1), array(list(text("a"))))));
  add("~2\r\n+a\r\n#t\r\n",
      value::aggregate(kind::set, list(value::text(kind::simple_string, "a"), value::boolean(true))));
  add("%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n*0\r\n",
      value::aggregate(kind::map, list(text("a"), value::number(1), text("b"), array({}))));
  add(">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nkey\r\n",
      value::aggregate(kind::push, list(text("invalidate"), array(list(text("key"))))));
  add(">2\r\n$10\r\ninvalidate\r\n_\r\n", value::aggregate(kind::push, list(text("invalidate"), value())));
  add("$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n;1\r\nd\r\n;0\r\n", text("Hello word"));
  add("$?\r\n;0\r\n", text(""));
  add("*?\r\n:1\r\n*?\r\n.\r\n:2\r\n.\r\n", array(list(value::number(1), array({}), value::number(2))));
  add("~?\r\n:1\r\n.\r\n", value::aggregate(kind::set, list(value::number(1))));
  add("%?\r\n+a\r\n$?\r\n;1\r\nx\r\n;0\r\n.\r\n",
      value::aggregate(kind::map, list(value::text(kind::simple_string, "a"), text("x"))));
  add("|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n",
      with_attributes(text("v"), list(value::text(kind::simple_string, "ttl"), value::number(3600))));
  add("*2\r\n:1\r\n|1\r\n+ttl\r\n:3\r\n*1\r\n:2\r\n",
      array(list(value::number(1),
                 with_attributes(array(list(value::number(2))),
                                 list(value::text(kind::simple_string, "ttl"), value::number(3))))));
  add("*1\r\n|?\r\n+a\r\n+b\r\n.\r\n|1\r\n+c\r\n+d\r\n:1\r\n",
      array(list(with_attributes(
          value::number(1),
          list(value::text(kind::simple_string, "a"), value::text(kind::simple_string, "b"),
               value::text(kind::simple_string, "c"), value::text(kind::simple_string, "d"))))));
  return all;
}

TEST(Parser, ReadsEveryType) {
  for (const auto& each : examples()) {
    const auto got = parse(each.bytes);
    ASSERT_EQ(got.messages.size(), 1u) << each.bytes << got.why;
    EXPECT_EQ(got.messages[0], each.is) << each.bytes;
    EXPECT_EQ(got.rest, "");
  }
}

TEST(Parser, ReadsEveryTypeHoweverItIsCutInThree) {
  for (const auto& each : examples()) {
    for (std::size_t one = 0; one <= each.bytes.size(); ++one) {
      for (std::size_t two = one; two <= each.bytes.size(); ++two) {
        const auto got = parse(each.bytes, {one, two});
        ASSERT_EQ(got.messages.size(), 1u) << each.bytes << " at " << one << ", " << two;
        ASSERT_EQ(got.messages[0], each.is) << each.bytes << " at " << one << ", " << two;
      }
    }
  }
}

TEST(Parser, ManyMessagesAreTheSameByteForByte) {
  std::string bytes;
  std::vector<std::size_t> every;
  const auto all = examples();
  for (const auto& each : all) bytes += each.bytes;
  bytes += "$100\r\nunfinished";
  for (std::size_t i = 1; i < bytes.size(); ++i) every.push_back(i);
  const auto whole = parse(bytes);
  EXPECT_EQ(whole.messages.size(), all.size());
  EXPECT_EQ(whole.rest, "$100\r\nunfinished");
  EXPECT_EQ(parse(bytes, every), whole);
}

TEST(Parser, RefusesWhatIsMalformed) {
  for (const auto* bad : {"hello\r\n",
                          "\r\n",
                          "+a\n",
                          "+a\rb\r\n",
                          ":\r\n",
                          ":1.5\r\n",
                          ":+-1\r\n",
                          ": 1\r\n",
                          ":9223372036854775808\r\n",
                          "_x\r\n",
                          "#\r\n",
                          "#true\r\n",
                          ",\r\n",
                          ",x\r\n",
                          ",1,5\r\n",
                          ",nanx\r\n",
                          ",infinity\r\n",
                          ",-\r\n",
                          "(\r\n",
                          "(12a\r\n",
                          "(-\r\n",
                          "$\r\n",
                          "$x\r\n",
                          "$-2\r\n",
                          "$+1\r\n",
                          "$1\r\nab\r\n",
                          "$1\r\na\n\n",
                          "$1 \r\n",
                          "=3\r\ntxt\r\n",
                          "=4\r\ntxt.\r\n",
                          "*x\r\n",
                          "*-2\r\n",
                          "~-1\r\n",
                          "%-1\r\n",
                          ">?\r\n",
                          "$99999999999999999999\r\n",
                          "*99999999999999999999\r\n",
                          ";1\r\na\r\n",
                          ".\r\n",
                          "*1\r\n.\r\n",
                          "*1\r\n>1\r\n+a\r\n",
                          "$?\r\n+a\r\n",
                          "%?\r\n+a\r\n.\r\n",
                          "*?\r\n|1\r\n+a\r\n+b\r\n.\r\n",
                          "|?\r\n+a\r\n.\r\n",
                          "*?\r\n;0\r\n"}) {
    const std::string bytes = bad;
    const auto whole = parse(bytes);
    EXPECT_NE(whole.why, "") << bytes;
    std::vector<std::size_t> every;
    for (std::size_t i = 1; i < bytes.size(); ++i) every.push_back(i);
    EXPECT_EQ(parse(bytes, every).why, whole.why) << bytes;
  }
}

TEST(Parser, LimitsWhatItHolds) {
  const limits small{.depth = 3, .elements = 6, .string_size = 10, .line_size = 12, .message_size = 15};
  const auto why = [&](const std::string& bytes) { return parse(bytes, {}, small).why; };
  EXPECT_EQ(why("*1\r\n*1\r\n*1\r\n:1\r\n"), "");
  EXPECT_EQ(why("*1\r\n*1\r\n*1\r\n*1\r\n"), "a message is nested too deeply");
  EXPECT_EQ(why("*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n"), "");
  EXPECT_EQ(why("*6\r\n"), "a message has too many elements");
  EXPECT_EQ(why("*7\r\n"), "a message has too many elements");
  EXPECT_EQ(why("%3\r\n"), "a message has too many elements");
  EXPECT_EQ(why("*3\r\n*2\r\n:1\r\n:1\r\n*2\r\n"), "a message has too many elements");
  EXPECT_EQ(why("*?\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n"), "a message has too many elements");
  EXPECT_EQ(why("$10\r\n0123456789\r\n"), "");
  EXPECT_EQ(why("$11\r\n"), "a string is too long");
  EXPECT_EQ(why("$?\r\n;6\r\n012345\r\n;6\r\n012345\r\n"), "a string is too long");
  EXPECT_EQ(why("+012345678901\r\n"), "");
  EXPECT_EQ(why("+0123456789012\r\n"), "a line is too long");
  EXPECT_EQ(why("+012345678901234"), "a line is too long");
  EXPECT_EQ(why("*2\r\n$10\r\n0123456789\r\n$6\r\n012345\r\n"), "a message is too large");
}

TEST(Parser, LimitsAreForEachMessage) {
  const limits small{.elements = 3, .message_size = 10};
  std::string bytes;
  for (int i = 0; i < 5; ++i) bytes += "*2\r\n:1\r\n$8\r\n01234567\r\n";
  EXPECT_EQ(parse(bytes, {}, small).messages.size(), 5u);
}

TEST(Parser, AnAnnouncedCountTakesNoMemory) {
  parser reader;
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += "*40000\r\n";
  std::string_view input = bytes;
  value got;
  EXPECT_EQ(reader.next(input, got), parse_status::incomplete);
}

TEST(Parser, SaysHowMuchAStringWants) {
  parser reader;
  std::string_view input = "$1000\r\nabc";
  value got;
  EXPECT_EQ(reader.next(input, got), parse_status::incomplete);
  EXPECT_EQ(reader.wanted(), 7u + 1000u + 2u);
}

value random_value(std::mt19937_64& random, int depth) {
  const auto pick = [&](int below) { return std::uniform_int_distribution<int>(0, below - 1)(random); };
  const auto bytes = [&] {
    std::string made;
    for (int i = pick(20); i > 0; --i) made += static_cast<char>(pick(256));
    return made;
  };
  const auto items = [&](int count) {
    std::vector<value> made;
    for (int i = 0; i < count; ++i) made.push_back(random_value(random, depth - 1));
    return made;
  };
  value made;
  switch (pick(depth > 0 ? 10 : 7)) {
    case 0:
      break;
    case 1:
      made = value::boolean(pick(2) == 1);
      break;
    case 2:
      made = value::number(static_cast<std::int64_t>(random()));
      break;
    case 3:
      made = value::real(std::uniform_real_distribution<double>(-1e9, 1e9)(random));
      break;
    case 4:
      made = text(bytes());
      break;
    case 5:
      made = value::text(kind::bulk_error, bytes());
      break;
    case 6:
      made = value::text(kind::verbatim_string, "mkd:" + bytes());
      break;
    case 7:
      made = array(items(pick(5)));
      break;
    case 8:
      made = value::aggregate(kind::set, items(pick(5)));
      break;
    default:
      made = value::aggregate(kind::map, items(2 * pick(4)));
      break;
  }
  if (pick(8) == 0) made.add_attributes(list(text("a"), value::number(pick(9))));
  return made;
}

/// The wire format of `of`, its aggregates and strings streamed at random.
void encode(std::mt19937_64& random, std::string& out, const value& of) {
  const auto coin = [&] { return random() % 4 == 0; };
  const auto blob = [&](char type, std::string_view bytes) {
    out += type + std::to_string(bytes.size()) + "\r\n" + std::string(bytes) + "\r\n";
  };
  if (!of.attributes().empty()) {
    out += "|" + std::to_string(of.attributes().size() / 2) + "\r\n";
    for (const auto& each : of.attributes()) encode(random, out, each);
  }
  switch (of.is()) {
    case kind::null:
      out += "_\r\n";
      return;
    case kind::boolean:
      out += *of.boolean() ? "#t\r\n" : "#f\r\n";
      return;
    case kind::number:
      out += ":" + std::to_string(*of.integer()) + "\r\n";
      return;
    case kind::real: {
      char digits[40];
      std::snprintf(digits, sizeof digits, ",%.17g\r\n", *of.real());
      out += digits;
      return;
    }
    case kind::bulk_error:
      return blob('!', of.text());
    case kind::verbatim_string:
      return blob('=', std::string(of.format()) + ":" + std::string(of.text()));
    case kind::bulk_string:
      if (!coin()) return blob('$', of.text());
      out += "$?\r\n";
      for (const char c : of.text()) blob(';', {&c, 1});
      out += ";0\r\n";
      return;
    default:
      break;
  }
  const bool streamed = coin();
  const auto count = of.is() == kind::map ? of.items().size() / 2 : of.items().size();
  out += of.is() == kind::map ? '%' : of.is() == kind::set ? '~' : '*';
  out += (streamed ? "?" : std::to_string(count)) + "\r\n";
  for (const auto& each : of.items()) encode(random, out, each);
  if (streamed) out += ".\r\n";
}

TEST(Parser, ReadsBackWhatWasWrittenHoweverItIsCut) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<value> sent;
    std::string bytes;
    for (int i = 0; i < 4; ++i) {
      sent.push_back(random_value(random, 4));
      encode(random, bytes, sent.back());
    }
    std::vector<std::size_t> cuts;
    for (std::size_t at = 0; at < bytes.size(); at += 1 + random() % 40) cuts.push_back(at);
    const auto got = parse(bytes, cuts);
    ASSERT_EQ(got.why, "");
    ASSERT_EQ(got.messages.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) ASSERT_EQ(got.messages[i], sent[i]);
  }
}

}  // namespace
}  // namespace strata::resp
