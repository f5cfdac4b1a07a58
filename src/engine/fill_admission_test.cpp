/// The way into memory: tickets, floors and flights.

#include "engine/fill_admission.hpp"

#include <gtest/gtest.h>

namespace strata::detail {
namespace {

using enum fill_admission::verdict;

bool always() {
  return true;
}

struct Admission : ::testing::Test {
  fill_admission admission;
  const key agent{"agent:1"};
  bool inserted = false;

  fill_admission::verdict admit(const fill_admission::ticket& held, commit_time asof) {
    inserted = false;
    return admission.admit(held, asof, 0, always, [&] { inserted = true; });
  }
  void invalidate(commit_time floor) {
    admission.invalidate(agent.text(), floor, [] {});
  }
};

TEST_F(Admission, AdmitsAValueThatNothingHasInvalidated) {
  const auto held = admission.enter(agent);
  EXPECT_EQ(admit(held, 5), entered);
  EXPECT_TRUE(inserted);
}

TEST_F(Admission, FencesAValueOlderThanAnInvalidationOfItsKey) {
  const auto held = admission.enter(agent);
  invalidate(5);
  EXPECT_EQ(admit(held, 4), fenced);
  EXPECT_FALSE(inserted);
  EXPECT_EQ(admit(held, 5), entered) << "it was read after the invalidation";
}

TEST_F(Admission, KeepsNoFloorForAKeyWithoutTickets) {
  invalidate(5);
  const auto held = admission.enter(agent);
  EXPECT_EQ(admit(held, 4), entered) << "its ticket is younger than the invalidation";
}

TEST_F(Admission, RunsTheErasureOfAnInvalidationWithoutTickets) {
  bool erased = false;
  admission.invalidate(agent.text(), 5, [&] { erased = true; });
  EXPECT_TRUE(erased);
}

TEST_F(Admission, AsksTheCallerWhetherTheValueIsStillValid) {
  const auto held = admission.enter(agent);
  EXPECT_EQ(admission.admit(held, 5, 0, [] { return false; }, [] {}), fenced);
}

TEST_F(Admission, RefusesAValueWhoseKeyAnotherProcessHasChanged) {
  auto held = admission.enter(agent);
  admission.note_change(agent.text(), [] {});
  EXPECT_EQ(admit(held, 9), changed);
  admission.renew(held);
  EXPECT_EQ(admit(held, 9), entered) << "it reads L2 after the change";
}

TEST_F(Admission, WakesThoseWhoWaitForAChange) {
  const auto held = admission.enter(agent);
  const auto change = admission.next_change(held);
  admission.note_change("agent:2", [] {});
  EXPECT_FALSE(change->is_set());
  admission.note_change(agent.text(), [] {});
  EXPECT_TRUE(change->is_set());
  const auto again = admission.next_change(held);
  admission.wake(agent.text());
  EXPECT_TRUE(again->is_set());
  const auto third = admission.next_change(held);
  admission.note_change_of_all();
  EXPECT_TRUE(third->is_set());
}

TEST_F(Admission, FencesByPattern) {
  const auto held = admission.enter(agent);
  admission.invalidate_if([](std::string_view text) { return text.starts_with("tool:"); }, 5);
  EXPECT_EQ(admit(held, 4), entered);
  admission.invalidate_if([](std::string_view text) { return text.starts_with("agent:"); }, 5);
  EXPECT_EQ(admit(held, 4), fenced);
}

TEST_F(Admission, AWriteFencesTheFillsUnderWay) {
  const auto fill = admission.enter(agent);
  const auto write = admission.enter(agent);
  bool may_store = false;
  EXPECT_EQ(admission.admit_write(write, 5, 6, [&](bool may) { may_store = may; }), entered);
  EXPECT_TRUE(may_store);
  EXPECT_EQ(admit(fill, 5), fenced);
}

TEST_F(Admission, AWriteOlderThanAnInvalidationIsFenced) {
  const auto write = admission.enter(agent);
  invalidate(6);
  bool may_store = true;
  EXPECT_EQ(admission.admit_write(write, 5, 7, [&](bool may) { may_store = may; }), fenced);
  EXPECT_FALSE(may_store);
}

TEST_F(Admission, AWriterIsOvertakenByALaterOneThatHadItsLeaseFirst) {
  const auto early = admission.enter(agent);
  const auto late = admission.enter(agent);
  EXPECT_FALSE(admission.overtaken(late, 1));
  EXPECT_TRUE(admission.overtaken(early, 1));
}

TEST_F(Admission, AWriterThatReadsUnderItsLeaseOvertakesAllBefore) {
  const auto knows = admission.enter(agent);
  const auto reads = admission.enter(agent);
  admission.lead_writers(reads);
  EXPECT_TRUE(admission.overtaken(knows, 1));
}

TEST_F(Admission, OneCallerLeadsAFlightAndOthersFollowIt) {
  auto first = admission.join(agent, time_point());
  const auto second = admission.join(agent, time_point());
  EXPECT_TRUE(first.leads);
  EXPECT_FALSE(second.leads);
  EXPECT_EQ(first.to, second.to);
  EXPECT_TRUE(admission.in_flight(agent.text()));
  EXPECT_EQ(admission.flights(), 1u);
  admission.land(first, {}, true);
  EXPECT_TRUE(second.to->done.is_set());
  EXPECT_FALSE(admission.in_flight(agent.text()));
}

TEST_F(Admission, AnInvalidationDetachesTheFlight) {
  const auto first = admission.join(agent, time_point());
  invalidate(5);
  EXPECT_TRUE(admission.join(agent, time_point()).leads) << "a later read must not follow the older flight";
}

TEST_F(Admission, AnAbandonedFlightTakesNoMoreFollowers) {
  const auto first = admission.join(agent, time_point());
  admission.abandon(agent, first.to);
  EXPECT_TRUE(admission.join(agent, time_point()).leads);
}

TEST_F(Admission, AReadThatEndedDetachesTheFlightThatHasBegunToRead) {
  const auto first = admission.join(agent, time_point());
  admission.detach_older(agent, nullptr);
  EXPECT_FALSE(admission.join(agent, time_point()).leads) << "it will read later";
  first.to->reads_source = true;
  admission.detach_older(key("agent:2"), nullptr);
  EXPECT_FALSE(admission.join(agent, time_point()).leads) << "another key";
  admission.detach_older(agent, first.to.get());
  EXPECT_FALSE(admission.join(agent, time_point()).leads) << "its own read";
  admission.detach_older(agent, nullptr);
  EXPECT_TRUE(admission.join(agent, time_point()).leads);
}

TEST_F(Admission, ADroppedLeaderWakesItsFollowersWithoutAnOutcome) {
  auto first = std::make_optional(admission.join(agent, time_point()));
  const auto second = admission.join(agent, time_point());
  first.reset();
  EXPECT_TRUE(second.to->done.is_set());
  EXPECT_FALSE(second.to->usable);
  EXPECT_EQ(admission.flights(), 0u);
}

TEST(Flight, ItsOutcomeIsUsableForReadsThatBeganInTime) {
  flight landed{time_point()};
  landed.usable = true;
  landed.good_until = time_point(std::chrono::seconds(5));
  landed.outcome.info = {.from = layer::source, .asof = 7};
  EXPECT_TRUE(landed.usable_for(time_point(std::chrono::seconds(5)), 7));
  EXPECT_FALSE(landed.usable_for(time_point(std::chrono::seconds(6)), 7));
  EXPECT_FALSE(landed.usable_for(time_point(), 8)) << "the reader requires a newer value";
}

}  // namespace
}  // namespace strata::detail
