/// The table beside a plain map, its eviction and its threads. Long because a table has many operations.

#include "memory/table.hpp"

#include <strata/error.hpp>
#include <strata/key.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace strata::memory {
namespace {

using namespace std::chrono_literals;
using namespace strata::literals;

constexpr time_point start{1000s};

/// A table with the hash done and values of type int.
struct ints {
  explicit ints(table_options options) : table(std::move(options)) {}
  explicit ints(byte_size budget) : table(table_options{.budget = budget}) {}

  bool put(const std::string& key, int value, std::size_t bytes = 64, time_point drop_at = time_point::max(),
           time_point now = start) {
    return table.insert(hash_of(key), key, {std::make_shared<const int>(value), bytes, drop_at}, now);
  }
  int get(const std::string& key, time_point now = start) {
    const auto found = table.find(hash_of(key), key, now);
    return found ? *static_cast<const int*>(found.get()) : -1;
  }
  bool erase(const std::string& key) { return table.erase(hash_of(key), key); }

  memory::table table;
};

std::string name(int i) {
  return "user:usr_" + std::to_string(i);
}

TEST(Table, FindsWhatWasInsertedAndNothingElse) {
  ints t(1_MiB);
  EXPECT_TRUE(t.put("a", 1));
  EXPECT_TRUE(t.put("", 2));
  EXPECT_EQ(t.get("a"), 1);
  EXPECT_EQ(t.get(""), 2);
  EXPECT_EQ(t.get("b"), -1);
}

TEST(Table, TellsKeysOfOneHashApart) {
  table t(table_options{.budget = 1_MiB});
  for (int i = 0; i < 100; ++i) {
    t.insert(7, name(i), {std::make_shared<const int>(i), 64}, start);
  }
  for (int i = 0; i < 100; i += 2) EXPECT_TRUE(t.erase(7, name(i)));
  for (int i = 0; i < 100; ++i) {
    const auto found = t.find(7, name(i), start);
    ASSERT_EQ(found != nullptr, i % 2 == 1) << i;
    if (found) {
      EXPECT_EQ(*static_cast<const int*>(found.get()), i);
    }
  }
}

TEST(Table, ReplacesAValueAndFreesTheOldOne) {
  ints t(1_MiB);
  auto old = std::make_shared<const int>(1);
  t.table.insert(hash_of("a"), "a", {old, 64}, start);
  const auto bytes = t.table.stats().bytes;
  EXPECT_TRUE(t.put("a", 2, 96));
  EXPECT_EQ(t.get("a"), 2);
  t.table.sweep(start);
  EXPECT_EQ(old.use_count(), 1);
  EXPECT_EQ(t.table.stats().bytes, bytes + 32);
  EXPECT_TRUE(t.put("a", 3, 16));
  t.table.sweep(start);
  EXPECT_EQ(t.table.stats().bytes, bytes - 48);
  EXPECT_EQ(t.table.stats().entries, 1);
}

TEST(Table, KeepsAFoundValueAliveAfterItsEntryIsGone) {
  ints t(1_MiB);
  t.put("a", 5);
  const auto held = t.table.find(hash_of("a"), "a", start);
  EXPECT_TRUE(t.erase("a"));
  EXPECT_FALSE(t.erase("a"));
  EXPECT_EQ(*static_cast<const int*>(held.get()), 5);
}

TEST(Table, NeverReturnsAnEntryFromItsDropAtOn) {
  ints t(1_MiB);
  t.put("a", 1, 64, start + 10s);
  EXPECT_EQ(t.get("a", start + 10s - 1ns), 1);
  EXPECT_EQ(t.get("a", start + 10s), -1);
  EXPECT_EQ(t.table.peek(hash_of("a"), "a", start + 10s), nullptr);
}

TEST(Table, RefusesWhatIsPastItsTimeAndDropsTheOlderValue) {
  ints t(1_MiB);
  t.put("a", 1);
  EXPECT_FALSE(t.put("a", 2, 64, start));
  EXPECT_EQ(t.get("a"), -1);
  EXPECT_EQ(t.table.stats().entries, 0);
  EXPECT_EQ(t.table.stats().rejected, 1);
}

TEST(Table, TakesBackTheMemoryOfExpiredEntriesWhenSwept) {
  ints t(table_options{.budget = 16_MiB, .shards = 4});
  for (int i = 0; i < 5000; ++i) t.put(name(i), i, 64, start + std::chrono::milliseconds(1 + i));
  EXPECT_EQ(t.table.sweep(start), 0);
  std::size_t dropped = 0;
  for (int calls = 0; calls < 100; ++calls) {
    const auto now = t.table.sweep(start + 10min);
    EXPECT_LE(now, 4 * 256);
    dropped += now;
  }
  EXPECT_EQ(dropped, 5000);
  EXPECT_EQ(t.table.stats().entries, 0);
  EXPECT_EQ(t.table.stats().expirations, 5000);
}

TEST(Table, ExpiresABoundedNumberOfEntriesAWrite) {
  ints t(table_options{.budget = 16_MiB, .shards = 1});
  for (int i = 0; i < 100; ++i) t.put(name(i), i, 64, start + 1s);
  t.put("x", 1, 64, time_point::max(), start + 1min);
  const auto left = t.table.stats().entries;
  EXPECT_LT(left, 101);
  EXPECT_GE(left, 101 - 8);
  for (int i = 0; i < 20; ++i) t.put("x", 1, 64, time_point::max(), start + 1min);
  EXPECT_EQ(t.table.stats().entries, 1);
}

TEST(Table, ReportsOnlyEvictedAndExpiredEntries) {
  std::map<std::string, gone> departed;
  ints t(table_options{
      .budget = 64_KiB, .shards = 1, .on_gone = [&](std::string_view key, std::uint64_t hash, gone why) {
        EXPECT_EQ(hash, hash_of(key));
        EXPECT_TRUE(departed.emplace(key, why).second);
      }});
  t.put("expires", 1, 64, start + 1s);
  t.put("replaced", 1);
  t.put("replaced", 2);
  t.put("erased", 1);
  t.erase("erased");
  t.table.sweep(start + 1min);
  EXPECT_EQ(departed, (std::map<std::string, gone>{{"expires", gone::expired}}));
  departed.clear();
  t.put("late", 1, 64, start + 1s);
  t.put("late", 2, 64, start + 1h, start + 1s);  // found expired by its own replacement
  EXPECT_EQ(departed, (std::map<std::string, gone>{{"late", gone::expired}}));
  departed.clear();
  for (int i = 0; i < 2000; ++i) t.put(name(i), i);
  const auto stats = t.table.stats();
  EXPECT_EQ(departed.size(), stats.evictions);
  EXPECT_GT(stats.evictions, 1000);
  for (const auto& [key, why] : departed) EXPECT_EQ(why, gone::evicted);
  t.table.clear();
  EXPECT_EQ(departed.size(), stats.evictions);
}

TEST(Table, AsksThePredicateBeforeItInserts) {
  ints t(1_MiB);
  const auto insert = [&](int value, auto wanted, time_point now = start) {
    return t.table.insert_if(hash_of("a"), "a", {std::make_shared<const int>(value), 64, start + 1min}, now,
                             wanted);
  };
  EXPECT_EQ(insert(1, [](const void* current) { return current != nullptr; }), inserted::refused);
  EXPECT_EQ(t.get("a"), -1);
  EXPECT_EQ(insert(1, [](const void* current) { return current == nullptr; }), inserted::stored);
  EXPECT_EQ(insert(2, [](const void* current) { return *static_cast<const int*>(current) < 1; }),
            inserted::refused);
  EXPECT_EQ(t.get("a"), 1);
  EXPECT_EQ(insert(2, [](const void* current) { return *static_cast<const int*>(current) == 1; }),
            inserted::stored);
  EXPECT_EQ(t.get("a"), 2);
  // What is past its time is not there.
  EXPECT_EQ(
      insert(3, [](const void* current) { return current == nullptr; }, start + 1min), inserted::too_large);
  EXPECT_EQ(t.table.stats().entries, 0);
}

TEST(Table, ErasesOnlyWhatThePredicateWants) {
  ints t(1_MiB);
  t.put("a", 1);
  const auto is = [&](int value) {
    return t.table.erase_if(hash_of("a"), "a",
                            [=](const void* current) { return *static_cast<const int*>(current) == value; });
  };
  EXPECT_FALSE(is(2));
  EXPECT_TRUE(is(1));
  EXPECT_FALSE(is(1));
}

TEST(Table, ErasesAllThatMatch) {
  ints t(table_options{.budget = 16_MiB, .shards = 4});
  for (int i = 0; i < 3000; ++i) t.put(name(i), i);
  const auto erased = t.table.erase_matching([](std::string_view key, const void* value) {
    return key.ends_with('7') && *static_cast<const int*>(value) >= 1000;
  });
  EXPECT_EQ(erased, 200);
  for (int i = 0; i < 3000; ++i) EXPECT_EQ(t.get(name(i)), i % 10 == 7 && i >= 1000 ? -1 : i);
}

TEST(Table, VisitsEveryEntryAndKeepsIt) {
  ints t(table_options{.budget = 16_MiB, .shards = 4});
  for (int i = 0; i < 3000; ++i) t.put(name(i), i);
  std::set<std::string> seen;
  int sum = 0;
  t.table.visit([&](std::string_view key, const void* value) {
    seen.emplace(key);
    sum += *static_cast<const int*>(value);
  });
  EXPECT_EQ(seen.size(), 3000u);
  EXPECT_EQ(sum, 3000 * 2999 / 2);
  EXPECT_EQ(t.table.stats().entries, 3000u);
}

TEST(Table, ClearsEverythingAndGoesOn) {
  ints t(table_options{.budget = 4_MiB, .shards = 2});
  const auto empty = t.table.stats().bytes;
  for (int i = 0; i < 3000; ++i) t.put(name(i), i, 64, start + 1min);
  t.table.clear();
  EXPECT_EQ(t.table.stats().entries, 0);
  EXPECT_EQ(t.get(name(1)), -1);
  EXPECT_LE(t.table.stats().bytes, empty + 1024);
  EXPECT_EQ(t.table.sweep(start + 1h), 0);
  EXPECT_TRUE(t.put(name(1), 1));
  EXPECT_EQ(t.get(name(1)), 1);
}

TEST(Table, EvictsDownToASmallerBudgetAndUsesALargerOne) {
  ints t(table_options{.budget = 4_MiB, .shards = 2});
  for (int i = 0; i < 8000; ++i) t.put(name(i), i, 200);
  const auto before = t.table.stats();
  EXPECT_GT(before.bytes, byte_size(2_MiB).count);
  t.table.resize(256_KiB, start);
  const auto small = t.table.stats();
  EXPECT_EQ(small.budget, byte_size(256_KiB).count);
  EXPECT_LE(small.bytes, byte_size(256_KiB).count);
  EXPECT_GT(small.entries, 300);
  t.table.resize(8_MiB, start);
  for (int i = 0; i < 8000; ++i) t.put(name(i), i, 200);
  EXPECT_EQ(t.table.stats().entries, 8000);
  t.table.resize(0_B, start);
  EXPECT_EQ(t.table.stats().entries, 0);
  EXPECT_FALSE(t.put("a", 1));
}

TEST(Table, RefusesWhatIsTooLargeAndDropsTheOlderValue) {
  ints t(table_options{.budget = 1_MiB, .shards = 1});
  t.put("a", 1);
  EXPECT_FALSE(t.put("a", 2, 512 << 10));
  EXPECT_EQ(t.get("a"), -1);
  EXPECT_FALSE(t.put("b", 2, std::size_t(-1)));
  EXPECT_FALSE(t.put(std::string(70000, 'k'), 1));
  EXPECT_EQ(t.table.stats().rejected, 3);
  EXPECT_TRUE(t.put("c", 3, 90 << 10));
}

TEST(Table, HoldsLargeValuesAfterManySmallOnesWereThere) {
  ints t(table_options{.budget = 4_MiB, .shards = 1});
  for (int i = 0; i < 40000; ++i) t.put(name(i), i, 16);
  EXPECT_GT(t.table.stats().entries, 20000);
  for (int i = 0; i < 500; ++i) {
    t.put("large" + std::to_string(i), i, 32 << 10);
    ASSERT_LE(t.table.stats().bytes, byte_size(4_MiB).count);
  }
  // Cells and index of the small ones were given back: most of the budget holds large values.
  EXPECT_GT(t.table.stats().entries, 90);
}

TEST(Table, LetsAScanPassWithoutLosingWhatIsUsed) {
  ints t(table_options{.budget = 1_MiB, .shards = 1});
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 1000; ++i) {
      if (t.get(name(i)) < 0) t.put(name(i), i, 256);
    }
  }
  for (int i = 0; i < 20000; ++i) t.put("scan" + std::to_string(i), i, 256);
  int kept = 0;
  for (int i = 0; i < 1000; ++i) kept += t.get(name(i)) == i;
  EXPECT_GT(kept, 950);
}

TEST(Table, KeepsWhatComesBackSoonAfterItWasEvicted) {
  ints t(table_options{.budget = 1_MiB, .shards = 1});
  for (int i = 0; i < 2500; ++i) {
    t.put(name(i), i, 256);
    t.get(name(i));
    t.get(name(i));
  }
  for (int i = 0; i < 2000; ++i) t.put("x" + std::to_string(i), i, 256);
  EXPECT_EQ(t.get("x1200"), -1);
  t.put("x1200", 1, 256);  // remembered: enters main at once
  for (int i = 0; i < 400; ++i) t.put("y" + std::to_string(i), i, 256);
  EXPECT_EQ(t.get("x1200"), 1);
}

TEST(Table, ChoosesAsManyShardsAsCanEvictWell) {
  const auto shards = [](table_options options) { return table(std::move(options)).stats().shards; };
  EXPECT_EQ(shards({.budget = 16_GiB}), 64);
  EXPECT_EQ(shards({.budget = 16_GiB, .expected_objects = 16000}), 16);
  EXPECT_EQ(shards({.budget = 64_MiB}), 4);
  EXPECT_EQ(shards({.budget = 64_MiB, .largest = 64_KiB}), 8);
  EXPECT_EQ(shards({.budget = 1_MiB}), 1);
  EXPECT_EQ(shards({.budget = 1_MiB, .shards = 8}), 8);
  EXPECT_THROW(table({.budget = 1_MiB, .shards = 3}), bad_options);
  EXPECT_THROW(table({.budget = 1_MiB, .shards = 512}), bad_options);
}

/// Does to the table what `model` says should be there, at random, and compares.
TEST(Table, AgreesWithAModelWhileNothingIsEvicted) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    std::mt19937 random(seed);
    ints t(table_options{.budget = 64_MiB, .shards = 2});
    std::map<std::string, std::pair<int, time_point>> model;
    time_point now = start;
    for (int step = 0; step < 30000; ++step) {
      const std::string key = name(static_cast<int>(random() % 2000));
      switch (random() % 8) {
        case 0:
        case 1:
        case 2: {
          const auto ttl = std::chrono::milliseconds(1 + (1u << (random() % 24)) + random() % 100);
          EXPECT_TRUE(t.put(key, step, 16 + random() % 500, now + ttl, now));
          model[key] = {step, now + ttl};
          break;
        }
        case 3:
          EXPECT_LE(t.erase(key), model.contains(key));
          model.erase(key);
          break;
        case 4:
          now += std::chrono::milliseconds(random() % 50 == 0 ? random() % 5'000'000 : random() % 20);
          break;
        case 5:
          t.table.sweep(now);
          break;
        default: {
          const auto found = model.find(key);
          const int expected = found != model.end() && now < found->second.second ? found->second.first : -1;
          ASSERT_EQ(t.get(key, now), expected) << "seed " << seed << ", step " << step;
        }
      }
    }
    EXPECT_EQ(t.table.stats().evictions, 0);
    for (int calls = 0; calls < 200; ++calls) t.table.sweep(now + 24h);
    EXPECT_EQ(t.table.stats().entries, 0) << "seed " << seed;
    // All that was charged was taken back.
    t.table.resize(0_B, now);
    EXPECT_EQ(t.table.stats().bytes, table({.budget = 64_MiB, .shards = 2}).stats().bytes);
  }
}

TEST(Table, NeverExceedsItsBudgetWhileThreadsHammerIt) {
  constexpr byte_size budget = 2_MiB;
  ints t(
      table_options{.budget = budget, .shards = 4, .on_gone = [](std::string_view, std::uint64_t, gone) {}});
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> highest = 0;
  std::thread watcher([&] {
    while (!stop) highest = std::max<std::uint64_t>(highest, t.table.stats().bytes);
  });
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < 3; ++id) {
    threads.emplace_back([&, id] {
      std::mt19937 random(id);
      for (int step = 0; step < 20000; ++step) {
        const time_point now = start + std::chrono::milliseconds(step);
        const std::string key = name(static_cast<int>(random() % 20000));
        switch (random() % 16) {
          case 0:
            t.erase(key);
            break;
          case 1:
            t.table.sweep(now);
            break;
          case 2:
            if (random() % 400 == 0) t.table.clear();
            if (random() % 400 == 0) t.table.erase_matching([](auto k, auto) { return k.ends_with('3'); });
            if (random() % 100 == 0)
              t.table.resize({random() % 2 == 0 ? budget.count / 2 : budget.count}, now);
            break;
          default:
            if (const int found = t.get(key, now); found != -1) {
              EXPECT_EQ(name(found), key);
            } else {
              const std::size_t bytes = 16 + (random() % 8 == 0 ? random() % 40000 : random() % 300);
              const int value = std::stoi(key.substr(9));
              t.put(key, value, bytes, now + std::chrono::milliseconds(1 + random() % 2000), now);
            }
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  stop = true;
  watcher.join();
  EXPECT_LE(highest, budget.count);
  EXPECT_GT(highest, budget.count / 2);
}

TEST(Table, MayOutliveTheProgramAndLeaksNothing) {
  static auto* const kept =
      new table(table_options{.budget = 64_KiB});  // NOLINT(cppcoreguidelines-owning-memory)
  kept->insert(1, "a", {std::make_shared<const int>(7), 64, start + 1s}, start);
  EXPECT_NE(kept->find(1, "a", start), nullptr);
}

TEST(Table, RunsAValuesDestructorOutsideItsLocks) {
  table t(table_options{.budget = 64_KiB, .shards = 1});
  struct prober {
    memory::table* asked;
    ~prober() { asked->find(1, "other", start); }
  };
  const auto put = [&](const std::string& key, std::size_t bytes) {
    t.insert(hash_of(key), key, {std::make_shared<const prober>(&t), bytes, start + 1s}, start);
  };
  for (int i = 0; i < 500; ++i) put(name(i), 256);  // evicts
  for (int i = 0; i < 500; ++i) put(name(i), 300);  // replaces and evicts
  t.erase(hash_of(name(499)), name(499));
  t.erase_matching([](auto key, auto) { return key.ends_with('1'); });
  t.sweep(start + 1h);
  put("a", 64);
  t.resize(32_KiB, start);
  t.clear();
  EXPECT_EQ(t.stats().entries, 0);
}

}  // namespace
}  // namespace strata::memory
