/// The code of docs/guide/testing.md.
#include "check.hpp"

#include <strata/strata.hpp>
#include <strata/testing.hpp>

#include <memory>

using namespace std::chrono_literals;
using strata::testing::store_call;

const strata::entity<std::string, "page:{id}"> pages{{.ttl = 60s, .jitter = 0}};

/// A value expires without any real waiting.
strata::task<> time_passes() {
  strata::testing::manual_clock time;
  strata::cache cache({.time = &time});

  co_await cache.set(pages("1"), std::string("old"));
  time.advance(61s);
  const auto gone = co_await cache.get(pages("1"));
  CHECK(!gone && gone.info().reason == strata::miss_reason::expired);
}

/// A factory that is too slow: the test decides when timers fire.
void a_timeout() {
  strata::testing::manual_clock time;
  strata::testing::manual_timers timers(time);
  strata::run_loop loop;
  strata::cache cache({.background = &loop, .timer = &timers, .time = &time});

  strata::async_latch never;
  auto slow = [&]() -> strata::task<std::string> {
    co_await never.wait();
    co_return "too late";
  };
  const strata::entity<std::string, "page:{id}"> hurried{{.ttl = 60s, .hard_timeout = 2s}};
  strata::errc ended{};
  strata::start(nullptr, cache.get_or_set(hurried("1"), slow),
                [&](const auto& read) { ended = (*read).failure()->code; });
  loop.run_ready();  // the factory starts and waits
  time.advance(2s);
  timers.run_due();
  CHECK(ended == strata::errc::timeout);
  never.set();  // the factory finishes late; its value is stored
  loop.run_ready();
}

strata::task<> store_is_down() {
  const auto server = strata::make_memory_server();
  const auto store = std::make_shared<strata::testing::faulty_store>(strata::connect(server));
  strata::cache cache({.second_level = store});

  store->fail({});  // every call, from now on
  const auto read = co_await cache.get_or_set(pages("1"), [] { return std::string("from the source"); });
  CHECK(*read == "from the source" && read.info().reason == strata::miss_reason::l2_down);

  store->heal();
  store->corrupt({.call = store_call::fill, .times = 1});  // flip one bit of the first fill
  co_await cache.set(pages("2"), std::string("damaged on its way"));
  strata::cache another({.second_level = strata::connect(server)});
  const auto damaged = co_await another.get(pages("2"));
  CHECK(!damaged && damaged.info().reason == strata::miss_reason::undecodable);
}

/// A race the cache must win: a value is removed while a read of it is in flight.
void removed_meanwhile() {
  const auto server = strata::make_memory_server();
  const auto slow = std::make_shared<strata::testing::faulty_store>(strata::connect(server));
  strata::cache writer({.second_level = strata::connect(server)});
  strata::cache reader({.second_level = slow});
  strata::sync_wait(writer.set(pages("1"), std::string("old")));

  slow->delay({.call = store_call::get, .after = true});  // the store replies, and the reply is late
  strata::start(nullptr, reader.get(pages("1")), [](const auto&) {});
  strata::sync_wait(writer.remove(pages("1")));
  CHECK(slow->waiting() == 1 && slow->let_go() == 1);

  slow->heal();
  CHECK(!strata::sync_wait(reader.get(pages("1"))));  // the old value was not cached
}

strata::task<> what_was_published() {
  strata::event_bus bus;
  const strata::testing::recording_bus recorded(bus, "agent.*");
  co_await bus.publish({"agent.updated", {{"id", "agt_1"}}});

  const auto events = recorded.events();
  CHECK(events.size() == 1 && events[0].attributes.at("id") == "agt_1");
}

int main() {
  strata::sync_wait(time_passes());
  a_timeout();
  strata::sync_wait(store_is_down());
  removed_meanwhile();
  strata::sync_wait(what_was_published());
}
