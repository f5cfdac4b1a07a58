/// The store as the engine sees it: in sync or not, and what is kept meanwhile.

#include "engine/second_level.hpp"

#include <strata/testing.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace strata::detail {
namespace {

using namespace std::chrono_literals;
using testing::store_call;

/// Records what the store reports, as the engine would apply it.
struct listener final : store_observer {
  second_level* level = nullptr;
  std::vector<std::string> changes;

  void changed(std::string_view key) override { changes.emplace_back(key); }
  void floor_raised(floor_entry /*floor*/) override {}
  void lost(bool may_have_forgotten) override { level->lost(may_have_forgotten); }
  void trust_until(time_point until, time_point source_watermark) noexcept override {
    level->trust_until(until, source_watermark);
  }
};

struct SecondLevel : ::testing::Test {
  testing::manual_clock time;
  testing::manual_timers timers{time};
  run_loop background;
  std::shared_ptr<memory_server> server = make_memory_server(time);
  std::shared_ptr<testing::faulty_store> below = std::make_shared<testing::faulty_store>(connect(server));
  std::shared_ptr<store> other = connect(server);
  cache_options options{.second_level = below,
                        .breaker_failures = 3,
                        .background = &background,
                        .timer = &timers,
                        .time = &time};
  commit_clock clock;
  counters counted;
  floor_table floors;
  std::shared_ptr<second_level> level = std::make_shared<second_level>(
      second_level::surroundings{.options = options, .clock = clock, .counters = counted, .floors = floors});
  listener reports;

  void SetUp() override {
    reports.level = level.get();
    level->open(level, reports);
    settle();
  }
  void TearDown() override {
    below->heal();
    while (below->let_go() != 0) settle();
    level->close(reports);
    settle();
  }
  void settle() {
    while (timers.run_due() + background.run_ready() != 0) {
    }
  }
  void advance(duration by) {
    time.advance(by);
    settle();
  }
  /// Runs `work` to its end.
  template <class T>
  T wait(task<T> work) {
    std::optional<T> out;
    start(&background, std::move(work), [&](completion<T> done) { out = std::move(*done); });
    settle();
    return std::move(out.value());
  }
};

TEST_F(SecondLevel, ServesOnceItIsInSync) {
  EXPECT_TRUE(level->all_delivered());
  EXPECT_EQ(level->stats().state, second_level_state::up);
  const auto missed = wait(level->acquire("strata:a:1"));
  ASSERT_TRUE(missed);
  EXPECT_FALSE(missed->value);
  EXPECT_NE(missed->lease, 0u);
  const auto filled = wait(level->fill({.name = "strata:a:1",
                                        .lease = missed->lease,
                                        .asof = missed->granted_at,
                                        .bytes = "bytes",
                                        .until = time.now() + 60s}));
  ASSERT_TRUE(filled);
  EXPECT_EQ(*filled, fill_result::stored);
  const auto found = wait(level->get("strata:a:1"));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->bytes, "bytes");
}

TEST_F(SecondLevel, KeepsAnInvalidationThatFailed) {
  below->fail({.call = store_call::invalidate, .times = 1});
  EXPECT_FALSE(wait(level->invalidate({.names = {"strata:a:1"}, .floor = clock.tick()}, {})));
  EXPECT_FALSE(level->all_delivered());
  EXPECT_EQ(level->stats().backlog, 1u);
  EXPECT_GT(level->stats().backlog_size, byte_size{0});
}

TEST_F(SecondLevel, DeliversWhatItKeptBeforeItServesAgain) {
  ASSERT_TRUE(wait(other->force_lease("strata:a:1", 30s, 0)));
  below->fail({.call = store_call::invalidate, .times = 1});
  EXPECT_FALSE(wait(level->invalidate({.names = {"strata:a:1"}, .floor = clock.tick()}, {})));
  ASSERT_TRUE(wait(level->get("strata:a:1"))) << "the read recovers first";
  EXPECT_TRUE(level->all_delivered());
  EXPECT_EQ(level->stats().backlog, 0u);
  EXPECT_EQ(level->stats().delivered, 1u);
}

TEST_F(SecondLevel, RecoversByATimerIfNobodyReads) {
  below->fail({.call = store_call::raise, .times = 1});
  EXPECT_FALSE(wait(level->invalidate({.floors = {{.bucket = 7}}, .floor = clock.tick()}, {})));
  EXPECT_FALSE(level->all_delivered());
  advance(200ms);
  EXPECT_TRUE(level->all_delivered());
}

TEST_F(SecondLevel, GivesUpACallAtItsDeadline) {
  below->delay({.call = store_call::get, .times = 1});
  std::optional<result<std::optional<stored_value>>> got;
  start(&background, level->get("strata:a:1"),
        [&](completion<result<std::optional<stored_value>>> done) { got = std::move(*done); });
  settle();
  EXPECT_FALSE(got);
  advance(options.l2_timeout);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->error().code, errc::timeout);
  EXPECT_EQ(level->stats().timeouts, 1u);
}

TEST_F(SecondLevel, ReleasesALeaseThatWasGrantedTooLate) {
  below->delay({.call = store_call::acquire, .times = 1, .after = true});
  start(&background, level->acquire("strata:a:1"), [](const completion<result<acquire_result>>&) {});
  settle();
  advance(options.l2_timeout);
  below->let_go();
  settle();
  const auto theirs = wait(other->acquire("strata:a:1", 30s, 0));
  ASSERT_TRUE(theirs);
  EXPECT_FALSE(theirs->busy()) << "the late lease was returned";
}

TEST_F(SecondLevel, IsLeftAloneAfterFailuresInARow) {
  below->fail({.call = store_call::get});
  for (unsigned i = 0; i < options.breaker_failures; ++i) EXPECT_FALSE(wait(level->get("strata:a:1")));
  EXPECT_EQ(level->stats().state, second_level_state::down);
  EXPECT_EQ(level->stats().breaker_opened, 1u);
  below->heal();
  EXPECT_FALSE(wait(level->get("strata:a:1")));
  advance(options.breaker_open_for);
  EXPECT_TRUE(wait(level->get("strata:a:1")));
  EXPECT_EQ(level->stats().state, second_level_state::up);
}

TEST_F(SecondLevel, DropsAnAnswerIfChangesWereMissedSinceItsQuestion) {
  below->delay({.call = store_call::get, .times = 1, .after = true});
  std::optional<result<std::optional<stored_value>>> got;
  start(&background, level->get("strata:a:1"),
        [&](completion<result<std::optional<stored_value>>> done) { got = std::move(*done); });
  settle();
  level->lost(false);
  below->let_go();
  settle();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->error().code, errc::store_unavailable);
  EXPECT_EQ(level->stats().losses, 1u);
}

TEST_F(SecondLevel, RepeatsRecentInvalidationsToAServerThatMayHaveForgottenThem) {
  ASSERT_TRUE(wait(level->invalidate({.names = {"strata:a:1"}, .floor = clock.tick()}, {})));
  ASSERT_TRUE(wait(other->put("strata:a:1", "from an old copy", 60s)));
  level->lost(true);
  settle();
  EXPECT_TRUE(level->all_delivered());
  const auto found = wait(other->get("strata:a:1"));
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found) << "the old copy's value is gone again";
}

TEST_F(SecondLevel, RemembersUntilWhenItsReportsCanBeTrusted) {
  const auto until = time.now() + 5s;
  level->trust_until(until, time.now());
  EXPECT_EQ(level->trusted_until(), until);
  EXPECT_EQ(level->source_watermark(), time.now());
}

}  // namespace
}  // namespace strata::detail
