/// Values that no shard of the memory can hold.

#include "engine/two_stages_test_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata;
using engine_test::fixture;
using namespace std::chrono_literals;

const entity<std::string, "text:{id}"> texts{{.ttl = 60s, .jitter = 0}};
constexpr std::size_t huge = 20'000;

std::uint64_t too_large(const cache& of) {
  for (const auto& each : of.stats().types) {
    if (each.type == "text") return each.fills_too_large;
  }
  return 0;
}
std::uint64_t fenced(const cache& of) {
  for (const auto& each : of.stats().types) {
    if (each.type == "text") return each.fills_fenced;
  }
  return 0;
}

struct small : fixture {
  explicit small(cache_options options = {}) : fixture(sized(std::move(options))) {}
  static cache_options sized(cache_options options) {
    options.memory = byte_size{64U << 10};
    return options;
  }
};

TEST(TooLarge, AWriteSaysThatItWasNotStored) {
  small f;
  sync_wait(f.cache.set(texts("1"), std::string("small")));
  EXPECT_FALSE(sync_wait(f.cache.set(texts("1"), std::string(huge, 'x'))));
  EXPECT_EQ(too_large(f.cache), 1U);
  EXPECT_EQ(fenced(f.cache), 0U);
  const auto read = sync_wait(f.cache.get(texts("1")));
  EXPECT_FALSE(read) << "the older value is gone";
  EXPECT_EQ(read.info().reason, miss_reason::too_large);
}

TEST(TooLarge, ManyWritesCountWhatWasStored) {
  small f;
  std::vector<std::pair<typed_key<std::string>, std::string>> values;
  values.emplace_back(texts("1"), "small");
  values.emplace_back(texts("2"), std::string(huge, 'x'));
  EXPECT_EQ(sync_wait(f.cache.set_many(values)), 1U);
  EXPECT_EQ(too_large(f.cache), 1U);
}

TEST(TooLarge, AReadSaysThatItsValueWasNotStored) {
  small f;
  for (std::uint64_t round = 1; round <= 2; ++round) {
    const auto read = sync_wait(f.cache.get_or_set(texts("1"), [] { return std::string(huge, 'x'); }));
    EXPECT_EQ(read->size(), huge);
    EXPECT_FALSE(read.info().stored);
    EXPECT_EQ(read.info().ttl, 0s);
    EXPECT_EQ(read.info().reason, miss_reason::too_large);
    EXPECT_EQ(too_large(f.cache), round);
  }
}

TEST(TooLarge, SoDoesABatch) {
  small f;
  const std::vector wanted{texts("1"), texts("2")};
  const auto read = sync_wait(f.cache.get_or_set_many(wanted, [](std::span<const std::size_t>) {
    return std::vector<std::optional<std::string>>{std::string("small"), std::string(huge, 'x')};
  }));
  EXPECT_TRUE(read[0].info().stored);
  EXPECT_FALSE(read[1].info().stored);
  EXPECT_EQ(read[1].info().reason, miss_reason::too_large);
  EXPECT_EQ(too_large(f.cache), 1U);
}

TEST(TooLarge, TheSecondLevelMayHoldWhatMemoryCannot) {
  const auto server = make_memory_server(engine_test::lasting_clock());
  small f({.second_level = connect(server)});
  EXPECT_TRUE(sync_wait(f.cache.set(texts("1"), std::string(huge, 'x'))));
  EXPECT_TRUE(sync_wait(f.cache.get_or_set(texts("2"), [] { return std::string(huge, 'x'); })).info().stored);
  for (const auto* id : {"1", "2"}) {
    const auto read = sync_wait(f.cache.get(texts(id)));
    ASSERT_TRUE(read);
    EXPECT_EQ(read.info().from, layer::l2);
  }
  EXPECT_EQ(too_large(f.cache), 0U);
}

}  // namespace
