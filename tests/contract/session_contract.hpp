#pragma once
/// What a session store promises, whatever store its caches share. Two processes with the same database:
/// `one` and `two`. Threads: one.
///
///   struct of_redis {
///     static void start_servers();   // optional: once, before the first test of the suite
///     static void stop_servers();    // optional
///     std::shared_ptr<store> connect();   // null: the caches share no store
///   };
///   INSTANTIATE_TYPED_TEST_SUITE_P(Redis, SessionContract, of_redis);

#include "tests/contract/temporary_folder.hpp"
#include "tests/redis/child.hpp"

#include <strata/session_store.hpp>
#include <strata/testing.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace strata::contract {

using namespace std::chrono_literals;

template <class T>
T must(result<T> from) {
  if (!from) throw std::runtime_error(from.error().detail);
  if constexpr (!std::is_void_v<T>) return std::move(*from);
}

/// One process: its connections, its memory, its sessions.
struct session_process {
  session_process(const std::string& file, std::shared_ptr<strata::store> shared,
                  std::shared_ptr<const key_ring> keys, const clock& time, session_options with = {})
      : source(must(open_sqlite({.file = file}))),
        target(cache_options{.second_level = std::move(shared), .encryption = keys}),
        sessions(*source, target, (with.encryption = keys, with.time = &time, with)) {}
  ~session_process() { target.stop_filling(); }

  lookup<session> find(const std::string& token) { return sync_wait(sessions.find(token)); }
  bool holds(const std::string& token) { return static_cast<bool>(find(token)); }
  started_session begin(const std::string& user, const std::string& device = "a device") {
    return must(sync_wait(sessions.create({.user_id = user, .device = device, .address = "192.0.2.7"})));
  }

  std::shared_ptr<database> source;
  cache target;
  session_store sessions;
};

template <class Shared>
class SessionContract : public ::testing::Test {
 public:
  static void SetUpTestSuite() {
    if constexpr (requires { Shared::start_servers(); }) Shared::start_servers();
  }
  static void TearDownTestSuite() {
    if constexpr (requires { Shared::stop_servers(); }) Shared::stop_servers();
  }

  SessionContract() {
    must(sync_wait(must(open_sqlite({.file = file}))->run_script(session_store::schema())));
    one = process();
    two = process();
  }

  std::unique_ptr<session_process> process() {
    return std::make_unique<session_process>(file, under_test.connect(), keys, time,
                                             session_options{.idle = 1h, .lifetime = 3h});
  }
  /// Waits until `in` refuses `token`. Without a shared store, a gateway notices that another process has
  /// written to the database, and clears its memory.
  bool refuses(session_process& in, const std::string& token) {
    if constexpr (!Shared::shares) sync_wait(in.target.clear());
    return test::eventually([&] { return !in.holds(token); });
  }
  std::string everything_stored() const {
    std::string all;
    for (const auto* end : {"", "-wal"}) {
      std::ifstream from(file + end, std::ios::binary);
      all.append(std::istreambuf_iterator<char>(from), {});
    }
    return all;
  }

  Shared under_test;
  test::temporary_folder folder;
  const std::string file = folder.file("sessions.db");
  testing::manual_clock time;
  std::shared_ptr<const key_ring> keys = std::make_shared<key_ring>("7:" + key_ring::generate());
  std::unique_ptr<session_process> one, two;
};

TYPED_TEST_SUITE_P(SessionContract);

TYPED_TEST_P(SessionContract, HoldsInEveryProcessAndAfterARestart) {
  const auto begun = this->one->begin("usr_1", "Firefox on Linux");
  EXPECT_EQ(this->one->find(begun.token)->user_id, "usr_1");
  const auto there = this->two->find(begun.token);
  ASSERT_TRUE(there);
  EXPECT_EQ(there->id, begun.value->id);
  EXPECT_EQ(there->device, "Firefox on Linux");
  EXPECT_EQ(there->address, "192.0.2.7");
  EXPECT_EQ(there->ends_at, begun.value->created_at + 3h);
  this->one = this->process();
  EXPECT_TRUE(this->one->holds(begun.token));
}

TYPED_TEST_P(SessionContract, StoresNeitherTheTokenNorItsDetailsInClear) {
  const auto begun = this->one->begin("usr_1", "Telltale device");
  this->two->find(begun.token);
  const auto stored = this->everything_stored();
  EXPECT_TRUE(stored.contains(begun.value->id));
  EXPECT_FALSE(stored.contains(begun.token));
  EXPECT_FALSE(stored.contains(begun.token.substr(5)));
  EXPECT_FALSE(stored.contains("Telltale"));
  EXPECT_FALSE(stored.contains("192.0.2.7"));
}

TYPED_TEST_P(SessionContract, CostsNoRoundTripWhileNothingChanges) {
  const auto begun = this->one->begin("usr_1");
  this->one->find(begun.token);
  for (int i = 0; i < 100; ++i) {
    auto pending = this->one->sessions.find(begun.token);
    ASSERT_TRUE(pending.is_ready());
    EXPECT_EQ(pending.take_ready().info().from, layer::l1);
  }
}

TYPED_TEST_P(SessionContract, EndsAtOnceHereAndSoonElsewhere) {
  const auto begun = this->one->begin("usr_1");
  const auto other = this->one->begin("usr_1");
  for (auto* each : {this->one.get(), this->two.get()})
    EXPECT_TRUE(each->holds(begun.token) && each->holds(other.token));
  EXPECT_TRUE(must(sync_wait(this->one->sessions.end(begun.token))));
  EXPECT_FALSE(this->one->holds(begun.token));
  EXPECT_TRUE(this->refuses(*this->two, begun.token));
  EXPECT_FALSE(must(sync_wait(this->one->sessions.end(begun.token))));
  EXPECT_TRUE(this->one->holds(other.token) && this->two->holds(other.token));
}

TYPED_TEST_P(SessionContract, EndsAllOfAUserAndNobodyElse) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 20; ++i) tokens.push_back(this->one->begin("usr_1").token);
  const auto kept = this->two->begin("usr_1");
  const auto other = this->one->begin("usr_10");
  for (const auto& each : tokens) EXPECT_TRUE(this->two->holds(each));
  EXPECT_EQ(must(sync_wait(this->one->sessions.end_all("usr_1", kept.value->id))), 20u);
  for (const auto& each : tokens) {
    EXPECT_FALSE(this->one->holds(each));
    EXPECT_TRUE(this->refuses(*this->two, each));
  }
  for (auto* each : {this->one.get(), this->two.get()}) {
    EXPECT_TRUE(each->holds(kept.token));
    EXPECT_TRUE(each->holds(other.token));
  }
}

TYPED_TEST_P(SessionContract, EndsOneByItsIdForItsUserOnly) {
  const auto begun = this->one->begin("usr_1");
  EXPECT_FALSE(must(sync_wait(this->one->sessions.end_one("usr_2", begun.value->id))));
  EXPECT_TRUE(this->one->holds(begun.token));
  EXPECT_TRUE(must(sync_wait(this->one->sessions.end_one("usr_1", begun.value->id))));
  EXPECT_FALSE(this->one->holds(begun.token));
}

TYPED_TEST_P(SessionContract, SlidesAndEndsAtItsCap) {
  const auto begun = this->one->begin("usr_1");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(this->one->holds(begun.token)) << i;
    must(sync_wait(this->one->sessions.maintain()));
    this->time.advance(59min);
  }
  const auto found = this->one->find(begun.token);
  ASSERT_TRUE(found);
  EXPECT_EQ(this->one->sessions.expires_at(*found), this->time.wall() + 3min);
  this->time.advance(3min);
  EXPECT_FALSE(this->one->holds(begun.token));
}

TYPED_TEST_P(SessionContract, EndsWhenItIsIdle) {
  const auto begun = this->one->begin("usr_1");
  EXPECT_TRUE(this->one->holds(begun.token));
  this->time.advance(1h);
  EXPECT_FALSE(this->one->holds(begun.token));
  EXPECT_FALSE(this->two->holds(begun.token));
}

TYPED_TEST_P(SessionContract, IsKeptAliveByUsesInAnotherProcess) {
  const auto begun = this->one->begin("usr_1");
  EXPECT_TRUE(this->one->holds(begun.token));
  for (int i = 0; i < 2; ++i) {
    this->time.advance(50min);
    EXPECT_TRUE(this->two->holds(begun.token));
    must(sync_wait(this->two->sessions.maintain()));
  }
  EXPECT_TRUE(this->one->holds(begun.token)) << "its own copy is 100 minutes old";
}

TYPED_TEST_P(SessionContract, RecordsAUseAtMostOnceAMinute) {
  const auto begun = this->one->begin("usr_1");
  this->time.advance(2min);
  for (int i = 0; i < 60; ++i) {
    this->one->find(begun.token);
    this->time.advance(1s);
  }
  must(sync_wait(this->one->sessions.maintain()));
  EXPECT_EQ(this->one->sessions.stats().recorded, 1u);
  must(sync_wait(this->one->sessions.maintain()));
  EXPECT_EQ(this->one->sessions.stats().recorded, 1u);
}

TYPED_TEST_P(SessionContract, ListsTheSessionsOfAUser) {
  const auto first = this->one->begin("usr_1", "phone");
  this->time.advance(10min);
  const auto second = this->one->begin("usr_1", "laptop");
  this->one->begin("usr_2", "elsewhere");
  auto listed = must(sync_wait(this->two->sessions.list("usr_1")));
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[0].device, "laptop");
  EXPECT_EQ(listed[1].device, "phone");
  EXPECT_EQ(listed[1].used_at, this->time.wall() - 10min);
  this->time.advance(51min);
  EXPECT_EQ(must(sync_wait(this->two->sessions.list("usr_1"))).size(), 1u) << "the first is idle";
}

TYPED_TEST_P(SessionContract, RotatesAndEndsTheOldToken) {
  const auto begun = this->one->begin("usr_1", "phone");
  EXPECT_TRUE(this->two->holds(begun.token));
  this->time.advance(30min);
  const auto next = must(sync_wait(this->one->sessions.rotate(begun.token)));
  ASSERT_TRUE(next);
  EXPECT_NE(next->token, begun.token);
  EXPECT_FALSE(this->one->holds(begun.token));
  EXPECT_TRUE(this->refuses(*this->two, begun.token));
  const auto found = this->two->find(next->token);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->device, "phone");
  EXPECT_EQ(found->ends_at, begun.value->ends_at) << "a rotation does not lengthen its life";
  EXPECT_FALSE(must(sync_wait(this->one->sessions.rotate(begun.token))));
}

TYPED_TEST_P(SessionContract, RotatesOnceWhenItsUserHasGainedRights) {
  const auto begun = this->one->begin("usr_1");
  EXPECT_FALSE(this->one->find(begun.token)->rotation_due);
  EXPECT_FALSE(must(sync_wait(this->one->sessions.rotate_if_due(begun.token))));
  auto work = must(sync_wait(unit_of_work::begin(*this->two->source, this->two->target)));
  must(sync_wait(this->two->sessions.require_rotation_in(work, "usr_1")));
  must(sync_wait(work.commit()));
  sync_wait(this->two->sessions.forget("usr_1"));
  if constexpr (!TypeParam::shares) sync_wait(this->one->target.clear());
  EXPECT_TRUE(test::eventually([&] { return this->one->find(begun.token)->rotation_due; }));
  const auto next = must(sync_wait(this->one->sessions.rotate_if_due(begun.token)));
  ASSERT_TRUE(next);
  EXPECT_FALSE(must(sync_wait(this->one->sessions.rotate_if_due(begun.token))));
  EXPECT_TRUE(this->one->holds(begun.token)) << "requests that are on their way carry it";
  this->time.advance(30s);
  EXPECT_FALSE(this->one->holds(begun.token));
  EXPECT_TRUE(this->one->holds(next->token));
}

TYPED_TEST_P(SessionContract, RefusesWhatIsNoTokenOfAnySession) {
  auto token = this->one->begin("usr_1").token;
  token.back() = token.back() == 'A' ? 'B' : 'A';
  for (const auto& each : {std::string(), std::string("sess_"), std::string(100'000, 'x'), token}) {
    EXPECT_FALSE(this->one->holds(each));
  }
  EXPECT_EQ(this->one->sessions.stats().refused, 4u);
}

TYPED_TEST_P(SessionContract, DeletesEndedSessions) {
  this->one->begin("usr_1");
  this->time.advance(2h);
  const auto kept = this->one->begin("usr_1");
  must(sync_wait(this->one->sessions.maintain()));
  EXPECT_EQ(this->one->sessions.stats().expired, 1u);
  EXPECT_TRUE(this->one->holds(kept.token));
  const auto rows = must(sync_wait(this->one->source->query("SELECT session_id FROM session_uses", {})));
  EXPECT_EQ(rows.size(), 1u);
}

REGISTER_TYPED_TEST_SUITE_P(SessionContract, HoldsInEveryProcessAndAfterARestart,
                            StoresNeitherTheTokenNorItsDetailsInClear, CostsNoRoundTripWhileNothingChanges,
                            EndsAtOnceHereAndSoonElsewhere, EndsAllOfAUserAndNobodyElse,
                            EndsOneByItsIdForItsUserOnly, SlidesAndEndsAtItsCap, EndsWhenItIsIdle,
                            IsKeptAliveByUsesInAnotherProcess, RecordsAUseAtMostOnceAMinute,
                            ListsTheSessionsOfAUser, RotatesAndEndsTheOldToken,
                            RotatesOnceWhenItsUserHasGainedRights, RefusesWhatIsNoTokenOfAnySession,
                            DeletesEndedSessions);

}  // namespace strata::contract
