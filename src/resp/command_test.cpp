#include "resp/command.hpp"

#include "resp/parser.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace strata::resp {
namespace {

TEST(Command, IsAnArrayOfBulkStrings) {
  EXPECT_EQ(command("GET").arg("key").bytes(), "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
}

TEST(Command, NamesOfTwoWordsAreTwoArguments) {
  EXPECT_EQ(command("CLIENT TRACKING").arg("ON").bytes(),
            "*3\r\n$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n");
}

TEST(Command, ArgumentsAreAnyBytes) {
  const std::string odd("\0\r\n$3\xff", 6);
  EXPECT_EQ(command("SET").arg("").arg(odd).bytes(), "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$6\r\n" + odd + "\r\n");
}

TEST(Command, NumbersAreTheirDigits) {
  EXPECT_EQ(command("X").arg(-7).arg(std::numeric_limits<std::uint64_t>::max()).bytes(),
            "*3\r\n$1\r\nX\r\n$2\r\n-7\r\n$20\r\n18446744073709551615\r\n");
  EXPECT_EQ(command("X").arg(std::numeric_limits<std::int64_t>::min()).bytes(),
            "*2\r\n$1\r\nX\r\n$20\r\n-9223372036854775808\r\n");
}

TEST(Command, ReadsBackWhateverTheNumberOfArguments) {
  for (const int count : {1, 8, 9, 10, 98, 99, 100, 998, 999, 1000, 1001}) {
    pipeline batch;
    batch.add("PING");
    batch.add("DEL");
    for (int i = 1; i < count; ++i) batch.arg(i);
    batch.add("PING").arg("after");
    std::string_view rest = batch.bytes();
    parser reader;
    value got;
    ASSERT_EQ(reader.next(rest, got), parse_status::complete);
    EXPECT_EQ(got.items().size(), 1u);
    ASSERT_EQ(reader.next(rest, got), parse_status::complete);
    ASSERT_EQ(got.items().size(), static_cast<std::size_t>(count));
    if (count > 1) {
      EXPECT_EQ(got.items().back().integer(), count - 1);
    }
    ASSERT_EQ(reader.next(rest, got), parse_status::complete);
    EXPECT_EQ(got.items()[1].text(), "after");
    EXPECT_TRUE(rest.empty());
  }
}

TEST(Pipeline, CountsItsCommands) {
  pipeline batch;
  EXPECT_TRUE(batch.empty());
  batch.add("ASKING").add("GET").arg("a");
  EXPECT_EQ(batch.size(), 2u);
  EXPECT_EQ(batch.bytes(), "*1\r\n$6\r\nASKING\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
}

TEST(Pipeline, TakesOverWholePipelines) {
  const auto get = command("GET").arg("a");
  pipeline batch;
  batch.add("ASKING").add(get).arg("not really").add("PING");
  pipeline expected;
  expected.add("ASKING").add("GET").arg("a").arg("not really").add("PING");
  EXPECT_EQ(batch.bytes(), expected.bytes());
  EXPECT_EQ(batch.size(), 3u);
}

TEST(Pipeline, KnowsWhatIsConfirmedByPushes) {
  pipeline batch;
  batch.add("PING").add("subscribe").arg("a").arg("b").add("GET").arg("k").add("PUNSUBSCRIBE").arg("x*");
  const std::vector<pipeline::confirmation> expected{{.command = 1, .pushes = 2, .push = "subscribe"},
                                                     {.command = 3, .pushes = 1, .push = "punsubscribe"}};
  EXPECT_EQ(batch.confirmed(), expected);

  pipeline outer;
  outer.add("PING").add(batch).arg("y*");
  const std::vector<pipeline::confirmation> moved{{2, 2, "subscribe"}, {4, 2, "punsubscribe"}};
  EXPECT_EQ(outer.confirmed(), moved);
}

}  // namespace
}  // namespace strata::resp
