/// Readers without a lock against everything that writers do.

#include "memory/table.hpp"

#include <strata/key.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace strata::memory {
namespace {

using namespace std::chrono_literals;
using namespace strata::literals;

constexpr time_point start{1000s};
constexpr int stable = 200;

/// A value that knows its key, and has a mark that its destructor spoils.
struct tagged {
  tagged(std::uint64_t of, int number) : hash(of), version(number) {}
  ~tagged() { mark = 0; }
  tagged(const tagged&) = delete;
  tagged& operator=(const tagged&) = delete;

  std::uint64_t hash;
  int version;
  unsigned mark = 0xfeed;
};

std::string name(const char* kind, std::size_t i) {
  return kind + std::to_string(i) + std::string(i % 3 * 20, 'x');
}

struct raced {
  explicit raced(table_options options) : table(std::move(options)) {}

  bool put(const std::string& key, int version, std::size_t bytes, time_point now = start,
           time_point drop_at = time_point::max()) {
    const auto hash = hash_of(key);
    return table.insert(hash, key, {std::make_shared<const tagged>(hash, version), bytes, drop_at}, now);
  }
  /// The version, or -1; checks that the value is the key's and alive.
  int get(const std::string& key, time_point now = start) {
    const auto hash = hash_of(key);
    const auto found = table.find(hash, key, now);
    if (!found) return -1;
    const auto& value = *static_cast<const tagged*>(found.get());
    EXPECT_EQ(value.mark, 0xfeed);
    EXPECT_EQ(value.hash, hash);
    return value.version;
  }

  memory::table table;
};

/// Runs `read(random)` in two threads, which are replaced all the time, while `write` runs.
void race(const std::function<void(std::mt19937&)>& read, const std::function<void()>& write) {
  std::atomic<bool> stop = false;
  std::atomic<unsigned> begun = 0;
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < 2; ++id) {
    threads.emplace_back([&, id] {
      for (unsigned life = 0; !stop; ++life) {
        std::thread([&] {
          std::mt19937 random(id + 2 * life);
          for (int i = 0; i < 3000 && !stop; ++i) read(random);
          ++begun;
        }).join();
      }
    });
  }
  while (begun < 2) std::this_thread::yield();
  write();
  stop = true;
  for (auto& thread : threads) thread.join();
}

/// Fills in `stable` entries that stay.
void fill(raced& t) {
  for (int i = 0; i < stable; ++i) ASSERT_TRUE(t.put(name("stays", i), i, 64));
}

TEST(View, LosesNoEntryWhileOthersComeAndGoAndStructuresGrow) {
  raced t({.budget = 64_MiB, .shards = 2});
  fill(t);
  race(
      [&](std::mt19937& random) {
        const auto i = random() % stable;
        ASSERT_EQ(t.get(name("stays", i)), static_cast<int>(i));
      },
      [&] {
        for (int round = 0; round < 6; ++round) {
          for (int i = 0; i < 3000; ++i) t.put(name("goes", i), i, 64);
          if (round % 2 == 0) {
            t.table.erase_matching([](auto key, auto) { return key.starts_with("goes"); });
          } else {
            for (int i = 0; i < 3000; ++i) t.table.erase(hash_of(name("goes", i)), name("goes", i));
          }
        }
      });
}

TEST(View, LosesNoEntryWhileItsValueIsReplacedByLargerAndSmaller) {
  raced t({.budget = 64_MiB, .shards = 1});
  fill(t);
  std::array<std::atomic<int>, stable> written{};
  for (int i = 0; i < stable; ++i) written[static_cast<std::size_t>(i)] = i;
  race(
      [&](std::mt19937& random) {
        const auto i = random() % stable;
        const int before = written[i];
        const int found = t.get(name("stays", i));
        // What was stored before the read is seen, or something newer: never nothing.
        ASSERT_GE(found, before);
      },
      [&] {
        std::mt19937 random(1);
        for (int step = stable; step < 40000; ++step) {
          const auto i = random() % stable;
          ASSERT_TRUE(t.put(name("stays", i), step, 16 + random() % 400));
          written[i] = step;
        }
      });
}

TEST(View, FindsTheLastValueOrNoneWhileEntriesAreEvicted) {
  raced t({.budget = 256_KiB, .shards = 1});
  std::array<std::atomic<int>, 4000> written{};
  race(
      [&](std::mt19937& random) {
        const auto i = random() % written.size();
        const int before = written[i];
        const int found = t.get(name("k", i));
        ASSERT_TRUE(found == -1 || found >= before) << found;
      },
      [&] {
        std::mt19937 random(2);
        for (int step = 1; step < 40000; ++step) {
          const auto i = random() % written.size();
          t.put(name("k", i), step, 16 + random() % 300);
          written[i] = step;
          ASSERT_LE(t.table.stats().bytes, byte_size(256_KiB).count);
        }
      });
  EXPECT_GT(t.table.stats().evictions, 1000);
}

TEST(View, FindsNothingAfterAnErasureOrAClearThatEndedBefore) {
  raced t({.budget = 16_MiB, .shards = 2});
  std::atomic<int> erased = -1;
  race(
      [&](std::mt19937&) {
        const int before = erased;
        // All up to `before` are gone for good; those after may be there.
        if (before >= 0) {
          ASSERT_EQ(t.get(name("k", static_cast<std::size_t>(before))), -1);
        }
        t.get(name("k", static_cast<std::size_t>(before) + 1));
      },
      [&] {
        for (int i = 0; i < 6000; ++i) {
          const auto key = name("k", static_cast<std::size_t>(i));
          t.put(key, i, 64);
          ASSERT_EQ(t.get(key), i);
          if (i % 50 == 49) {
            t.table.clear();
          } else {
            ASSERT_TRUE(t.table.erase(hash_of(key), key));
          }
          erased = i;
        }
      });
}

TEST(View, ReturnsNothingPastItsTimeWhileEndsArePutOffAndForward) {
  raced t({.budget = 1_MiB, .shards = 1});
  // The value says when it ends, in milliseconds: it must never be found later.
  race(
      [&](std::mt19937& random) {
        const auto now = static_cast<int>(random() % 100'000);
        const int ends = t.get(name("k", random() % 4), start + std::chrono::milliseconds(now));
        if (ends != -1) {
          ASSERT_GT(ends, now);
        }
      },
      [&] {
        std::mt19937 random(3);
        for (int step = 0; step < 100'000; ++step) {
          const auto ends = static_cast<int>(random() % 100'000);
          t.put(name("k", random() % 4), ends, 64, start, start + std::chrono::milliseconds(ends));
        }
      });
}

TEST(View, LosesNoEntryWhileTheBudgetChangesAndCellsAreGivenBack) {
  raced t({.budget = 8_MiB, .shards = 1});
  fill(t);
  race(
      [&](std::mt19937& random) {
        const auto i = random() % stable;
        ASSERT_EQ(t.get(name("stays", i)), static_cast<int>(i));
      },
      [&] {
        for (int round = 0; round < 8; ++round) {
          for (int i = 0; i < 4000; ++i) t.put(name("goes", i), i, 64);
          t.table.erase_matching([](auto key, auto) { return key.starts_with("goes"); });
          // What stays fits: only free cells and a spare index are given back.
          t.table.resize(96_KiB, start);
          t.table.resize(8_MiB, start);
        }
      });
  EXPECT_EQ(t.table.stats().entries, stable);
}

TEST(View, FreesWhatHasLeftWhenSweptAndChargesItUntilThen) {
  raced t({.budget = 1_MiB, .shards = 1});
  t.put("a", 1, 64);
  const auto before = t.table.stats().bytes;
  std::weak_ptr<const void> old = t.table.find(hash_of("a"), "a", start);
  t.put("a", 2, 64);
  EXPECT_FALSE(old.expired());
  EXPECT_GT(t.table.stats().bytes, before);
  t.table.sweep(start);
  EXPECT_TRUE(old.expired());
  EXPECT_EQ(t.table.stats().bytes, before);
}

TEST(View, FreesALargeValueAtOnce) {
  raced t({.budget = 1_MiB, .shards = 1});
  t.put("a", 1, 64 << 10);
  std::weak_ptr<const void> old = t.table.find(hash_of("a"), "a", start);
  t.put("a", 2, 64);
  EXPECT_TRUE(old.expired());
}

TEST(View, CountsUsesForThePolicyAsALockedReadDoes) {
  raced t({.budget = 128_KiB, .shards = 1});
  for (int i = 0; i < 5000; ++i) {
    if (t.get("hot") == -1) t.put("hot", 0, 64);
    t.put(name("cold", i), i, 64);
  }
  EXPECT_EQ(t.get("hot"), 0);
  // A peek is no use.
  t.put("peeked", 0, 64);
  for (int i = 0; i < 5000; ++i) {
    t.table.peek(hash_of("peeked"), "peeked", start);
    t.put(name("colder", i), i, 64);
  }
  EXPECT_EQ(t.get("peeked"), -1);
}

}  // namespace
}  // namespace strata::memory
