/// Many keys at once.

#include "tests/peers/support.hpp"

namespace strata::peers {
namespace {

using values = std::vector<std::optional<int>>;

std::vector<typed_key<int>> numbers(std::initializer_list<const char*> ids, const policy& rules = hour()) {
  std::vector<typed_key<int>> out;
  for (const auto* id : ids) out.push_back(number(id, rules));
  return out;
}

// cachified D10: batch, only missing values, a wrong length, duplicates
TEST(PeersBatches, TheFactoryIsAskedOnceForWhatIsMissing) {
  process p;
  p.put(number("b"), 20);
  std::vector<std::size_t> asked;
  const auto load = [&](std::span<const std::size_t> missing) {
    asked.assign(missing.begin(), missing.end());
    return values(missing.size(), 10);
  };
  const auto found = p.run(p.cache.get_or_set_many(numbers({"a", "b", "c", "a"}), load));
  EXPECT_EQ(asked, (std::vector<std::size_t>{0, 2}));
  ASSERT_EQ(found.size(), 4U);
  EXPECT_TRUE(is(found[0], 10));
  EXPECT_TRUE(is(found[1], 20));
  EXPECT_TRUE(is(found[3], 10));
  EXPECT_THROW(p.run(p.cache.get_or_set_many(numbers({"d"}), [](auto) { return values{}; })),
               std::length_error);
}

// cachified D10c: de-duplicates batched calls
TEST(PeersBatches, TwoBatchesShareWhatBothMiss) {
  process p;
  async_latch answers;
  const auto first = p.begin(
      p.cache.get_or_set_many(numbers({"a", "b"}), [&](std::span<const std::size_t> missing) -> task<values> {
        co_await answers.wait();
        co_return values(missing.size(), 1);
      }));
  std::size_t asked = 0;
  const auto second =
      p.begin(p.cache.get_or_set_many(numbers({"b", "c"}), [&](std::span<const std::size_t> missing) {
        asked = missing.size();
        return values(missing.size(), 2);
      }));
  answers.set();
  p.settle();
  EXPECT_EQ(asked, 1U);
  EXPECT_TRUE(is(second->value()[0], 1));
  EXPECT_TRUE(is(second->value()[1], 2));
  EXPECT_TRUE(is(first->value()[1], 1));
}

// caffeine X02: CacheTest getAll_present_ordered, getAll_duplicates, getAll_absent_partial
TEST(PeersBatches, ResultsHaveTheOrderOfTheKeys) {
  process p;
  p.put(number("a"), 1);
  p.put(number("c"), 3);
  const auto found = p.run(p.cache.get_many(numbers({"c", "b", "a", "c"})));
  ASSERT_EQ(found.size(), 4U);
  EXPECT_TRUE(is(found[0], 3));
  EXPECT_TRUE(is_miss(found[1]));
  EXPECT_TRUE(is(found[2], 1));
  EXPECT_TRUE(is(found[3], 3));
  EXPECT_TRUE(p.run(p.cache.get_many(std::vector<typed_key<int>>())).empty());
}

// caffeine X02b: CacheTest getAll_exceeds
// Different: the factory answers by index, so it cannot add keys.
// See docs/guide/batches.md#steps
TEST(PeersBatches, AFactoryCannotReturnMoreThanItWasAskedFor) {
  process p;
  EXPECT_THROW(p.run(p.cache.get_or_set_many(numbers({"a"}), [](auto) { return values{1, 2}; })),
               std::length_error);
  EXPECT_TRUE(is_miss(p.get(number("a"))));
}

// cashews R3: get_many and set_many with damaged values and a store that fails
TEST(PeersBatches, DamageAndOutagesAreMisses) {
  group g(2);
  g[0].put(number("a"), 1);
  g[0].put(number("b"), 2);
  g.stores[1]->corrupt({.times = 1});
  for (const auto& each : g[1].run(g[1].cache.get_many(numbers({"a", "b"})))) {
    EXPECT_TRUE(is_miss(each));
    EXPECT_EQ(each.info().reason, miss_reason::undecodable);
  }
  g.cut();
  for (const auto& each : g[1].run(g[1].cache.get_many(numbers({"a", "b"})))) EXPECT_TRUE(is_miss(each));
  EXPECT_EQ(g[1].run(g[1].cache.set_many(std::vector{std::pair(number("a"), 3), std::pair(number("b"), 4)})),
            0U);
}

}  // namespace
}  // namespace strata::peers
