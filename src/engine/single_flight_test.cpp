/// One factory call a key at a time, whatever becomes of it.

#include "engine/engine_test_support.hpp"

#include <gtest/gtest.h>
#include <atomic>
#include <stdexcept>
#include <thread>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::fixture;
using namespace std::chrono_literals;

/// A factory that waits until the test lets it go.
struct held_factory {
  async_latch go;
  int calls = 0;

  auto operator()(std::function<agent()> end) {
    return [this, end = std::move(end)]() -> task<agent> {
      ++calls;
      co_await go.wait();
      co_return end();
    };
  }
};

void drain(run_loop& loop) {
  while (loop.run_ready() != 0) {
  }
}

TEST(SingleFlight, AThousandMissesAreOneFactoryCall) {
  fixture f;
  run_loop loop;
  held_factory factory;
  int got = 0;
  int shared = 0;
  for (int i = 0; i < 1000; ++i) {
    start(&loop, f.cache.get_or_set(f.agents("1"), factory([] { return agent{"1", "Ada"}; })),
          [&](completion<lookup<agent>> read) {
            got += (*read)->name == "Ada" ? 1 : 0;
            shared += read->info().shared ? 1 : 0;
          });
  }
  EXPECT_EQ(f.cache.stats().flights, 1u);
  factory.go.set();
  drain(loop);
  EXPECT_EQ(factory.calls, 1);
  EXPECT_EQ(got, 1000);
  EXPECT_EQ(shared, 999);
  EXPECT_EQ(f.cache.stats().flights, 0u);
}

TEST(SingleFlight, FollowersGetTheLeadersExceptionAndTheNextCallTriesAgain) {
  fixture f;
  run_loop loop;
  held_factory factory;
  int threw = 0;
  for (int i = 0; i < 10; ++i) {
    start(&loop, f.cache.get_or_set(f.agents("1"), factory([]() -> agent { throw std::domain_error("no"); })),
          [&](completion<lookup<agent>> read) {
            try {
              if (!read) std::rethrow_exception(read.error());
            } catch (const std::domain_error&) {
              ++threw;
            }
          });
  }
  factory.go.set();
  drain(loop);
  EXPECT_EQ(threw, 10);
  EXPECT_EQ(factory.calls, 1);
  EXPECT_EQ(f.read("1", "Ada")->name, "Ada");
}

TEST(SingleFlight, FollowersGetTheLeadersError) {
  fixture f;
  run_loop loop;
  async_latch go;
  int failed = 0;
  for (int i = 0; i < 10; ++i) {
    start(&loop,
          f.cache.get_or_set(f.agents("1"),
                             [&]() -> task<result<agent>> {
                               co_await go.wait();
                               co_return fail(errc::timeout, "late");
                             }),
          [&](completion<lookup<agent>> read) {
            failed += read->failure() != nullptr && read->failure()->code == errc::timeout ? 1 : 0;
          });
  }
  go.set();
  drain(loop);
  EXPECT_EQ(failed, 10);
}

TEST(SingleFlight, FollowersShareAbsenceToo) {
  fixture f;
  run_loop loop;
  async_latch go;
  int calls = 0;
  int absent = 0;
  for (int i = 0; i < 5; ++i) {
    start(&loop,
          f.cache.get_or_set(f.agents("1"),
                             [&]() -> task<std::optional<agent>> {
                               ++calls;
                               co_await go.wait();
                               co_return std::nullopt;
                             }),
          [&](completion<lookup<agent>> read) { absent += read->known_absent() ? 1 : 0; });
  }
  go.set();
  drain(loop);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(absent, 5);
}

TEST(SingleFlight, SurvivesALeaderWhoseTaskIsDropped) {
  fixture f;
  run_loop loop;
  std::optional<lookup<agent>> read;
  {
    // A task that is destroyed while its factory waits for something that never comes.
    struct dropped {
      struct promise_type {
        dropped get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_never initial_suspend() { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() {}
      };
      std::coroutine_handle<promise_type> handle;
    };
    auto lead = [](fixture& on) -> dropped {
      co_await on.cache.get_or_set(on.agents("1"), []() -> task<agent> {
        co_await std::suspend_always();
        co_return agent{};
      });
    };
    const auto leader = lead(f);
    start(&loop, f.cache.get_or_set(f.agents("1"), [] { return agent{"1", "follower's own"}; }),
          [&](completion<lookup<agent>> got) { read = *got; });
    EXPECT_FALSE(read);
    leader.handle.destroy();
  }
  drain(loop);
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)->name, "follower's own");
}

TEST(SingleFlight, NobodyJoinsAFlightThatBeganBeforeANewerReadWasReturned) {
  fixture f;
  run_loop loop;
  held_factory first;
  held_factory second;
  std::vector<std::string> got;
  const auto read = [&](auto factory) {
    start(&loop, f.cache.get_or_set(f.agents("1"), std::move(factory)),
          [&](completion<lookup<agent>> read) { got.push_back((*read)->name); });
  };
  read(first([] { return agent{"1", "newer"}; }));
  start(&loop, f.cache.remove(f.agents("1")), [](completion<invalidation_result>) {});
  read(second([] { return agent{"1", "older"}; }));  // it has read its source, and is slow to return
  drain(loop);
  first.go.set();
  drain(loop);
  EXPECT_EQ(got, std::vector<std::string>({"newer"}));

  read([]() -> agent { return {"1", "newest"}; });
  drain(loop);
  second.go.set();
  drain(loop);
  EXPECT_EQ(got, std::vector<std::string>({"newer", "newest", "older"}));
}

TEST(SingleFlight, HoldsAcrossThreads) {
  cache cache({.memory = {1u << 20}});
  const entity<agent, "agent:{id}"> agents;
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> calls = 0;
    std::atomic<int> right = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const auto read = sync_wait(cache.get_or_set(agents(round), [&] {
          ++calls;
          std::this_thread::yield();
          return agent{"x", std::to_string(round)};
        }));
        right += read->name == std::to_string(round) ? 1 : 0;
      });
    }
    for (auto& each : threads) each.join();
    ASSERT_EQ(calls, 1);
    ASSERT_EQ(right, 4);
  }
}

}  // namespace
