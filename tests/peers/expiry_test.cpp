/// Times to live, and what ends them.

#include "tests/peers/support.hpp"

#include <algorithm>

namespace strata::peers {
namespace {

// FusionCache F11: GetOrDefaultDoesReturnStaleDataWithFailSafe,
// GetOrDefaultDoesNotReturnStaleDataWithoutFailSafe Different: stale_while_revalidate allows it, not
// fail_safe. See docs/guide/stale.md
TEST(PeersExpiry, AReadWithoutAFactoryIsStaleOnlyWithinStaleWhileRevalidate) {
  process p;
  const policy safe{.ttl = 1s, .jitter = 0, .fail_safe = true};
  p.put(number(safe), 1);
  p.advance(1s);
  EXPECT_TRUE(is_miss(p.get(number(safe))));
  EXPECT_TRUE(is_stale(p.get(number({.stale_while_revalidate = 1h})), 1));
}

// FusionCache F29: CanExpire
TEST(PeersExpiry, AnExpiredValueIsGoneForPlainReadsAndThereForStaleOnes) {
  process p;
  source db;
  const policy safe{.ttl = 1h, .jitter = 0, .fail_safe = true};
  p.put(number(safe), 1);
  p.run(p.cache.expire(number(safe)));
  EXPECT_TRUE(is_miss(p.get(number(safe))));
  EXPECT_TRUE(is_stale(p.get(number({.stale_while_revalidate = 1h})), 1));
  EXPECT_TRUE(is_stale(p.read(number(safe), db.throwing()), 1));
}

// caffeine X04: ExpireAfterWriteTest getIfPresent
TEST(PeersExpiry, AValueIsGoneExactlyAtTheEndOfItsTtl) {
  process p;
  p.put(number(), 1);
  p.advance(1h - 1ns);
  EXPECT_TRUE(is(p.get(number()), 1));
  p.advance(1ns);
  const auto read = p.get(number());
  EXPECT_TRUE(is_miss(read));
  EXPECT_EQ(read.info().reason, miss_reason::expired);
}

/// A clock that a test may also set back.
struct odd_clock final : clock {
  time_point at{1h};
  time_point now() const noexcept override { return at; }
  wall_time wall() const noexcept override { return wall_time(24h * 365); }
};

// caffeine X08: anomalies of the ticker
TEST(PeersExpiry, AClockThatGoesBackOnlyProlongsTheTtl) {
  odd_clock time;
  strata::cache cache({.maintenance_interval = {}, .seed = 1, .time = &time});
  const auto key = number({.ttl = 10s, .jitter = 0});
  sync_wait(cache.get_or_set(key, [&] {
    time.at -= 3s;  // inside of the factory
    return 1;
  }));
  time.at -= 3s;
  EXPECT_TRUE(is(sync_wait(cache.get(key)), 1));
  time.at += 13s - 1ns;
  EXPECT_TRUE(is(sync_wait(cache.get(key)), 1));
  time.at += 1ns;
  EXPECT_TRUE(is_miss(sync_wait(cache.get(key))));
}

// cachified D06: does not write to cache when ttl is exceeded before value is received
// Different: the ttl begins when the factory ends.
// See docs/guide/coming_from.md#what-strata-does-differently
TEST(PeersExpiry, TheTtlBeginsWhenTheFactoryEnds) {
  process p;
  const policy rules{.ttl = 1s, .jitter = 0};
  const auto slow = [&] {
    p.now->clock.advance(5s);
    return 1;
  };
  EXPECT_TRUE(p.read(number(rules), slow).info().stored);
  p.advance(1s - 1ns);
  EXPECT_TRUE(is(p.get(number(rules)), 1));
  p.advance(1ns);
  EXPECT_TRUE(is_miss(p.get(number(rules))));
}

// bentocache T16: prune
TEST(PeersExpiry, MaintenanceDropsWhatHasExpired) {
  process p({.maintenance_interval = {}});
  for (int id = 0; id < 100; ++id) p.put(number(std::to_string(id), {.ttl = 1s, .jitter = 0}), id);
  p.put(number("lasting"), 1);
  EXPECT_EQ(p.cache.stats().entries, 101U);
  p.advance(10s);
  for (int round = 0; round < 200; ++round) p.cache.maintain();
  EXPECT_EQ(p.cache.stats().entries, 1U);
  EXPECT_EQ(p.cache.stats().expirations, 100U);
}

// symfony S11: early expiration and jitter
TEST(PeersExpiry, JitterSpreadsTheTtlsAndOnlyShortensThem) {
  process p;
  const policy rules{.ttl = 1000s, .jitter = 0.2};
  duration least = 1000s, most{};
  for (int id = 0; id < 5000; ++id) {
    const auto ttl = p.read(number(std::to_string(id), rules), [] { return 1; }).info().ttl;
    least = std::min(least, ttl);
    most = std::max(most, ttl);
  }
  EXPECT_GE(least, 800s);
  EXPECT_LE(most, 1000s);
  EXPECT_LT(least, 801s);
  EXPECT_GT(most, 999s);
}

}  // namespace
}  // namespace strata::peers
