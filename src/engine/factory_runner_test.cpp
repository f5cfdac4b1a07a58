/// Running factories: limits, contexts, failures.

#include "engine/factory_runner.hpp"

#include "engine/engine_test_support.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace strata::detail {
namespace {

using namespace std::chrono_literals;
using engine_test::agent;

struct Runner : ::testing::Test {
  testing::manual_clock time;
  cache_options options{.factory_limit = 1, .factory_queue = 0, .time = &time};
  commit_clock clock;
  floor_table floors;
  random_sequence random{1};
  counters counted;
  record_builder records{options, clock, floors, random};
  fill_admission admission;
  factory_runner runner{options, clock, admission, counted, records};
  failed_run failed;
  const key one{"agent:1"};
  const key two{"agent:2"};
  const std::shared_ptr<const policy> rules = std::make_shared<const policy>(policy{.ttl = 60s, .jitter = 0});
  const std::vector<any_key> keys{{one, rules, cache_type(), &value_type_of<agent>},
                                  {two, rules, cache_type(), &value_type_of<agent>}};
  const std::vector<std::size_t> both{0, 1};

  static any_value ada() { return std::make_shared<const agent>(agent{"1", "Ada"}); }

  result<factory_result> run(any_factory factory, const record_ptr& previous = nullptr,
                             commit_time asof = 5) {
    return sync_wait(runner.run(keys[0], factory, previous, asof, failed));
  }
  result<std::vector<factory_result>> run_many(any_batch_factory factory, commit_time asof = 5) {
    return sync_wait(runner.run_many(keys, both, factory, asof, failed));
  }
  std::uint64_t calls() const {
    cache_stats out;
    counted.collect(out);
    return out.types.at(0).factory_calls;
  }
};

TEST_F(Runner, MakesARecordOfTheFactorysValue) {
  const auto made = run([&](fill_context&) -> task<result<any_value>> {
    time.advance(2s);
    co_return ada();
  });
  ASSERT_TRUE(made);
  EXPECT_EQ(made->entry->asof, 5u);
  EXPECT_EQ(made->entry->source.took, 2s);
  EXPECT_EQ(made->entry->fresh_until, time.now() + 60s);
  EXPECT_EQ(calls(), 1u);
}

TEST_F(Runner, TakesAnEarlierAsofFromTheFactoryButNoLaterOne) {
  const auto as_of = [&](commit_time said) {
    return run([said](fill_context& context) -> task<result<any_value>> {
             context.set_asof(said);
             co_return ada();
           })
        ->entry->asof;
  };
  EXPECT_EQ(as_of(3), 3u);
  EXPECT_EQ(as_of(9), 5u);
}

TEST_F(Runner, ReturnsTheFactorysFailure) {
  const auto returned = run([](fill_context&) -> task<result<any_value>> {
    co_return std::unexpected(error{errc::store_unavailable, "away"});
  });
  EXPECT_EQ(returned.error().detail, "away");
  const auto said = run([](fill_context& context) -> task<result<any_value>> {
    context.fail({errc::store_unavailable, "said"});
    co_return ada();
  });
  EXPECT_EQ(said.error().detail, "said");
  EXPECT_THROW(run([](fill_context&) -> task<result<any_value>> { throw std::domain_error("thrown"); }),
               std::domain_error);
}

TEST_F(Runner, RenewsThePreviousValueIfItIsNotModified) {
  const auto not_modified = [](fill_context& context) -> task<result<any_value>> {
    context.not_modified();
    co_return any_value();
  };
  const auto previous = records.make(keys[0], ada(), fill_context(2), {});
  const auto renewed = run(not_modified, previous);
  ASSERT_TRUE(renewed);
  EXPECT_EQ(renewed->entry->value, previous->value);
  EXPECT_EQ(renewed->entry->asof, 5u);
  EXPECT_EQ(run(not_modified).error().code, errc::invalid_argument);
}

TEST_F(Runner, TurnsFactoriesAwayThatExceedTheLimit) {
  async_latch release;
  any_factory slow = [&](fill_context&) -> task<result<any_value>> {
    co_await release.wait();
    co_return ada();
  };
  std::optional<result<factory_result>> first;
  start(nullptr, runner.run(keys[0], slow, nullptr, 5, failed),
        [&](completion<result<factory_result>> done) { first = std::move(*done); });
  const auto second = run([](fill_context&) -> task<result<any_value>> { co_return ada(); });
  EXPECT_EQ(second.error().code, errc::busy);
  const auto many = run_many([](auto, fill_context&) -> task<result<std::vector<any_value>>> {
    co_return std::vector<any_value>{ada(), ada()};
  });
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().detail, second.error().detail) << "one limit, and one text";
  release.set();
  EXPECT_TRUE(first && *first);
}

TEST_F(Runner, RunsNoFactoryOnceItIsClosed) {
  runner.close();
  EXPECT_EQ(run([](fill_context&) -> task<result<any_value>> { co_return ada(); }).error().code, errc::busy);
  EXPECT_EQ(calls(), 0u);
}

TEST_F(Runner, MakesARecordForEachKeyOfABatch) {
  for (int i = 0; i < 9; ++i) clock.tick();
  const auto made = run_many(
      [](auto missing, fill_context&) -> task<result<std::vector<any_value>>> {
        EXPECT_EQ(missing.size(), 2u);
        co_return std::vector<any_value>{ada(), nullptr};
      },
      last_commit_time);
  ASSERT_TRUE(made);
  EXPECT_NE((*made)[0].entry->value, nullptr);
  EXPECT_EQ((*made)[1].entry->value, nullptr);
  EXPECT_EQ((*made)[0].entry->asof, clock.now()) << "without a lease, the time when the factory began";
  EXPECT_EQ(calls(), 1u);
}

TEST_F(Runner, RefusesABatchOfAnotherSize) {
  EXPECT_THROW(run_many([](auto, fill_context&) -> task<result<std::vector<any_value>>> {
                 co_return std::vector<any_value>{ada()};
               }),
               std::length_error);
}

}  // namespace
}  // namespace strata::detail
