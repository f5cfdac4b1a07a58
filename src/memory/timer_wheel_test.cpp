#include "memory/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace strata::memory {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t day = 86'400 * second;
/// How late the wheel may be: a tick of its lowest level, twice.
constexpr std::int64_t slack = second / 3;

struct wheel {
  wheel() { timers.start(0); }
  handle add(std::int64_t drop_at) {
    const handle at = take();
    pool[at] = node{.drop_at = drop_at};
    timers.add(at);
    return at;
  }
  handle take() {
    if (pool.free() == 0) {
      if (pool.is_full()) pool.move();
      pool.grow();
    }
    return pool.take();
  }
  handle next(std::int64_t now, unsigned steps = 1'000'000) { return timers.advance(now, steps); }

  node_pool pool = node_pool::of<node>();
  timer_wheel timers{pool};
};

TEST(TimerWheel, ReturnsAnEntryOnceItIsPastAndNotBefore) {
  for (const std::int64_t drop_at :
       {second / 100, second, 9 * second, 600 * second, day, 40 * day, 2000 * day}) {
    wheel w;
    const handle at = w.add(drop_at);
    EXPECT_EQ(w.next(drop_at - 1), 0) << drop_at;
    EXPECT_EQ(w.next(drop_at + slack), at) << drop_at;
    EXPECT_EQ(w.next(drop_at + 4000 * day), 0) << drop_at;
  }
}

TEST(TimerWheel, NeverReturnsWhatDoesNotEnd) {
  wheel w;
  const handle at = w.add(node::never);
  EXPECT_EQ(w.next(100'000 * day), 0);
  w.timers.remove(at);
}

TEST(TimerWheel, StopsAfterTheStepsItMayDoAndGoesOnThere) {
  wheel w;
  for (int i = 0; i < 10; ++i) w.add(20 * second);  // a level up: each is moved once, then returned
  int returned = 0;
  for (int calls = 0; calls < 20; ++calls) {
    unsigned steps = 1;
    returned += w.timers.advance(30 * second, steps) != 0;
  }
  EXPECT_EQ(returned, 10);
}

TEST(TimerWheel, LetsAnEndBePutOff) {
  for (const std::int64_t first : {second, 9 * second, 600 * second, day}) {
    for (const std::int64_t later : {first, first + second / 100, first + second, first + 90 * day}) {
      wheel w;
      const handle at = w.add(first);
      ASSERT_TRUE(timer_wheel::may_become(first, later));
      w.pool[at].drop_at = later;
      EXPECT_EQ(w.next(later - 1), 0) << first << ' ' << later;
      EXPECT_EQ(w.next(later + slack), at) << first << ' ' << later;
    }
  }
  EXPECT_FALSE(timer_wheel::may_become(second, second - 1));
  EXPECT_FALSE(timer_wheel::may_become(second, node::never));
  EXPECT_FALSE(timer_wheel::may_become(node::never, second));
}

TEST(TimerWheel, AgreesWithAListUnderAddsRemovalsMovesAndJumps) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    std::mt19937_64 random(seed);
    wheel w;
    std::map<handle, std::int64_t> entries;
    std::int64_t now = 0;
    for (int step = 0; step < 5000; ++step) {
      const auto any = [&] {
        return std::next(entries.begin(), static_cast<long>(random() % entries.size()));
      };
      switch (entries.empty() ? 0 : random() % 5) {
        case 0:
        case 1: {
          const auto drop_at =
              now + 1 + static_cast<std::int64_t>(random() % (std::uint64_t{1} << (10 + random() % 48)));
          entries[w.add(drop_at)] = drop_at;
          break;
        }
        case 2: {
          const auto gone = any();
          w.timers.remove(gone->first);
          w.pool.give(gone->first);
          entries.erase(gone);
          break;
        }
        case 3: {
          const auto moving = any();
          const handle to = w.take();
          w.pool[to] = w.pool[moving->first];
          w.pool.links(to) = w.pool.links(moving->first);
          w.timers.moved(moving->first, to);
          w.pool.give(moving->first);
          entries[to] = moving->second;
          entries.erase(moving->first);
          break;
        }
        default: {
          now += static_cast<std::int64_t>(random() % (std::uint64_t{1} << (10 + random() % 46)));
          while (const handle at = w.next(now)) {
            ASSERT_TRUE(entries.contains(at)) << "seed " << seed;
            ASSERT_LE(entries[at], now) << "seed " << seed;
            w.pool.give(at);
            entries.erase(at);
          }
          for (const auto& [at, drop_at] : entries) ASSERT_GT(drop_at, now - slack) << "seed " << seed;
        }
      }
    }
  }
}

}  // namespace
}  // namespace strata::memory
