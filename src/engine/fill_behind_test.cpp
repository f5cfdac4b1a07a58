/// What cache_options::fill_l2_behind keeps of the guarantees, and what it gives up.

#include "engine/engine_test_support.hpp"

#include <strata/store.hpp>

#include <gtest/gtest.h>

namespace {

using namespace strata;
using namespace std::chrono_literals;
using engine_test::agent;
using engine_test::fixture;
using strata::testing::store_call;

/// Two processes over one store; the first fills L2 behind its readers.
struct FillBehind : ::testing::Test {
  strata::testing::manual_clock& time = engine_test::lasting_clock();
  std::shared_ptr<memory_server> server = make_memory_server(time);
  std::shared_ptr<strata::testing::faulty_store> link =
      std::make_shared<strata::testing::faulty_store>(connect(server));
  strata::cache here{with(link, true)};
  strata::cache there{with(connect(server), false)};
  entity<agent, "agent:{id}"> agents{{.ttl = 60s, .negative_ttl = 10s, .jitter = 0}};
  int calls = 0;

  cache_options with(std::shared_ptr<store> to, bool behind) const {
    return fixture::on(time, {.second_level = std::move(to), .l2_timeout = {}, .fill_l2_behind = behind});
  }
  lookup<agent> read(strata::cache& in, std::string name) {
    return sync_wait(in.get_or_set(agents("1"), [this, name] {
      ++calls;
      return agent{"1", name};
    }));
  }
  layer from(strata::cache& in) { return sync_wait(in.get(agents("1"))).info().from; }
};

TEST_F(FillBehind, AReaderDoesNotWaitForTheSecondLevel) {
  link->delay({.call = store_call::fill});
  EXPECT_EQ(read(here, "Ada")->name, "Ada");
  EXPECT_EQ(link->waiting(), 1u);
  EXPECT_EQ(read(here, "never")->name, "Ada");
  EXPECT_EQ(calls, 1);
  link->let_go();
  EXPECT_EQ(from(there), layer::l2);
  EXPECT_EQ(from(here), layer::l1);
}

TEST_F(FillBehind, KeepsThisProcessesOwnInvalidations) {
  link->delay({.call = store_call::fill});
  read(here, "old");
  sync_wait(here.remove(agents("1")));
  EXPECT_EQ(from(here), layer::none);
  link->let_go();
  EXPECT_EQ(from(here), layer::none) << "the fill that comes late is refused";
  EXPECT_EQ(from(there), layer::none);
}

TEST_F(FillBehind, KeepsALaterWrite) {
  link->delay({.call = store_call::fill, .times = 1});
  read(here, "old");
  EXPECT_TRUE(sync_wait(here.set(agents("1"), agent{"1", "new"})));
  link->let_go();
  EXPECT_EQ(sync_wait(here.get(agents("1")))->name, "new");
  EXPECT_EQ(sync_wait(there.get(agents("1")))->name, "new");
}

TEST_F(FillBehind, KeepsAnotherProcesssInvalidationThatTheStoreReports) {
  link->delay({.call = store_call::fill});
  read(here, "old");
  sync_wait(there.remove(agents("1")));
  EXPECT_EQ(from(here), layer::none);
  link->heal();
  link->let_go();
  EXPECT_EQ(read(here, "new")->name, "new");
  EXPECT_EQ(read(there, "never")->name, "new");
}

TEST_F(FillBehind, GivesUpAnInvalidationThatIsNotReportedUntilTheSecondLevelAnswers) {
  link->delay({.call = store_call::fill});
  read(here, "old");
  sync_wait(there.remove_pattern("*:1"));  // a store reports what it has removed, and it has no value yet
  EXPECT_EQ(read(here, "never")->name, "old") << "the price";
  link->heal();
  link->let_go();
  EXPECT_EQ(from(here), layer::none) << "and its end";
  EXPECT_EQ(read(here, "new")->name, "new");
  EXPECT_EQ(read(there, "never")->name, "new");
}

TEST_F(FillBehind, AValueThatTheSecondLevelDidNotConfirmLeavesMemory) {
  link->fail({.call = store_call::fill, .times = 1});
  EXPECT_EQ(read(here, "Ada")->name, "Ada");
  EXPECT_EQ(from(here), layer::none);
}

TEST_F(FillBehind, WithoutTheOptionAReaderWaitsAndNoOldValueIsServed) {
  const auto other = std::make_shared<strata::testing::faulty_store>(connect(server));
  strata::cache waits(with(other, false));
  other->delay({.call = store_call::fill});
  bool returned = false;
  start(nullptr, waits.get_or_set(agents("1"), [] { return agent{"1", "old"}; }),
        [&](const auto&) { returned = true; });
  EXPECT_FALSE(returned);
  sync_wait(there.remove(agents("1")));
  other->let_go();
  EXPECT_TRUE(returned);
  EXPECT_EQ(from(waits), layer::none) << "it was refused before anyone could read it";
}

}  // namespace
