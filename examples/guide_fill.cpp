/// The code of docs/guide/single_flight.md, negative.md, adaptive.md and ttl.md.
#include "check.hpp"

#include <strata/strata.hpp>
#include <strata/testing.hpp>

#include <map>
#include <optional>
#include <stdexcept>

using namespace std::chrono_literals;

struct user {
  std::string id;
  std::string name;
  bool is_guest = false;
};
BOOST_DESCRIBE_STRUCT(user, (), (id, name, is_guest))

const strata::entity<user, "user:{id}"> users{{.ttl = 1h, .negative_ttl = 10s, .jitter = 0}};

void single_flight(strata::cache& cache, strata::run_loop& loop) {
  int calls = 0;
  int answered = 0;
  strata::async_latch from_database;
  const auto load = [&]() -> strata::task<user> {
    ++calls;
    co_await from_database.wait();
    co_return user{"usr_1", "Ada"};
  };
  for (int i = 0; i < 1000; ++i) {
    strata::start(&loop, cache.get_or_set(users("usr_1"), load),
                  [&](auto read) { answered += (*read)->name == "Ada"; });
  }
  from_database.set();
  while (loop.run_ready() != 0) continue;
  CHECK(calls == 1 && answered == 1000);
}

strata::task<> exceptions(strata::cache& cache) {
  const auto broken = []() -> user { throw std::runtime_error("the disk is gone"); };
  bool thrown = false;
  try {
    co_await cache.get_or_set(users("usr_2"), broken);
  } catch (const std::runtime_error&) {  // the leader and every follower get the original exception
    thrown = true;
  }
  const auto next = co_await cache.get_or_set(users("usr_2"), [] { return user{"usr_2", "Bea"}; });
  CHECK(thrown && next->name == "Bea");  // failures are not cached: the next call retries
}

strata::task<> negative(strata::cache& cache, strata::testing::manual_clock& time) {
  int calls = 0;
  const auto find = [&]() -> std::optional<user> {
    ++calls;
    return std::nullopt;
  };
  co_await cache.get_or_set(users("usr_404"), find);
  const auto again = co_await cache.get_or_set(users("usr_404"), find);
  CHECK(!again && again.known_absent() && again.info().hit() && calls == 1);

  time.advance(10s);  // negative_ttl, not ttl
  co_await cache.get_or_set(users("usr_404"), find);
  CHECK(calls == 2);

  co_await cache.set_absent(users("usr_405"));  // no factory call needed
  CHECK((co_await cache.get(users("usr_405"))).known_absent());
}

strata::task<> falsy(strata::cache& cache) {
  const strata::entity<int, "unread:{user}"> unread;
  co_await cache.set(unread("usr_1"), 0);
  const auto count = co_await cache.get(unread("usr_1"));
  CHECK(count && *count == 0);  // an ordinary value, like "", false and an empty list
}

strata::task<> adaptive(strata::cache& cache) {
  const auto read = co_await cache.get_or_set(users("usr_3"), [](strata::fill_context& fill) {
    user found{"usr_3", "Visitor", true};
    if (found.is_guest) fill.set_ttl(30s);  // instead of the policy's hour
    fill.add_tag("guests");                 // in addition to the policy's tags
    return found;
  });
  CHECK(read.info().ttl == 30s);

  const auto unsure = co_await cache.get_or_set(users("usr_4"), [](strata::fill_context& fill) {
    fill.skip();  // return the value to this caller, do not cache it
    return user{"usr_4", "from a replica that lags"};
  });
  CHECK(unsure && !unsure.info().stored);

  const auto refused = co_await cache.get_or_set(users("usr_5"), [](strata::fill_context& fill) {
    fill.fail({strata::errc::database_unavailable, "the answer was cut off"});
    return user{};
  });
  CHECK(!refused && refused.failure()->code == strata::errc::database_unavailable);
}

strata::task<> not_modified(strata::cache& cache) {
  const strata::entity<user, "profile:{id}"> profiles{{.ttl = 1min, .jitter = 0, .fail_safe = true}};
  co_await cache.set(profiles("usr_1"), user{"usr_1", "Ada"});
  co_await cache.expire(profiles("usr_1"));

  const auto read = co_await cache.get_or_set(profiles("usr_1"), [](strata::fill_context& fill) {
    const user* before = fill.previous<user>();  // the value being replaced, or null
    if (before != nullptr) fill.not_modified();  // as after a 304: it is still valid
    return before != nullptr ? user{} : user{"usr_1", "fetched whole"};
  });
  CHECK(read->name == "Ada" && !read.info().stale && read.info().ttl == 1min);
}

strata::task<> ttl(strata::cache& cache, strata::testing::manual_clock& time) {
  const strata::entity<user, "badge:{id}"> badges{{.ttl = 10min, .jitter = 0.2}};
  const auto read = co_await cache.get_or_set(badges("usr_1"), [] { return user{"usr_1", "Ada"}; });
  CHECK(read.info().ttl <= 10min && read.info().ttl >= 8min);  // jitter takes off up to a fifth

  CHECK(co_await cache.touch(badges("usr_1"), 1h));  // a new TTL, without a factory call
  time.advance(50min);
  CHECK(co_await cache.get(badges("usr_1")));
  time.advance(10min);  // expired exactly at the end of its TTL
  const auto gone = co_await cache.get(badges("usr_1"));
  CHECK(!gone && gone.info().reason == strata::miss_reason::expired);
}

int main() {
  strata::testing::manual_clock time;
  strata::run_loop loop;
  strata::cache cache({.time = &time});
  single_flight(cache, loop);
  strata::sync_wait(exceptions(cache));
  strata::sync_wait(negative(cache, time));
  strata::sync_wait(falsy(cache));
  strata::sync_wait(adaptive(cache));
  strata::sync_wait(not_modified(cache));
  strata::sync_wait(ttl(cache, time));
}
