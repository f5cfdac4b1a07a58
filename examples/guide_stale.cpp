/// The code of docs/guide/stale.md, fail_safe.md, timeouts.md, refresh.md and expire.md.
#include "check.hpp"

#include <strata/strata.hpp>
#include <strata/testing.hpp>

#include <optional>

using namespace std::chrono_literals;

struct report {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(report, (), (text))

/// A cache whose clock, timers and background work advance only when the example advances them.
struct stage {
  strata::testing::manual_clock time;
  strata::testing::manual_timers timers{time};
  strata::run_loop background;
  strata::run_loop loop;
  strata::cache cache{{.background = &background, .timer = &timers, .seed = 1, .time = &time}};

  /// Runs all work that is ready.
  void settle() {
    while (timers.run_due() + background.run_ready() + loop.run_ready() != 0) continue;
  }
  void advance(strata::duration by) {
    time.advance(by);
    settle();
  }
};

strata::task<> fail_safe(strata::cache& cache) {
  const strata::entity<report, "report:{id}"> reports{{.ttl = 1min, .fail_safe = true, .grace = 1h}};
  co_await cache.set(reports("r1"), report{"yesterday's figures"});
  co_await cache.expire(reports("r1"));

  const auto read = co_await cache.get_or_set(reports("r1"), []() -> strata::result<report> {
    return strata::fail(strata::errc::database_unavailable, "the warehouse does not answer");
  });
  CHECK(read && read->text == "yesterday's figures");
  CHECK(read.info().stale);
}

strata::task<> throttle(strata::cache& cache, strata::testing::manual_clock& time) {
  const strata::entity<report, "sums:{id}"> sums{
      {.ttl = 1min, .jitter = 0, .fail_safe = true, .grace = 1h, .throttle = 30s}};
  int calls = 0;
  const auto failing = [&]() -> strata::result<report> {
    ++calls;
    return strata::fail(strata::errc::database_unavailable, "the warehouse does not answer");
  };
  co_await cache.set(sums("s1"), report{"last known"});
  time.advance(1min);

  for (int i = 0; i < 100; ++i) co_await cache.get_or_set(sums("s1"), failing);
  CHECK(calls == 1);  // the throttle spares the source
  time.advance(30s);
  co_await cache.get_or_set(sums("s1"), failing);
  CHECK(calls == 2);

  time.advance(1h);  // after the grace period there is no stand-in
  const auto read = co_await cache.get_or_set(sums("s1"), failing);
  CHECK(!read && read.failure()->code == strata::errc::database_unavailable);
}

void soft_timeout(stage& s) {
  const strata::entity<report, "chart:{id}"> charts{
      {.ttl = 1min, .jitter = 0, .fail_safe = true, .soft_timeout = 100ms, .hard_timeout = 2s}};
  strata::sync_wait(s.cache.set(charts("c1"), report{"old"}));
  s.time.advance(1min);

  strata::async_latch drawn;
  std::optional<strata::lookup<report>> read;
  const auto slow = [&]() -> strata::task<report> {
    co_await drawn.wait();
    co_return report{"new"};
  };
  strata::start(&s.loop, s.cache.get_or_set(charts("c1"), slow), [&](auto done) { read = *done; });
  s.advance(100ms);
  CHECK((*read)->text == "old" && read->info().stale);  // a stale value exists, so the reader stops waiting

  drawn.set();  // the factory finishes in the background; its value is stored
  s.settle();
  CHECK(strata::sync_wait(s.cache.get(charts("c1")))->text == "new");
}

void hard_timeout(stage& s) {
  const strata::entity<report, "slow:{id}"> reports{{.hard_timeout = 2s}};
  strata::async_latch never;
  std::optional<strata::lookup<report>> read;
  const auto stuck = [&]() -> strata::task<report> {
    co_await never.wait();
    co_return report{"too late"};
  };
  strata::start(&s.loop, s.cache.get_or_set(reports("r1"), stuck), [&](auto done) { read = *done; });
  s.advance(2s);
  CHECK(!*read && read->failure()->code == strata::errc::timeout);

  never.set();
  s.settle();
}

void stale_while_revalidate(stage& s) {
  const strata::entity<report, "front:{page}"> pages{
      {.ttl = 1min, .jitter = 0, .stale_while_revalidate = 30s}};
  strata::sync_wait(s.cache.set(pages("home"), report{"old"}));
  s.time.advance(61s);

  const auto render = [] { return report{"new"}; };
  const auto served = strata::sync_wait(s.cache.get_or_set(pages("home"), render));
  CHECK(served->text == "old" && served.info().stale);  // at once
  s.settle();                                           // one refresh for all readers
  CHECK(strata::sync_wait(s.cache.get_or_set(pages("home"), render))->text == "new");
}

void eager_refresh(stage& s) {
  const strata::entity<report, "hot:{page}"> pages{{.ttl = 100s, .jitter = 0, .eager_refresh = 0.9}};
  strata::sync_wait(s.cache.set(pages("home"), report{"old"}));
  s.time.advance(95s);

  const auto served = strata::sync_wait(s.cache.get_or_set(pages("home"), [] { return report{"new"}; }));
  CHECK(served->text == "old" && !served.info().stale);  // still fresh; the refresh is running
  s.settle();
  CHECK(strata::sync_wait(s.cache.get(pages("home")))->text == "new");
}

void xfetch(stage& s) {
  const strata::entity<report, "sum:{id}"> sums{{.ttl = 100s, .jitter = 0, .xfetch_beta = 1}};
  int refreshed = 0;
  for (int id = 0; id < 100; ++id) {
    const auto slow = [&] {
      s.time.advance(10s);  // the duration of the factory
      return report{"figures"};
    };
    strata::sync_wait(s.cache.get_or_set(sums(id), slow));
    s.time.advance(90s);  // ten seconds of TTL left
    strata::sync_wait(s.cache.get_or_set(sums(id), [&] {
      ++refreshed;
      return report{"newer"};
    }));
    s.settle();
  }
  CHECK(refreshed > 15 && refreshed < 60);  // about e⁻¹ of them, at random and not all at once
}

strata::task<> refresh_now(strata::cache& cache) {
  const strata::entity<report, "menu:{day}"> menus;
  co_await cache.set(menus("monday"), report{"soup"});
  const auto read = co_await cache.refresh(menus("monday"), [] { return report{"stew"}; });
  CHECK(read->text == "stew" && (co_await cache.get(menus("monday")))->text == "stew");
}

strata::task<> expire_or_remove(strata::cache& cache) {
  const strata::entity<report, "price:{id}"> prices{{.ttl = 1h, .fail_safe = true}};
  const auto broken = []() -> strata::result<report> {
    return strata::fail(strata::errc::database_unavailable, "the shop is closed");
  };
  co_await cache.set(prices("p1"), report{"10"});
  co_await cache.expire(prices("p1"));  // probably changed: reload it, but keep it as a fallback
  CHECK((co_await cache.get_or_set(prices("p1"), broken))->text == "10");

  co_await cache.remove(prices("p1"));  // wrong or forbidden: never serve it again
  const auto gone = co_await cache.get_or_set(prices("p1"), broken);
  CHECK(!gone && gone.info().reason == strata::miss_reason::removed);

  co_await cache.set(prices("p2"), report{"12"});
  CHECK((co_await cache.take(prices("p2")))->text == "12");
  CHECK(!co_await cache.take(prices("p2")));
}

int main() {
  stage s;
  strata::sync_wait(fail_safe(s.cache));
  strata::sync_wait(throttle(s.cache, s.time));
  soft_timeout(s);
  hard_timeout(s);
  stale_while_revalidate(s);
  eager_refresh(s);
  xfetch(s);
  strata::sync_wait(refresh_now(s.cache));
  strata::sync_wait(expire_or_remove(s.cache));
}
