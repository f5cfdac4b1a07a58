#include "relay/text_array.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using strata::relay_detail::read_text_array;
using strata::relay_detail::write_text_array;
using testing::ElementsAre;
using testing::Optional;

TEST(TextArray, IsReadAsPostgreSQLWritesIt) {
  EXPECT_TRUE(read_text_array("{}")->empty());
  EXPECT_THAT(*read_text_array(R"({agt_1,"a,b","{\"x\": \\}","NULL",""})"),
              ElementsAre(Optional(std::string("agt_1")), Optional(std::string("a,b")),
                          Optional(std::string(R"({"x": \})")), Optional(std::string("NULL")),
                          Optional(std::string())));
  EXPECT_THAT(*read_text_array("{a,NULL}"), ElementsAre(Optional(std::string("a")), std::nullopt));
}

TEST(TextArray, IsReadBackAsItWasWritten) {
  const std::vector<std::string> elements{"", "NULL", "a,b", R"(")", R"(\)", "{}", "\n ü", "plain"};
  const auto read = read_text_array(write_text_array(elements));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), elements.size());
  for (std::size_t i = 0; i < elements.size(); ++i) EXPECT_EQ((*read)[i], elements[i]);
  EXPECT_EQ(write_text_array({}), "{}");
}

TEST(TextArray, RefusesWhatIsNone) {
  for (const auto* text : {"", "{", "a", "{a", "{\"a}", "{a,}", "{,a}", "{\"a\"b}", "{{a}}", "{\"a\\\"}"}) {
    EXPECT_FALSE(read_text_array(text)) << text;
  }
}

}  // namespace
