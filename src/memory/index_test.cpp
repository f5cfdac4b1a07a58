#include "memory/index.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace strata::memory {
namespace {

handle find(const hash_index& index, std::uint64_t hash, handle wanted) {
  return index.find(hash, [=](handle at) { return at == wanted; }).entry;
}

void grow(hash_index& index, const std::map<handle, std::uint64_t>& entries) {
  index.grow();
  for (const auto& [entry, hash] : entries) index.insert(hash, entry);
}

TEST(Index, AnswersForWhatIsNotThereWhenEveryBucketOverflowed) {
  hash_index index;
  std::map<handle, std::uint64_t> entries;
  handle last = 0;
  const auto add = [&](std::uint64_t hash) {
    index.insert(hash, ++last);
    entries[last] = hash;
  };
  index.grow();
  index.grow();  // two buckets
  constexpr std::uint64_t first = 0;
  constexpr std::uint64_t second = 0xffff'ffff;
  // One more than the first bucket holds: the last goes on to the second.
  for (unsigned i = 0; i < bucket::slots + 1; ++i) add(first);
  for (handle entry = 1; entry <= 6; ++entry) {
    index.erase(first, entry);
    entries.erase(entry);
  }
  // And as many as the second bucket lacks, and one that goes on to the first.
  for (unsigned i = 0; i < bucket::slots; ++i) add(second);
  EXPECT_EQ(find(index, first, 99), 0);
  EXPECT_EQ(find(index, second, 99), 0);
  for (const auto& [entry, hash] : entries) EXPECT_EQ(find(index, hash, entry), entry);
}

TEST(Index, FindsWhatIsBehindABucketThatMoreWentPastThanItCanCount) {
  hash_index index;
  std::map<handle, std::uint64_t> entries;
  for (handle entry = 1; entry <= 400; ++entry) {
    while (index.full()) grow(index, entries);
    entries[entry] = 7;
    index.insert(7, entry);
  }
  for (const auto& [entry, hash] : entries) ASSERT_EQ(find(index, hash, entry), entry);
  for (handle entry = 1; entry < 400; ++entry) index.erase(7, entry);
  EXPECT_EQ(find(index, 7, 400), 400);
  EXPECT_EQ(find(index, 7, 399), 0);
  index.insert(7, 399);
  EXPECT_EQ(find(index, 7, 399), 399);
}

TEST(Index, TellsAFreeSlotFromTheLowestTag) {
  // 0 marks a free slot, so a hash whose tag would be 0 has 1; both next to free slots.
  hash_index index;
  index.grow();
  index.insert(0, 1);
  index.insert(std::uint64_t{1} << 40, 2);
  index.insert(0, 3);
  index.erase(0, 1);
  EXPECT_EQ(find(index, 0, 3), 3);
  EXPECT_EQ(find(index, std::uint64_t{1} << 40, 2), 2);
  EXPECT_EQ(find(index, 0, 1), 0);
  index.insert(0, 4);
  for (const handle entry : {2u, 3u, 4u}) EXPECT_EQ(find(index, 0, entry), entry);
}

TEST(Index, AgreesWithAMapUnderCollisionsErasureAndMoves) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    hash_index index;
    std::map<handle, std::uint64_t> entries;
    handle last = 0;
    for (int step = 0; step < 3000; ++step) {
      const auto any = [&] {
        return std::next(entries.begin(), static_cast<long>(random() % entries.size()));
      };
      switch (entries.empty() ? 0 : random() % 4) {
        case 0:
        case 1: {
          if (index.full()) grow(index, entries);
          const std::uint64_t hash = seed % 2 == 0 ? random() : random() % 7 << 29;
          entries[++last] = hash;
          index.insert(hash, last);
          break;
        }
        case 2: {
          const auto gone = any();
          index.erase(gone->second, gone->first);
          EXPECT_EQ(find(index, gone->second, gone->first), 0);
          entries.erase(gone);
          break;
        }
        default: {
          const auto moving = any();
          index.moved(moving->second, moving->first, ++last);
          entries[last] = moving->second;
          entries.erase(moving);
        }
      }
    }
    EXPECT_EQ(index.size(), entries.size());
    for (const auto& [entry, hash] : entries) ASSERT_EQ(find(index, hash, entry), entry) << "seed " << seed;
    EXPECT_EQ(find(index, random(), last + 1), 0);
  }
}

}  // namespace
}  // namespace strata::memory
