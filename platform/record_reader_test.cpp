#include "platform/record_reader.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace strata::platform {
namespace {

std::vector<std::string> all_of(const std::string& text) {
  std::istringstream in(text);
  record_reader reader(in);
  std::vector<std::string> out;
  for (auto each = reader.next(); each; each = reader.next()) {
    out.push_back(std::to_string(each->line) + (each->problem.empty() ? ":" : "!") +
                  (each->problem.empty() ? each->text : each->problem));
  }
  EXPECT_EQ(reader.next(), std::nullopt);
  return out;
}

using list = std::vector<std::string>;

TEST(RecordReader, ReadsLinesAndSkipsBlankOnes) {
  EXPECT_EQ(all_of("{\"a\":1}\n\n  \r\n{\"b\":2}"), (list{"1:{\"a\":1}", "4:{\"b\":2}"}));
  EXPECT_EQ(all_of(""), list{});
  EXPECT_EQ(all_of(" \n\t"), list{});
  EXPECT_EQ(all_of("\xEF\xBB\xBF{}"), list{"1:{}"});
}

TEST(RecordReader, ReadsTheItemsOfAnArray) {
  EXPECT_EQ(all_of("[]"), list{});
  EXPECT_EQ(all_of("[1]"), list{"1:1"});
  EXPECT_EQ(all_of("[\n {\"a\":[1,2]},\n\n {\"b\":\"],\\\"}\"}\n]\n"),
            (list{"2:{\"a\":[1,2]}", "4:{\"b\":\"],\\\"}\"}\n"}));
}

TEST(RecordReader, ReportsTheLineWhereAnArrayIsBroken) {
  EXPECT_EQ(all_of("[{}"), list{"1!the array ends inside an item"});
  EXPECT_EQ(all_of("["), list{"1!the array does not end"});
  EXPECT_EQ(all_of("[{},\n]"), (list{"1:{}", "2!the array has a comma before its end"}));
  EXPECT_EQ(all_of("[{}]\n{}"), (list{"1:{}", "2!something follows the array"}));
  EXPECT_EQ(all_of("[\"a"), list{"1!the array ends inside an item"});
}

TEST(RecordReader, ContinuesAfterAMalformedItem) {
  EXPECT_EQ(all_of("[{bad},\n{}]"), (list{"1:{bad}", "2:{}"}));
  EXPECT_EQ(all_of("[{\"a\":[1,}],\n{}]"), (list{"1:{\"a\":[1,}]", "2:{}"}));
}

TEST(RecordReader, ReadsPastARecordThatIsTooLong) {
  const std::string big(record_reader::max_record + 10, 'x');
  EXPECT_EQ(all_of(big + "\n{}"), (list{"1!is over 1 MiB", "2:{}"}));
  EXPECT_EQ(all_of("[\"" + big + "\",\n{}]"), (list{"1!is over 1 MiB", "2:{}"}));
}

}  // namespace
}  // namespace strata::platform
