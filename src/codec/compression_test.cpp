#include "codec/compression.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace {

using strata::bad_options;
using strata::dictionary;
using strata::errc;
using strata::detail::compress;
using strata::detail::decompress;
using strata::detail::dictionaries;
using ::testing::HasSubstr;

constexpr std::size_t limit = 1u << 20;

std::string document(int number) {
  return fmt::format(
      R"({{"id":"agt_{0:06}","organization_id":"org_{1:04}","name":"agent {0}","status":"{2}","is_public":{3},)"
      R"("execution_count":{4},"created_at":"2026-03-01T09:30:{5:02}.000Z"}})",
      number * 7919 % 1000000, number % 97, number % 3 == 0 ? "active" : "paused", number % 2 == 0,
      number * 31, number % 60);
}

std::shared_ptr<const dictionary> learnt(int from) {
  std::vector<std::string> samples;
  for (int i = from; i < from + 4000; ++i) samples.push_back(document(i));
  auto bytes = dictionary::train(samples, {4096});
  EXPECT_TRUE(bytes) << bytes.error().detail;
  return std::make_shared<const dictionary>(std::move(*bytes));
}

std::string noise(std::size_t size) {
  std::mt19937 random(7);
  std::string out(size, '\0');
  for (auto& each : out) each = static_cast<char>(random());
  return out;
}

TEST(Compression, GivesBackWhatWasPutIn) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += document(i);
  const auto frame = compress(text, {});
  ASSERT_TRUE(frame);
  EXPECT_LT(frame->size(), text.size() / 2);
  EXPECT_EQ(*decompress(*frame, limit, {}), text);
}

TEST(Compression, LeavesAloneWhatIsSmallOrDoesNotShrinkByAnEighth) {
  EXPECT_FALSE(compress(std::string(1024, 'x'), {}));
  EXPECT_TRUE(compress(std::string(1025, 'x'), {}));
  EXPECT_FALSE(compress(noise(10000), {}));
  // 8 % of it can be saved: not enough.
  EXPECT_FALSE(compress(noise(9200) + std::string(800, 'x'), {}));
  EXPECT_TRUE(compress(noise(8000) + std::string(2000, 'x'), {}));
}

TEST(Compression, NeverGoesBeyondTheLimit) {
  const auto bomb = compress(std::string(50u << 20, '\0'), {});
  ASSERT_TRUE(bomb);
  EXPECT_LT(bomb->size(), 10000u);
  const auto refused = decompress(*bomb, limit, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::corrupt_entry);
  EXPECT_THAT(refused.error().detail, HasSubstr("over the limit"));
}

TEST(Compression, RefusesAFrameThatGoesOnAfterWhatItStates) {
  const auto frame = compress(std::string(2000, 'x'), {});
  EXPECT_FALSE(decompress(*frame + *frame, limit, {}));
  EXPECT_FALSE(decompress(*frame + "x", limit, {}));
  EXPECT_FALSE(decompress(frame->substr(0, frame->size() - 1), limit, {}));
  EXPECT_FALSE(decompress("", limit, {}));
  EXPECT_FALSE(decompress("not a frame at all", limit, {}));
}

TEST(Compression, ADictionaryMakesSmallValuesSmaller) {
  const dictionaries known{learnt(0)};
  const auto value = document(123456);
  EXPECT_LT(value.size(), 1024u);
  EXPECT_FALSE(compress(value, {}));
  const auto frame = compress(value, known);
  ASSERT_TRUE(frame);
  EXPECT_LT(frame->size(), value.size() / 2);
  EXPECT_EQ(*decompress(*frame, limit, known), value);
}

TEST(Compression, TheFirstDictionaryWritesAndAllRead) {
  const auto old = learnt(0);
  const auto fresh = learnt(100000);
  ASSERT_NE(old->id(), fresh->id());
  const auto value = document(5);
  const auto frame = compress(value, {old});
  EXPECT_EQ(*decompress(*frame, limit, {fresh, old}), value);
  const auto unknown = decompress(*frame, limit, {fresh});
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().detail, HasSubstr(fmt::format("needs dictionary {}", old->id())));
  EXPECT_NE(*compress(value, {fresh, old}), *frame);
}

TEST(Compression, ADictionaryIsReadBackFromItsBytes) {
  const auto made = learnt(0);
  const dictionary copy{std::string(made->bytes())};
  EXPECT_EQ(copy.id(), made->id());
  EXPECT_NE(copy.id(), 0u);
}

TEST(Compression, RefusesBytesThatAreNoDictionaryAndTooFewSamples) {
  EXPECT_THROW(dictionary(""), bad_options);
  EXPECT_THROW(dictionary("a raw text that has no id"), bad_options);
  auto damaged = std::string(learnt(0)->bytes().substr(0, 40));
  EXPECT_THROW(dictionary{damaged}, bad_options);
  const std::vector<std::string> few{"one", "two"};
  EXPECT_EQ(dictionary::train(few).error().code, errc::invalid_argument);
}

}  // namespace
