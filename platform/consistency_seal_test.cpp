#include "platform/consistency_seal.hpp"

#include <gtest/gtest.h>

#include <set>

namespace strata::platform {
namespace {

TEST(ConsistencySeal, GivesBackWhatWasSealed) {
  const consistency_seal seal;
  for (const consistency_token token :
       {consistency_token{.process = 7, .shared = false, .at = 42},
        consistency_token{.process = 0, .shared = true, .at = last_commit_time}}) {
    const auto text = seal.seal(token);
    EXPECT_EQ(text.size(), 76u);
    EXPECT_EQ(seal.open(text), token);
  }
}

TEST(ConsistencySeal, ShowsNoCounter) {
  const consistency_seal seal;
  std::set<std::string> texts;
  for (int i = 0; i < 100; ++i) texts.insert(seal.seal({.process = 1, .shared = true, .at = 5}));
  EXPECT_EQ(texts.size(), 100u) << "not even whether it has moved";
}

TEST(ConsistencySeal, OpensNothingThatItHasNotSealed) {
  const consistency_seal seal, other;
  const auto text = seal.seal({.process = 7, .shared = true, .at = 42});
  EXPECT_FALSE(other.open(text)) << "another gateway's, without a common key";
  EXPECT_FALSE(
      seal.open(to_text(consistency_token{.process = 7, .shared = true, .at = last_commit_time - 1})));
  EXPECT_FALSE(seal.open(""));
  EXPECT_FALSE(seal.open(text + "A"));
  EXPECT_FALSE(seal.open(text.substr(1)));
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(seal.open(changed)) << i;
  }
}

}  // namespace
}  // namespace strata::platform
