/// The session over servers that the test plays: no socket, and time passes when the test says so.

#include "redis/coherence/coherence_session.hpp"

#include <strata/testing.hpp>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

using namespace std::chrono_literals;

resp::value text(std::string of) {
  return resp::value::text(resp::kind::bulk_string, std::move(of));
}
resp::value array(std::vector<resp::value> of) {
  return resp::value::aggregate(resp::kind::array, std::move(of));
}

/// Runs work when the test says so, as the client's thread does.
class queue final : public executor {
 public:
  void post(std::move_only_function<void()> work) override { work_.push_back(std::move(work)); }
  void run() {
    while (!work_.empty()) {
      auto work = std::move(work_.front());
      work_.pop_front();
      work();
    }
  }

 private:
  std::deque<std::move_only_function<void()>> work_;
};

/// One server with a clock, that answers at once.
class played_server final : public topology {
 public:
  std::uint64_t epoch = 1;
  std::uint64_t counter = 100;
  bool adopted = false;
  bool answers = true;
  bool fit = true;
  int heartbeats = 0;
  mutable queue thread;

  task<result<reply>> send(std::string_view, resp::command, request_options) override {
    std::vector<resp::value> page;  // of HSCAN: no floors
    page.push_back(text("0"));
    page.push_back(array({}));
    co_return array(std::move(page));
  }
  task<result<std::vector<reply>>> send_each(std::string_view, std::span<const std::string>,
                                             request_options) override {
    co_return std::vector<reply>();
  }
  task<result<std::vector<reply>>> run(std::vector<script_call> calls, batch_options) override {
    ++heartbeats;
    epoch = std::max<std::uint64_t>(epoch, std::stoull(calls.at(0).arguments.at(1)));
    if (!answers) co_return fail(errc::timeout, "silent");
    std::vector<resp::value> items;
    for (const auto each : {epoch, counter, counter, std::uint64_t{0}, std::uint64_t{adopted ? 1u : 0u},
                            std::uint64_t{0}, std::uint64_t{0}}) {
      items.push_back(resp::value::number(static_cast<std::int64_t>(each)));
    }
    adopted = false;
    std::vector<reply> out;
    out.push_back(array(std::move(items)));
    co_return out;
  }
  task<result<std::vector<reply>>> send_to_all(resp::command, request_options) override {
    co_return std::vector<reply>();
  }
  task<result<void>> scan(std::string, key_visitor) override { co_return result<void>(); }
  bool has_remote_clock() const noexcept override { return false; }
  std::string view() const override { return {}; }
  task<result<void>> check_configuration() override {
    if (!fit) co_return fail(errc::invalid_argument, "set maxmemory-policy");
    co_return result<void>();
  }
  task<result<void>> ping_all() override { co_return result<void>(); }
  void tick() override {}
  std::optional<std::string> unreachable_reason() const override { return std::nullopt; }
  executor& get_executor() const override { return thread; }
  std::string address_text() const override { return "played"; }
  void add_counts(store_health&) const override {}
  void stop() override {}
};

struct recorder final : store_observer {
  std::vector<std::string> changes;
  std::vector<bool> losses;
  time_point until{};

  void changed(std::string_view key) override { changes.emplace_back(key); }
  void floor_raised(floor_entry) override {}
  void lost(bool may_have_forgotten) override { losses.push_back(may_have_forgotten); }
  void trust_until(time_point end, time_point) override { until = end; }
};

class Coherence : public ::testing::Test {
 protected:
  Coherence() {
    session.observe(seen);
    session.start_on(server);
    timer.run_due();
  }
  ~Coherence() override { session.stop(); }

  void connect(std::uint64_t generation, const std::string& run_id) {
    session.session_began(generation, run_id);
    pass(1ms);
  }
  /// Lets the time of a heartbeat pass.
  void beat() { pass(25ms); }
  void pass(duration by) {
    time.advance(by);
    timer.run_due();
    server.thread.run();
  }

  strata::testing::manual_clock time;
  strata::testing::manual_timers timer{time};
  played_server server;
  recorder seen;
  coherence_session session{{.time = &time, .timer = &timer}};
};

TEST_F(Coherence, IsNotUsableBeforeTheServersAreConnected) {
  EXPECT_FALSE(session.usable());
  connect(1, "run");
  EXPECT_TRUE(session.usable());
  EXPECT_EQ(session.epoch(), 1u);
  EXPECT_EQ(session.known(), 100u);
  EXPECT_EQ(seen.losses, std::vector<bool>{true}) << "an epoch that this process did not know";
}

TEST_F(Coherence, TrustsFromTheHeartbeatBeforeTheOneAnswered) {
  connect(1, "run");
  const auto first = time.now();
  EXPECT_EQ(seen.until, time_point{}) << "one heartbeat proves nothing";
  beat();
  EXPECT_EQ(seen.until, first + 250ms);
  const auto second = time.now();
  beat();
  EXPECT_EQ(seen.until, second + 250ms);
  EXPECT_EQ(session.event_lag(), time.now() - second);
}

TEST_F(Coherence, ProvesNothingAcrossAnUnansweredHeartbeat) {
  connect(1, "run");
  beat();
  const auto until = seen.until;
  server.answers = false;
  beat();
  server.answers = true;
  beat();
  EXPECT_EQ(seen.until, until) << "only one answer since";
  const auto sent = time.now();
  beat();
  EXPECT_EQ(seen.until, sent + 250ms);
}

TEST_F(Coherence, ReadsPushesAfterTheRepliesThatCameWithThem) {
  connect(1, "run");
  std::vector<resp::value> keys;
  keys.push_back(text("strata:a"));
  keys.push_back(text("strata:b"));
  std::vector<resp::value> push;
  push.push_back(text("invalidate"));
  push.push_back(array(std::move(keys)));
  session.pushed(resp::value::aggregate(resp::kind::push, std::move(push)));
  session.filled("strata:a");  // the reply that came behind the push in the same read
  EXPECT_TRUE(seen.changes.empty());
  server.thread.run();
  EXPECT_EQ(seen.changes, std::vector<std::string>{"strata:b"});
}

TEST_F(Coherence, NotifiesOfDataThatAServerMayHaveLost) {
  connect(1, "run");
  beat();
  server.epoch = 2;
  server.adopted = true;
  beat();
  EXPECT_EQ(seen.losses, (std::vector<bool>{true, true}));
  EXPECT_EQ(session.epoch(), 2u);
  server.counter = 50;  // an older dump
  beat();
  EXPECT_EQ(seen.losses.size(), 3u);
  EXPECT_TRUE(seen.losses.back());
}

TEST_F(Coherence, AFlushTakesTheProofFromEarlierHeartbeats) {
  connect(1, "run");
  beat();
  const auto until = seen.until;
  std::vector<resp::value> push;
  push.push_back(text("invalidate"));
  push.emplace_back();
  session.pushed(resp::value::aggregate(resp::kind::push, std::move(push)));
  beat();
  EXPECT_EQ(seen.until, until) << "the heartbeat before the flush proves nothing";
  EXPECT_TRUE(seen.losses.back());
}

TEST_F(Coherence, SendsHalfAsManyHeartbeatsWhileNothingChanges) {
  connect(1, "run");
  const auto beats_in_a_second = [&] {
    const auto before = server.heartbeats;
    for (int ms = 0; ms < 1000; ++ms) {
      pass(1ms);
      EXPECT_TRUE(ms < 100 || seen.until > time.now()) << ms;
    }
    return server.heartbeats - before;
  };
  EXPECT_NEAR(beats_in_a_second(), 40, 2);
  EXPECT_NEAR(beats_in_a_second(), 20, 2);
  std::vector<resp::value> push;
  push.push_back(text("invalidate"));
  std::vector<resp::value> keys;
  keys.push_back(text("strata:a"));
  push.push_back(array(std::move(keys)));
  const auto before = server.heartbeats;
  session.pushed(resp::value::aggregate(resp::kind::push, std::move(push)));
  pass(1ms);
  EXPECT_EQ(server.heartbeats, before + 1) << "the first change hurries";
  EXPECT_NEAR(beats_in_a_second(), 40, 2);
}

TEST_F(Coherence, IsNotUsableAfterALossUntilTheSessionOpensAgain) {
  connect(1, "run");
  session.session_lost(1, {errc::store_unavailable, "gone"});
  EXPECT_EQ(session.usable().error().detail, "gone");
  beat();
  EXPECT_FALSE(session.usable());
  connect(2, "another");
  EXPECT_TRUE(session.usable());
  EXPECT_TRUE(seen.losses.back()) << "another run id: the server may have lost data";
}

TEST_F(Coherence, AServerThatBecomesUnsafeIsNotUsedAndThenHoldsNothingOld) {
  connect(1, "run");
  beat();
  server.fit = false;
  pass(1s);
  ASSERT_FALSE(session.usable());
  EXPECT_EQ(session.usable().error().code, errc::store_unavailable);
  EXPECT_EQ(session.usable().error().detail, "set maxmemory-policy");
  const auto until = seen.until;
  pass(1s);
  EXPECT_FALSE(session.usable());
  EXPECT_EQ(seen.until, until) << "nothing is proven";
  server.fit = true;
  pass(1s);
  EXPECT_TRUE(session.usable());
  EXPECT_EQ(session.epoch(), 2u) << "values of before have no floors any more";
  EXPECT_TRUE(seen.losses.back());
  beat();
  EXPECT_GT(seen.until, until);
  EXPECT_EQ(session.epoch(), 2u);
}

}  // namespace
}  // namespace strata::redis
