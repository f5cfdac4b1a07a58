#include "core/text.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/percent.hpp"

namespace strata::detail {
namespace {

TEST(Text, CutsBeforeTheFirstSeparator) {
  std::string_view rest = "a,b,,c";
  EXPECT_EQ(cut(rest, ','), "a");
  EXPECT_EQ(cut(rest, ','), "b");
  EXPECT_EQ(cut(rest, ','), "");
  EXPECT_EQ(cut(rest, ','), "c");
  EXPECT_EQ(rest, "");
  EXPECT_EQ(cut(rest, ','), "");
}

TEST(Text, ShortensAtACharacter) {
  const std::string text(119, 'a');
  EXPECT_EQ(shortened(text + "é and more"), text);
  EXPECT_EQ(shortened(text + "é"), text) << "121 bytes";
  EXPECT_EQ(shortened(text + "b"), text + "b");
  EXPECT_EQ(shortened(text), text);
}

TEST(Percent, DecodesBothCasesAndRefusesWhatIsIncomplete) {
  std::string out = "/";
  EXPECT_TRUE(append_percent_decoded(out, "a%2Fb%2fc+%00"));
  EXPECT_EQ(out, std::string("/a/b/c+\0", 8));
  for (const auto* bad : {"%", "%2", "%2x", "%x2", "a%"}) {
    std::string ignored;
    EXPECT_FALSE(append_percent_decoded(ignored, bad)) << bad;
  }
}

TEST(Percent, APlusOfAFormIsASpace) {
  std::string out;
  EXPECT_TRUE(append_percent_decoded(out, "a+b%2Bc", plus::space));
  EXPECT_EQ(out, "a b+c");
}

}  // namespace
}  // namespace strata::detail
