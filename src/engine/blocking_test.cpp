#include "engine/engine_test_support.hpp"

#include <strata/blocking.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using namespace strata;
using namespace std::chrono_literals;
using engine_test::agent;
using engine_test::fixture;

TEST(Blocking, HasTheOperationsOfTheCache) {
  fixture f;
  const auto now = blocking(f.cache);
  const auto where = f.agents("1");
  EXPECT_FALSE(now.get(where));
  EXPECT_EQ(now.get_or_set(where, [] { return agent{"1", "Ada"}; })->name, "Ada");
  EXPECT_EQ(now.get(where).info().from, layer::l1);
  EXPECT_EQ(now.refresh(where, [] { return agent{"1", "Bea"}; })->name, "Bea");
  EXPECT_TRUE(now.set(where, agent{"1", "Cyd"}));
  EXPECT_EQ(now.get(where)->name, "Cyd");

  EXPECT_TRUE(now.touch(where, 10min));
  EXPECT_EQ(now.get(where).info().ttl, duration(10min));
  EXPECT_EQ(now.explain(where.key).levels.front().state, explanation::state::fresh);
  EXPECT_EQ(now.stats().entries, 1u);

  EXPECT_TRUE(now.set_absent(where));
  EXPECT_TRUE(now.get(where).known_absent());

  auto ticket = now.begin_write(where);
  EXPECT_TRUE(now.set_committed(std::move(ticket), where, std::make_shared<const agent>("1", "Dot")));
  EXPECT_EQ(now.get(where)->name, "Dot");
  EXPECT_EQ(&now.underlying(), &f.cache);
}

TEST(Blocking, RemovesAndExpires) {
  run_loop background;  // what is refreshed there would outlive the fixture's clock
  fixture f({.background = &background});
  const auto now = blocking(f.cache);
  const entity<agent, "agent:{id}"> tagged{{.jitter = 0, .fail_safe = true, .tags = {"team"}}};
  const auto where = tagged("1");
  const auto reason_after = [&](auto&& change) {
    now.set(where, agent{"1", "Ada"});
    EXPECT_TRUE(now.get(where));
    change();
    return now.get(where).info().reason;
  };
  EXPECT_EQ(reason_after([&] { now.remove(where); }), miss_reason::removed);
  EXPECT_EQ(reason_after([&] { now.remove(where.key); }), miss_reason::removed);
  EXPECT_EQ(reason_after([&] { now.remove(std::vector{where.key}); }), miss_reason::removed);
  EXPECT_EQ(reason_after([&] { now.remove_by_tag("team"); }), miss_reason::tag);
  EXPECT_EQ(reason_after([&] { now.remove_by_tags({"team", "other"}); }), miss_reason::tag);
  EXPECT_EQ(reason_after([&] { now.remove_by_prefix("agent"); }), miss_reason::prefix);
  EXPECT_EQ(reason_after([&] { now.remove_pattern("agent:*"); }), miss_reason::prefix);
  EXPECT_EQ(reason_after([&] { now.clear(); }), miss_reason::cleared);

  // What is expired is still there for fail-safe.
  const auto stale_after = [&](auto&& change) {
    now.set(where, agent{"1", "Ada"});
    change();
    return now.get_or_set(where, []() -> result<agent> { return fail(errc::timeout, "slow"); }).info().stale;
  };
  EXPECT_TRUE(stale_after([&] { now.expire(where); }));
  EXPECT_TRUE(stale_after([&] { now.expire(where.key); }));
  EXPECT_TRUE(stale_after([&] { now.expire_by_tag("team"); }));
  EXPECT_TRUE(stale_after([&] { now.expire_by_prefix("agent"); }));
  EXPECT_TRUE(stale_after([&] { now.expire_all(); }));
}

TEST(Blocking, TranslatesTokensOfOtherCaches) {
  fixture here;
  fixture there;
  const auto token = blocking(there.cache).latest_write();
  const auto now = blocking(here.cache);
  here.read("1", "Ada");
  const auto required = now.required_asof(token);
  EXPECT_FALSE(now.get(here.agents("1").at_least(required))) << "it was read before the token was seen here";
  EXPECT_EQ(now.required_asof(now.latest_write()), 0u) << "its own writes are there";
}

TEST(Blocking, HasTheBatches) {
  fixture f;
  const auto now = blocking(f.cache);
  now.set_many(std::vector{std::pair{f.agents("1"), agent{"1", "Ada"}}});
  const std::vector wanted{f.agents("1"), f.agents("2")};
  const auto found = now.get_many(wanted);
  EXPECT_EQ(found[0]->name, "Ada");
  EXPECT_FALSE(found[1]);
  std::vector<std::size_t> asked;
  const auto filled = now.get_or_set_many(wanted, [&](std::span<const std::size_t> missing) {
    asked.assign(missing.begin(), missing.end());
    return std::vector<std::optional<agent>>{agent{"2", "Bea"}};
  });
  EXPECT_EQ(asked, std::vector<std::size_t>{1});
  EXPECT_EQ(filled[1]->name, "Bea");
}

TEST(Blocking, LetsExceptionsAndErrorsThrough) {
  fixture f;
  const auto now = blocking(f.cache);
  EXPECT_THROW(now.get_or_set(f.agents("1"), []() -> agent { throw std::out_of_range("no such row"); }),
               std::out_of_range);
  const auto failed =
      now.get_or_set(f.agents("1"), []() -> result<agent> { return fail(errc::busy, "later"); });
  ASSERT_NE(failed.failure(), nullptr);
  EXPECT_EQ(failed.failure()->code, errc::busy);
  EXPECT_EQ(now.get_or_set(f.agents("1"), [] { return agent{"1", "Ada"}; })->name, "Ada") << "nothing stuck";
}

TEST(Blocking, ManyThreadsThatMissOneKeyCallOneFactory) {
  cache cache({.memory = {1u << 20}});
  const auto now = blocking(cache);
  const entity<agent, "agent:{id}"> agents;
  constexpr int threads = 8;
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> calls = 0;
    std::atomic<int> right = 0;
    std::barrier together(threads);
    std::vector<std::thread> all;
    for (int i = 0; i < threads; ++i) {
      all.emplace_back([&] {
        together.arrive_and_wait();
        const auto read = now.get_or_set(agents(round), [&] {
          ++calls;
          std::this_thread::yield();
          return agent{"x", std::to_string(round)};
        });
        right += read && read->name == std::to_string(round) ? 1 : 0;
      });
    }
    for (auto& each : all) each.join();
    ASSERT_EQ(calls, 1);
    ASSERT_EQ(right, threads);
  }
}

TEST(Blocking, ManyThreadsGetTheOneException) {
  cache cache({.memory = {1u << 20}});
  const auto now = blocking(cache);
  const entity<agent, "agent:{id}"> agents;
  constexpr int threads = 4;
  std::atomic<int> calls = 0;
  std::atomic<int> told = 0;
  std::barrier together(threads);
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i) {
    all.emplace_back([&] {
      together.arrive_and_wait();
      try {
        (void)now.get_or_set(agents("1"), [&]() -> agent {
          const int call = ++calls;
          std::this_thread::yield();
          throw std::out_of_range("call " + std::to_string(call));
        });
      } catch (const std::out_of_range&) {
        ++told;
      }
    });
  }
  for (auto& each : all) each.join();
  EXPECT_EQ(told, threads) << "whoever came late called the factory again, and nobody waits for ever";
  EXPECT_LE(calls, threads);
}

TEST(Blocking, WaitsForAFactoryThatEndsOnAnotherThread) {
  cache cache({.memory = {1u << 20}});
  const auto now = blocking(cache);
  const entity<agent, "agent:{id}"> agents{{.hard_timeout = 1h}};  // so that it runs in the background
  const auto here = std::this_thread::get_id();
  std::thread::id there;
  const auto read = now.get_or_set(agents("1"), [&] {
    there = std::this_thread::get_id();
    return agent{"1", "Ada"};
  });
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "Ada");
  EXPECT_NE(there, here);
}

TEST(Blocking, ReadersNeverGoBackWhileAWriterWrites) {
  cache cache({.memory = {1u << 20}});
  const auto now = blocking(cache);
  const entity<int, "number:{id}"> numbers;
  std::atomic<int> committed = 0;  // in the source
  std::atomic<int> told = 0;       // whose write has returned
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const int before = told;
        const auto read = now.get_or_set(numbers("1"), [&] { return committed.load(); });
        if (!read || *read < before) ++wrong;
      }
    });
  }
  for (int i = 1; i <= 500; ++i) {
    // Readers may see the new value from its commit on, and must from the end of the write on.
    auto ticket = now.begin_write(numbers("1"));
    committed = i;
    now.set_committed(std::move(ticket), numbers("1"), std::make_shared<const int>(i));
    told = i;
  }
  done = true;
  for (auto& each : readers) each.join();
  EXPECT_EQ(wrong, 0);
}

TEST(BlockingCached, IsAFunctionThatWaits) {
  fixture f;
  int calls = 0;
  const auto find = blocking(cached(f.cache, f.agents, [&](std::string_view id) {
    return agent{std::string(id), std::to_string(++calls)};
  }));
  EXPECT_EQ(find("1")->name, "1");
  EXPECT_EQ(find(std::string("1"))->name, "1");
  EXPECT_EQ(find.refresh("1")->name, "2");
  find.invalidate("1");
  EXPECT_EQ(find("1")->name, "3");
  EXPECT_EQ(find.key_for("1").key.text(), "agent:1");
  static_assert(!std::invocable<decltype(find)>);
  static_assert(!std::invocable<decltype(find), int, int>);
}

}  // namespace
