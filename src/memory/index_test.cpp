#include "memory/index.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace strata::memory {
namespace {

handle find(const hash_index& index, std::uint64_t hash, handle wanted) {
  return index.find(hash, [=](handle at) { return at == wanted; });
}

void grow(hash_index& index, const std::map<handle, std::uint64_t>& entries) {
  index.grow();
  for (const auto& [entry, hash] : entries) index.insert(hash, entry);
}

TEST(Index, AnswersForWhatIsNotThereWhenEveryBucketOverflowed) {
  hash_index index;
  std::map<handle, std::uint64_t> entries;
  // All want the first bucket, then all the second: both are gone past.
  for (handle entry = 1; entry <= 17; ++entry) {
    if (index.full()) grow(index, entries);
    entries[entry] = entry <= 8 ? 0 : 0xffff'ffff;
    index.insert(entries[entry], entry);
  }
  EXPECT_EQ(find(index, 0, 99), 0);
  EXPECT_EQ(find(index, 0xffff'ffff, 99), 0);
  for (const auto& [entry, hash] : entries) EXPECT_EQ(find(index, hash, entry), entry);
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
