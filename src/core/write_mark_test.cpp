#include <strata/write_mark.hpp>

#include <gtest/gtest.h>

namespace strata {
namespace {

TEST(WriteMark, ComesBackFromItsText) {
  for (const bool shared : {true, false}) {
    const write_mark mark{.process = 0x0123456789abcdef, .shared = shared, .at = last_commit_time};
    EXPECT_LE(to_text(mark).size(), 40u);
    EXPECT_EQ(write_mark_of(to_text(mark)), mark) << to_text(mark);
  }
  EXPECT_EQ(to_text({.process = 1, .shared = true, .at = 7}), "0000000000000001-s-7");
}

TEST(WriteMark, IsReadFromNothingElse) {
  for (const char* text :
       {"", "1-s-7", "0000000000000001-x-7", "0000000000000001-s-", "0000000000000001-s--7",
        "000000000000000g-s-7", "0000000000000001-s-7 ", "-000000000000001-s-7",
        "0000000000000001-s-9007199254740992", "0000000000000001-s-99999999999999999999999"}) {
    EXPECT_FALSE(write_mark_of(text)) << text;
  }
}

}  // namespace
}  // namespace strata
