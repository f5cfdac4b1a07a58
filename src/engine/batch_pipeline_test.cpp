/// Many keys at once.

#include "engine/engine_test_support.hpp"

#include <gtest/gtest.h>
#include <stdexcept>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::fixture;
using strata::testing::store_call;
using namespace std::chrono_literals;

std::vector<typed_key<agent>> keys_of(const fixture& f, std::initializer_list<const char*> ids) {
  std::vector<typed_key<agent>> keys;
  for (const auto* id : ids) keys.push_back(f.agents(id));
  return keys;
}

TEST(Batch, CallsTheFactoryOnceWithAllThatMissed) {
  fixture f;
  f.read("b", "cached");
  std::vector<std::vector<std::size_t>> calls;
  const auto load = [&](std::span<const std::size_t> missing) {
    calls.emplace_back(missing.begin(), missing.end());
    std::vector<std::optional<agent>> out;
    for (const auto i : missing) out.push_back(agent{std::to_string(i), "loaded"});
    return out;
  };
  const auto got = sync_wait(f.cache.get_or_set_many(keys_of(f, {"a", "b", "c"}), load));
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0]->id, "0");
  EXPECT_EQ(got[1]->name, "cached");
  EXPECT_EQ(got[2]->id, "2");
  EXPECT_EQ(calls, (std::vector<std::vector<std::size_t>>{{0, 2}}));
  EXPECT_TRUE(sync_wait(f.cache.get(f.agents("c"))));
  sync_wait(f.cache.get_or_set_many(keys_of(f, {"a", "b", "c"}), load));
  EXPECT_EQ(calls.size(), 1u);
}

TEST(Batch, AnswersAKeyThatIsAskedForTwice) {
  fixture f;
  const auto got = sync_wait(f.cache.get_or_set_many(keys_of(f, {"a", "a"}), [](auto missing) {
    return std::vector<std::optional<agent>>(missing.size(), agent{"a", "once"});
  }));
  EXPECT_EQ(got[0]->name, "once");
  EXPECT_EQ(got[1]->name, "once");
}

TEST(Batch, RemembersAbsence) {
  fixture f;
  const auto got = sync_wait(f.cache.get_or_set_many(
      keys_of(f, {"a"}), [](auto missing) { return std::vector<std::optional<agent>>(missing.size()); }));
  EXPECT_TRUE(got[0].known_absent());
  EXPECT_TRUE(sync_wait(f.cache.get(f.agents("a"))).known_absent());
}

TEST(Batch, HandsOnExceptionsAndErrors) {
  fixture f;
  using values = std::vector<std::optional<agent>>;
  const auto throwing = [](std::span<const std::size_t>) -> values { throw std::domain_error("no"); };
  EXPECT_THROW(sync_wait(f.cache.get_or_set_many(keys_of(f, {"a"}), throwing)), std::domain_error);
  const auto failing = [](std::span<const std::size_t>) -> result<values> {
    return fail(errc::busy, "full");
  };
  const auto got = sync_wait(f.cache.get_or_set_many(keys_of(f, {"a"}), failing));
  EXPECT_EQ(got[0].failure()->code, errc::busy);
  EXPECT_EQ(f.cache.stats().flights, 0u);
}

using values = std::vector<std::optional<agent>>;

values throwing(std::span<const std::size_t>) {
  throw std::domain_error("the source is down");
}

TEST(BatchWhoseFactoryThrows, ServesStaleValuesUnderFailSafe) {
  fixture f;
  const entity<agent, "agent:{id}"> safe{{.ttl = 1s, .jitter = 0, .fail_safe = true}};
  sync_wait(f.cache.set(safe("a"), agent{"a", "old"}));
  f.time.advance(2s);
  const auto got = sync_wait(f.cache.get_or_set_many(std::vector{safe("a")}, throwing));
  ASSERT_TRUE(got[0]);
  EXPECT_EQ(got[0]->name, "old");
  EXPECT_TRUE(got[0].info().stale);
}

TEST(BatchWhoseFactoryThrows, KeepsItsHits) {
  fixture f;
  sync_wait(f.cache.set(f.agents("hit"), agent{"hit", "here"}));
  const auto got = sync_wait(f.cache.get_or_set_many(keys_of(f, {"hit", "missing"}), throwing));
  EXPECT_EQ(got[0]->name, "here");
  ASSERT_NE(got[1].failure(), nullptr);
  EXPECT_EQ(got[1].failure()->code, errc::factory_failed);
  EXPECT_EQ(got[1].failure()->detail, "the source is down");
}

TEST(BatchWhoseFactoryThrows, TellsASingleReadThatFollowsItTheException) {
  fixture f;
  run_loop loop;
  async_latch go;
  sync_wait(f.cache.set(f.agents("hit"), agent{"hit", "here"}));
  std::optional<std::size_t> answered;
  start(&loop,
        f.cache.get_or_set_many(keys_of(f, {"hit", "a"}),
                                [&](std::span<const std::size_t> missing) -> task<values> {
                                  co_await go.wait();
                                  co_return throwing(missing);
                                }),
        [&](completion<std::vector<lookup<agent>>> read) { answered = read->size(); });
  loop.run_ready();
  bool thrown = false;
  start(&loop, f.cache.get_or_set(f.agents("a"), [] { return agent{}; }),
        [&](completion<lookup<agent>> read) { thrown = !read; });
  go.set();
  while (loop.run_ready() != 0) {
  }
  EXPECT_EQ(answered, 2u);
  EXPECT_TRUE(thrown);
}

TEST(BatchThatFollows, KeepsItsHitsIfTheOtherFlightThrows) {
  fixture f;
  run_loop loop;
  async_latch go;
  sync_wait(f.cache.set(f.agents("hit"), agent{"hit", "here"}));
  start(&loop,
        f.cache.get_or_set(f.agents("a"),
                           [&]() -> task<agent> {
                             co_await go.wait();
                             throw std::domain_error("the source is down");
                           }),
        [](completion<lookup<agent>>) {});
  std::optional<std::vector<lookup<agent>>> got;
  start(&loop, f.cache.get_or_set_many(keys_of(f, {"hit", "a"}), throwing),
        [&](completion<std::vector<lookup<agent>>> read) { got = std::move(*read); });
  go.set();
  while (loop.run_ready() != 0) {
  }
  ASSERT_TRUE(got);
  EXPECT_EQ(got->at(0)->name, "here");
  EXPECT_EQ(got->at(1).failure()->detail, "the source is down");
}

TEST(Batch, RefusesAWrongNumberOfValues) {
  fixture f;
  const auto short_by_one = [](std::span<const std::size_t>) { return std::vector<std::optional<agent>>(); };
  EXPECT_THROW(sync_wait(f.cache.get_or_set_many(keys_of(f, {"a"}), short_by_one)), std::length_error);
}

TEST(Batch, FollowsAFlightThatIsOnItsWay) {
  fixture f;
  run_loop loop;
  async_latch go;
  start(&loop,
        f.cache.get_or_set(f.agents("a"),
                           [&]() -> task<agent> {
                             co_await go.wait();
                             co_return agent{"a", "single"};
                           }),
        [](const completion<lookup<agent>>&) {});
  std::optional<std::vector<lookup<agent>>> got;
  start(&loop,
        f.cache.get_or_set_many(keys_of(f, {"a", "b"}),
                                [](auto missing) {
                                  return std::vector<std::optional<agent>>(missing.size(),
                                                                           agent{"b", "batch"});
                                }),
        [&](completion<std::vector<lookup<agent>>> read) { got = std::move(*read); });
  EXPECT_FALSE(got);
  go.set();
  while (loop.run_ready() != 0) {
  }
  ASSERT_TRUE(got);
  EXPECT_EQ((*got)[0]->name, "single");
  EXPECT_EQ((*got)[1]->name, "batch");
}

TEST(Batch, ReadsManyWithoutAFactory) {
  fixture f;
  f.read("b", "Ada");
  const auto got = sync_wait(f.cache.get_many(keys_of(f, {"a", "b"})));
  EXPECT_FALSE(got[0]);
  EXPECT_EQ(got[0].info().reason, miss_reason::absent);
  EXPECT_EQ(got[1]->name, "Ada");
}

std::vector<std::pair<typed_key<agent>, agent>> pairs_of(const fixture& f,
                                                         std::initializer_list<agent> agents) {
  std::vector<std::pair<typed_key<agent>, agent>> out;
  for (const auto& each : agents) out.emplace_back(f.agents(each.id), each);
  return out;
}

TEST(Batch, StoresMany) {
  fixture f;
  EXPECT_EQ(sync_wait(f.cache.set_many(pairs_of(f, {{"a", "Ada"}, {"b", "Bob"}}))), 2u);
  EXPECT_EQ(sync_wait(f.cache.get(f.agents("a")))->name, "Ada");
  EXPECT_EQ(sync_wait(f.cache.get(f.agents("b")))->name, "Bob");
}

TEST(Batch, StoresTheLastOfSeveralValuesForOneKey) {
  for (const bool shared : {false, true}) {
    strata::testing::manual_clock time;
    fixture f({.second_level = shared ? connect(make_memory_server(time)) : nullptr});
    EXPECT_EQ(sync_wait(f.cache.set_many(pairs_of(f, {{"a", "1"}, {"b", "Bob"}, {"a", "2"}}))), 2u);
    EXPECT_EQ(sync_wait(f.cache.get(f.agents("a")))->name, "2");
    EXPECT_EQ(sync_wait(f.cache.get(f.agents("b")))->name, "Bob");
  }
}

/// A cache over a store that counts its calls, and can be made to fail.
struct counted {
  strata::testing::manual_clock time;
  std::shared_ptr<memory_server> server = make_memory_server(time);
  std::shared_ptr<strata::testing::faulty_store> store =
      std::make_shared<strata::testing::faulty_store>(connect(server));
  fixture f{{.second_level = store}};
  cache other{fixture::on(time, {.second_level = connect(server)})};

  lookup<agent> elsewhere(const char* id) { return sync_wait(other.get(f.agents(id))); }
};

TEST(Batch, AsksTheSecondLevelOnceForEachStep) {
  counted on;
  const auto all = [](auto missing) {
    return std::vector<std::optional<agent>>(missing.size(), agent{"?", "read"});
  };
  sync_wait(on.f.cache.get_or_set_many(keys_of(on.f, {"a", "b", "c"}), all));
  EXPECT_EQ(on.store->calls(store_call::acquire_many), 1u);
  EXPECT_EQ(on.store->calls(store_call::fill_many), 1u);
  EXPECT_EQ(sync_wait(on.f.cache.set_many(pairs_of(on.f, {{"c", "set"}, {"d", "set"}}))), 2u);
  EXPECT_EQ(on.store->calls(store_call::force_lease_many), 1u);
  EXPECT_EQ(on.store->calls(store_call::fill_many), 2u);
  EXPECT_EQ(on.store->calls(store_call::fill) + on.store->calls(store_call::force_lease), 0u);
  EXPECT_EQ(on.elsewhere("b")->name, "read");
  EXPECT_EQ(on.elsewhere("c")->name, "set");
  EXPECT_EQ(on.elsewhere("d")->name, "set");
}

TEST(Batch, LeavesNoOldValueWhereAStepFails) {
  for (const auto step : {store_call::force_lease_many, store_call::fill_many}) {
    counted on;
    sync_wait(on.f.cache.set_many(pairs_of(on.f, {{"a", "old"}, {"b", "old"}})));
    ASSERT_EQ(on.elsewhere("a")->name, "old");
    on.store->fail({.call = step});
    EXPECT_EQ(sync_wait(on.f.cache.set_many(pairs_of(on.f, {{"a", "new"}, {"b", "new"}}))), 0u);
    for (const auto* id : {"a", "b"}) {
      EXPECT_FALSE(sync_wait(on.f.cache.get(on.f.agents(id)))) << id;
      EXPECT_FALSE(on.elsewhere(id)) << id << " was removed in the store, since it was not replaced";
    }
  }
}

TEST(Batch, DoesNotKeepWhatItCouldNotFill) {
  counted on;
  on.store->fail({.call = store_call::fill_many});
  const auto got = sync_wait(on.f.cache.get_or_set_many(keys_of(on.f, {"a", "b"}), [](auto missing) {
    return std::vector<std::optional<agent>>(missing.size(), agent{"?", "read"});
  }));
  EXPECT_EQ(got[1]->name, "read");
  EXPECT_FALSE(got[1].info().stored);
  EXPECT_FALSE(sync_wait(on.f.cache.get(on.f.agents("a"))));
}

}  // namespace
