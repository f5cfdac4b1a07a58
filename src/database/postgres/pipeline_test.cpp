#include "database/postgres/pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::detail {
namespace {

using kind = answer_kind;
using verdict = pipeline::verdict;
using testing::ElementsAre;
using testing::IsEmpty;

command_ptr statement(const char* text) {
  auto made = std::make_unique<command>();
  made->text = text;
  return made;
}

/// "done a", "again b", …
std::string text_of(pipeline::event happened) {
  static constexpr const char* names[] = {"nothing", "done", "failed", "again", "synced", "confused"};
  const std::string name = names[static_cast<int>(happened.what)];
  return happened.of ? name + ' ' + happened.of->text : name;
}

struct Pipeline : testing::Test {
  pipeline line{2};

  /// Adds statements and a sync.
  void batch(std::initializer_list<const char*> texts) {
    for (const char* each : texts) line.add(statement(each));
    line.add_sync();
  }
  std::vector<std::string> answers(std::initializer_list<kind> kinds) {
    std::vector<std::string> out;
    for (const auto each : kinds) {
      if (auto text = text_of(line.take(each)); text != "nothing") out.push_back(text);
    }
    return out;
  }
};

TEST_F(Pipeline, PreparesAStatementOnceAndRunsItOften) {
  EXPECT_TRUE(line.add(statement("a")).prepare);
  EXPECT_FALSE(line.add(statement("a")).prepare) << "though it has not been answered";
  line.add_sync();
  EXPECT_EQ(line.size(), 2u);
  EXPECT_THAT(answers({kind::done, kind::done, kind::done, kind::sync}),
              ElementsAre("done a", "done a", "synced"));
  EXPECT_FALSE(line.add(statement("a")).prepare);
  EXPECT_EQ(line.size(), 1u);
}

TEST_F(Pipeline, GivesEachAnswerToItsStatementAcrossBatches) {
  batch({"a"});
  batch({"b", "a"});
  EXPECT_THAT(answers({kind::done, kind::done, kind::sync}), ElementsAre("done a", "synced"));
  EXPECT_THAT(answers({kind::done, kind::done, kind::done, kind::sync}),
              ElementsAre("done b", "done a", "synced"));
  EXPECT_TRUE(line.empty());
}

TEST_F(Pipeline, AfterAnErrorTheRestOfTheBatchIsSentAgain) {
  batch({"a"});
  ASSERT_THAT(answers({kind::done, kind::done, kind::sync}), testing::SizeIs(2));
  batch({"a", "a", "a"});
  batch({"a"});
  EXPECT_THAT(answers({kind::done, kind::failed, kind::aborted, kind::sync, kind::done, kind::sync}),
              ElementsAre("done a", "failed a", "again a", "synced", "done a", "synced"));
}

TEST_F(Pipeline, AStatementThatCannotBePreparedFailsOnceAndIsForgotten) {
  batch({"wrong", "good"});
  EXPECT_EQ(line.next()->text, "wrong");
  EXPECT_THAT(answers({kind::failed, kind::aborted, kind::aborted, kind::aborted, kind::sync}),
              ElementsAre("failed wrong", "again good", "synced"));
  EXPECT_TRUE(line.add(statement("wrong")).prepare);
  EXPECT_TRUE(line.add(statement("good")).prepare) << "its PREPARE was aborted";
}

TEST_F(Pipeline, AStalePlanIsGivenUpAndTheStatementPreparedAnew) {
  batch({"a"});
  answers({kind::done, kind::done, kind::sync});
  batch({"a"});
  EXPECT_THAT(answers({kind::stale, kind::sync}), ElementsAre("again a", "synced"));
  const auto anew = line.add(statement("a"));
  EXPECT_THAT(anew.deallocate, ElementsAre("s1"));
  EXPECT_TRUE(anew.prepare);
  EXPECT_EQ(anew.name, "s2");
}

TEST_F(Pipeline, NothingStandsBeforeARollback) {
  batch({"a"});
  answers({kind::done, kind::done, kind::sync});
  batch({"a"});
  answers({kind::stale, kind::sync});
  auto rollback = statement("ROLLBACK");
  rollback->what = command::role::control;
  rollback->kept = false;
  const auto plan = line.add(std::move(rollback));
  EXPECT_THAT(plan.deallocate, IsEmpty()) << "a failed transaction refuses DEALLOCATE";
  EXPECT_FALSE(plan.prepare);
  EXPECT_THAT(line.add(statement("b")).deallocate, ElementsAre("s1"));
}

TEST_F(Pipeline, AStatementThatIsMissingIsPreparedAnewAndNotDeallocated) {
  batch({"a"});
  answers({kind::done, kind::done, kind::sync});
  batch({"a"});
  EXPECT_THAT(answers({kind::missing, kind::sync}), ElementsAre("again a", "synced"));
  const auto anew = line.add(statement("a"));
  EXPECT_THAT(anew.deallocate, IsEmpty());
  EXPECT_TRUE(anew.prepare);
}

TEST_F(Pipeline, AStatementThatIsMissingTimeAndAgainFails) {
  auto lost = statement("a");
  for (unsigned i = 0; i <= pipeline::most_stale; ++i) {
    line.add(std::move(lost));
    line.add_sync();
    line.take(kind::done);
    auto happened = line.take(kind::missing);
    line.take(kind::sync);
    EXPECT_EQ(happened.what, i == pipeline::most_stale ? verdict::failed : verdict::again);
    lost = std::move(happened.of);
  }
}

TEST_F(Pipeline, TheLeastRecentlyUsedStatementMakesRoomForANewOne) {
  batch({"a", "b"});
  answers({kind::done, kind::done, kind::done, kind::done, kind::sync});
  line.add(statement("a"));
  const auto third = line.add(statement("c"));
  EXPECT_THAT(third.deallocate, ElementsAre("s2"));
  line.add_sync();
  EXPECT_THAT(answers({kind::failed, kind::aborted, kind::aborted, kind::aborted, kind::sync}),
              ElementsAre("failed a", "again c", "synced"));
  EXPECT_THAT(line.add(statement("a")).deallocate, ElementsAre("s2")) << "the first DEALLOCATE was aborted";
}

TEST_F(Pipeline, AnswersOutOfOrderAreNoticed) {
  EXPECT_EQ(text_of(line.take(kind::done)), "confused");
  batch({"a"});
  EXPECT_EQ(text_of(line.take(kind::sync)), "confused");
  pipeline other;
  other.add_sync();
  EXPECT_EQ(text_of(other.take(kind::failed)), "confused") << "an error of the sync itself";
}

TEST_F(Pipeline, GivesBackEverythingThatHasNoAnswerInOrder) {
  batch({"a", "b"});
  batch({"c"});
  line.take(kind::done);
  line.take(kind::done);
  std::vector<std::string> left;
  for (const auto& each : line.take_all()) left.push_back(each->text);
  EXPECT_THAT(left, ElementsAre("b", "c"));
  EXPECT_TRUE(line.empty());
  EXPECT_EQ(line.size(), 0u);
}

}  // namespace
}  // namespace strata::detail
