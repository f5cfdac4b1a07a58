#include "memory/eviction.hpp"
#include "memory/ghost.hpp"
#include "memory/table.hpp"

#include <strata/key.hpp>

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

namespace strata::memory {
namespace {

using namespace strata::literals;

constexpr time_point now{std::chrono::seconds(1)};

struct cache {
  cache(make_policy policy, byte_size budget, eviction_objective wanted = eviction_objective::objects)
      : table({.budget = budget, .shards = 1, .policy = policy, .wanted = wanted}) {}

  /// A read, and a fill of `bytes` if it missed. Returns whether it hit.
  bool use(const std::string& key, std::size_t bytes) {
    if (table.find(hash_of(key), key, now)) return true;
    table.insert(hash_of(key), key, {std::make_shared<const int>(1), bytes}, now);
    return false;
  }
  bool has(const std::string& key) const { return table.peek(hash_of(key), key, now) != nullptr; }

  memory::table table;
};

std::string name(int i) {
  return "k" + std::to_string(i);
}

class Policy : public testing::TestWithParam<make_policy> {};

std::string policy_name(const testing::TestParamInfo<make_policy>& info) {
  constexpr std::array names = {"S3Camp", "S3Fifo", "Lru"};
  return names[info.index];
}
INSTANTIATE_TEST_SUITE_P(Each, Policy, testing::Values(make_s3_camp, make_s3_fifo, make_lru), policy_name);

TEST_P(Policy, KeepsTheBudgetAndFillsItUnderReplacementsErasuresAndSizesOfAllKinds) {
  cache c(GetParam(), 1_MiB);
  std::mt19937 random(3);
  for (int step = 0; step < 60000; ++step) {
    const std::string key = name(static_cast<int>(random() % 5000));
    const std::size_t bytes = 16u << (random() % 11);
    switch (random() % 8) {
      case 0:
        c.table.erase(hash_of(key), key);
        break;
      case 1:
        c.table.insert(hash_of(key), key, {std::make_shared<const int>(1), bytes}, now);
        break;
      default:
        c.use(key, bytes);
    }
    ASSERT_LE(c.table.stats().bytes, 1u << 20);
  }
  EXPECT_GT(c.table.stats().bytes, (1u << 20) * 9 / 10);
  c.table.resize(128_KiB, now);
  EXPECT_LE(c.table.stats().bytes, 128u << 10);
  c.table.clear();
  for (int i = 0; i < 1000; ++i) c.use(name(i), 64);
  EXPECT_GT(c.table.stats().entries, 400);
}

TEST_P(Policy, KeepsWhatIsReadAllTheTime) {
  cache c(GetParam(), 256_KiB);
  for (int i = 0; i < 20000; ++i) {
    c.use("hot", 64);
    c.use(name(i), 64);
  }
  EXPECT_TRUE(c.has("hot"));
}

TEST(Lru, EvictsInTheOrderOfUse) {
  cache c(make_lru, 64_KiB);
  for (int i = 0; i < 100; ++i) c.use(name(i), 64);
  c.use(name(0), 64);
  int next = 100;
  while (c.has(name(2))) c.use(name(next++), 64);
  EXPECT_FALSE(c.has(name(1)));
  EXPECT_TRUE(c.has(name(0)));
  EXPECT_TRUE(c.has(name(99)));
}

/// How many of 1000 entries that were in use survive a scan of 20,000.
int kept_after_scan(make_policy policy) {
  cache c(policy, 1_MiB);
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 1000; ++i) c.use(name(i), 256);
  }
  for (int i = 0; i < 20000; ++i) c.use("scan" + std::to_string(i), 256);
  int kept = 0;
  for (int i = 0; i < 1000; ++i) kept += c.has(name(i));
  return kept;
}

TEST(S3Camp, LetsAScanPass) {
  EXPECT_GT(kept_after_scan(make_s3_camp), 950);
}
TEST(S3Fifo, LetsAScanPass) {
  EXPECT_GT(kept_after_scan(make_s3_fifo), 950);
}
TEST(Lru, LosesAllToAScan) {
  EXPECT_EQ(kept_after_scan(make_lru), 0);
}

/// Shares of small and large entries that hit, where both are used equally and not all fit.
std::pair<double, double> hits_by_size(eviction_objective wanted) {
  cache c(make_s3_camp, 1_MiB, wanted);
  std::mt19937 random(5);
  double small = 0;
  double large = 0;
  for (int step = 0; step < 100000; ++step) {
    const int i = static_cast<int>(random() % 1000);
    const bool is_small = random() % 2 == 0;
    const bool hit = c.use((is_small ? "s" : "l") + std::to_string(i), is_small ? 128 : 4096);
    (is_small ? small : large) += hit / 50000.0;
  }
  return {small, large};
}

TEST(S3Camp, PrefersSmallEntriesForObjectHits) {
  const auto [small, large] = hits_by_size(eviction_objective::objects);
  EXPECT_GT(small, 0.9);
  EXPECT_LT(large, 0.35);
}

TEST(S3Camp, DoesNotForByteHits) {
  const auto [small, large] = hits_by_size(eviction_objective::bytes);
  EXPECT_LT(small, 0.5);
  EXPECT_NEAR(small, large, 0.1);
}

TEST(S3Camp, ForgetsLargeEntriesOnceTheyAreNoLongerUsed) {
  cache c(make_s3_camp, 1_MiB);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i) c.use("small" + std::to_string(i), 64);
  }
  // The inflation passes what a small entry is worth: nothing stays for its size alone.
  for (int step = 0; step < 400000; ++step) c.use(name(step / 3 % 4000), 16384);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(c.has("small" + std::to_string(i)));
}

TEST(Ghost, RemembersTheNewestAndForgetsTheOldest) {
  ghost g;
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> hashes(30000);
  for (auto& hash : hashes) hash = random();
  constexpr std::size_t reach = 10000;
  while (g.growth(reach) != 0) g.grow();
  EXPECT_LE(g.bytes(), reach * 7);
  for (const auto hash : hashes) g.add(hash);
  std::size_t newest = 0;
  std::size_t oldest = 0;
  std::size_t never = 0;
  for (std::size_t i = 0; i < 8000; ++i) newest += g.take(hashes[hashes.size() - 1 - i], reach);
  for (std::size_t i = 0; i < 8000; ++i) oldest += g.take(hashes[i], reach);
  for (std::size_t i = 0; i < 8000; ++i) never += g.take(random(), reach);
  EXPECT_GT(newest, 7000);
  EXPECT_LT(oldest, 20);
  EXPECT_LT(never, 20);
}

TEST(Ghost, TakesAFingerprintOnce) {
  ghost g;
  g.grow();
  g.add(42);
  EXPECT_TRUE(g.take(42, 1));
  EXPECT_FALSE(g.take(42, 1));
}

TEST(Ghost, KeepsWhatItKnowsWhenItGrows) {
  ghost g;
  while (g.growth(50000) != 0) g.grow();
  std::mt19937_64 random(2);
  std::vector<std::uint64_t> hashes(30000);
  for (auto& hash : hashes) g.add(hash = random());
  g.grow();
  std::size_t known = 0;
  for (const auto hash : hashes) known += g.take(hash, 50000);
  EXPECT_GT(known, 22000);
  EXPECT_LT(known, 30001);
}

}  // namespace
}  // namespace strata::memory
