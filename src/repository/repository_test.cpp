#include "repository/test_support.hpp"

#include <atomic>
#include <thread>

namespace strata::repository_test {
namespace {

TEST(TableStatements, AreMadeFromTheColumns) {
  const strata::detail::table_statements made("things", {"name", "id", "version"});
  EXPECT_EQ(made.select, R"(SELECT "name", "id", "version" FROM "things")");
  EXPECT_EQ(made.select_by_id, R"(SELECT "name", "id", "version" FROM "things" WHERE "id" = $1)");
  EXPECT_EQ(made.insert, R"(INSERT INTO "things" ("name", "id", "version") VALUES ($1, $2, $3))");
  EXPECT_EQ(made.update,
            R"(UPDATE "things" SET "name" = $1, "version" = $3 WHERE "id" = $2 AND "version" = $4)");
  EXPECT_EQ(made.remove, R"(DELETE FROM "things" WHERE "id" = $1 AND "version" = $2)");
}

TEST_F(Repository, CreatingSetsVersionAndTimesAndFillsTheCache) {
  agent given = named("agt_1", "ann");
  given.note = "";
  given.is_public = true;
  given.config.text = R"({"model":"m"})";
  given.version = 99;
  const auto made = sync_wait(agents_.create(given));
  ASSERT_TRUE(made) << made.error().detail;
  given.version = 1;
  given.created_at = given.updated_at = "1970-01-01T00:00:00.000Z";
  EXPECT_EQ(*made, given);
  EXPECT_EQ(**sync_wait(agents_.load("agt_1")), given);
  const auto found = find("agt_1");
  EXPECT_EQ(found.info().from, layer::l1);
  EXPECT_EQ(*found, given);
}

TEST_F(Repository, ReadsThroughTheCacheAndRemembersAbsence) {
  EXPECT_EQ(find("agt_1").info().from, layer::source);
  EXPECT_TRUE(find("agt_1").known_absent());
  EXPECT_EQ(find("agt_1").info().from, layer::l1);
  create("agt_1", "ann");
  EXPECT_EQ(find("agt_1")->name, "ann") << "a remembered absence ends with the row's creation";

  behind_our_back("INSERT INTO agents VALUES ('agt_2', 'org_1', 'bob', FALSE, NULL, '{}', 1, '', '')");
  EXPECT_EQ(find("agt_2").info().from, layer::source);
  EXPECT_EQ(find("agt_2").info().from, layer::l1);
}

TEST_F(Repository, UpdatingWritesTheNextVersionAndTheCacheHoldsIt) {
  const auto made = create("agt_1", "ann");
  minutes_ = 5;
  const auto saved = sync_wait(agents_.update("agt_1", 1, [](agent& row) -> strata::result<void> {
    row.name = "bob";
    row.id = "agt_2";
    row.version = 77;
    row.created_at = "never";
    row.updated_at = "never";
    return {};
  }));
  ASSERT_TRUE(saved) << saved.error().detail;
  agent expected = made;
  expected.name = "bob";
  expected.version = 2;
  expected.updated_at = "1970-01-01T00:05:00.000Z";
  EXPECT_EQ(*saved, expected) << "id, version and times are the repository's";
  EXPECT_EQ(**sync_wait(agents_.load("agt_1")), expected);
  EXPECT_EQ(find("agt_1").info().from, layer::l1);
  EXPECT_EQ(*find("agt_1"), expected);
}

TEST_F(Repository, AnUpdateThatChangesNothingIsAWrite) {
  create("agt_1", "ann");
  EXPECT_EQ(rename("agt_1", std::nullopt, "ann")->version, 2);
  EXPECT_EQ(find("agt_1")->version, 2);
}

TEST_F(Repository, AFailedWriteChangesNeitherTableNorCache) {
  const auto made = create("agt_1", "ann");
  create("agt_2", "bob");
  EXPECT_EQ(code_of(rename("agt_1", 2, "x")), errc::conflict);
  EXPECT_EQ(code_of(rename("agt_9", 1, "x")), errc::not_found);
  EXPECT_EQ(code_of(rename("agt_1", 1, "bob")), errc::constraint);
  EXPECT_EQ(code_of(sync_wait(agents_.create(named("agt_1", "x")))), errc::constraint);
  EXPECT_EQ(code_of(sync_wait(agents_.remove("agt_1", 7))), errc::conflict);
  EXPECT_EQ(code_of(sync_wait(agents_.remove("agt_9"))), errc::not_found);
  const auto refused = sync_wait(agents_.update("agt_1", 1, [](agent& row) -> strata::result<void> {
    row.name = "half";
    return strata::fail(errc::invalid_argument, "no");
  }));
  EXPECT_EQ(code_of(refused), errc::invalid_argument);
  EXPECT_THROW((void)sync_wait(agents_.update(
                   "agt_1", 1, [](agent&) -> strata::result<void> { throw std::logic_error("no"); })),
               std::logic_error);
  EXPECT_EQ(find("agt_1").info().from, layer::l1);
  EXPECT_EQ(*find("agt_1"), made);
  EXPECT_EQ(**sync_wait(agents_.load("agt_1")), made);
  EXPECT_TRUE(rename("agt_1", 1, "free")) << "the writer is free again";
}

TEST_F(Repository, ARemovedRowIsKnownToBeAbsent) {
  create("agt_1", "ann");
  ASSERT_TRUE(sync_wait(agents_.remove("agt_1", 1)));
  EXPECT_TRUE(find("agt_1").known_absent());
  EXPECT_EQ(find("agt_1").info().from, layer::l1);
  EXPECT_FALSE(*sync_wait(agents_.load("agt_1")));
}

TEST_F(Repository, ARowThatOthersReferToCannotBeRemoved) {
  create("agt_1", "ann");
  ASSERT_TRUE(sync_wait(tools_.create({.id = "agt_1", .names = {"hammer"}})));
  EXPECT_EQ(code_of(sync_wait(agents_.remove("agt_1"))), errc::constraint);
  EXPECT_EQ(find("agt_1")->name, "ann");
}

TEST_F(Repository, SelectsRowsByATailOfSql) {
  for (const char* name : {"c", "a", "b"}) create(std::string("agt_") + name, name);
  const auto found = sync_wait(
      agents_.select("WHERE organization_id = $1 ORDER BY name LIMIT $2", {"org_1", std::int64_t{2}}));
  ASSERT_TRUE(found) << found.error().detail;
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].id, "agt_a");
  EXPECT_EQ((*found)[1].id, "agt_b");
}

TEST_F(Repository, ARowThatIsNotOfItsTypeIsAnErrorAndIsNotCached) {
  create("agt_1", "ann");
  behind_our_back("UPDATE agents SET config = '{oops' WHERE id = 'agt_1'");
  sync_wait(cache_.remove(agents_.key_of("agt_1").key));
  const auto broken = find("agt_1");
  ASSERT_NE(broken.failure(), nullptr);
  EXPECT_EQ(broken.failure()->code, errc::corrupt_entry);
  behind_our_back("UPDATE agents SET config = '{}' WHERE id = 'agt_1'");
  EXPECT_EQ(find("agt_1")->name, "ann");
}

TEST_F(Repository, AViewOfARowIsCachedInItsPlace) {
  strata::repository<rendered_agent, "view:{id}"> views(*db_, cache_, {}, "agents",
                                                        [] { return strata::wall_time(); });
  const auto made = sync_wait(views.create(named("agt_1", "ann"))).value();
  const auto found = sync_wait(views.find("agt_1"));
  EXPECT_EQ(found.info().from, layer::l1);
  EXPECT_EQ(found->row, made);
  EXPECT_EQ(found->body, strata::json::text_of(made));
  sync_wait(cache_.clear());
  EXPECT_EQ(sync_wait(views.find("agt_1"))->body, strata::json::text_of(made));
}

TEST_F(Repository, AUnitOfWorkWritesSeveralRowsAtOnce) {
  EXPECT_TRUE(find("agt_1").known_absent());
  auto work = begin();
  ASSERT_TRUE(sync_wait(agents_.create_in(work, named("agt_1", "ann"))));
  ASSERT_TRUE(sync_wait(tools_.create_in(work, {.id = "agt_1", .names = {"hammer"}})));
  ASSERT_EQ((*sync_wait(agents_.load_in(work, "agt_1")))->name, "ann");
  ASSERT_TRUE(sync_wait(agents_.update_in(work, "agt_1", 1, [](agent& row) -> strata::result<void> {
    row.name = "bob";
    return {};
  })));
  EXPECT_TRUE(find("agt_1").known_absent()) << "nothing uncommitted is seen";
  EXPECT_TRUE(sync_wait(tools_.find("agt_1")).known_absent());
  ASSERT_TRUE(sync_wait(work.commit()));
  EXPECT_EQ(find("agt_1").info().from, layer::l1);
  EXPECT_EQ(find("agt_1")->name, "bob") << "the last write of a key counts";
  EXPECT_EQ(find("agt_1")->version, 2);
  EXPECT_THAT(sync_wait(tools_.find("agt_1"))->names, ::testing::ElementsAre("hammer"));
}

TEST_F(Repository, AUnitOfWorkThatIsDroppedOrRolledBackLeavesTableAndCache) {
  const auto made = create("agt_1", "ann");
  const auto change = [](agent& row) -> strata::result<void> {
    row.name = "bob";
    return {};
  };
  {
    auto dropped = begin();
    ASSERT_TRUE(sync_wait(agents_.update_in(dropped, "agt_1", 1, change)));
  }
  auto undone = begin();
  ASSERT_TRUE(sync_wait(agents_.remove_in(undone, "agt_1")));
  ASSERT_TRUE(sync_wait(undone.rollback()));
  EXPECT_EQ(*find("agt_1"), made);
  EXPECT_EQ(find("agt_1").info().from, layer::l1);
  EXPECT_EQ(**sync_wait(agents_.load("agt_1")), made);
}

TEST_F(Repository, WhatAUnitOfWorkForgetsIsReadAgain) {
  create("agt_1", "ann");
  auto work = begin();
  ASSERT_TRUE(sync_wait(work.execute("UPDATE agents SET name = 'bob' WHERE id = $1", {"agt_1"})));
  work.forget(agents_.key_of("agt_1").key);
  EXPECT_EQ(find("agt_1")->name, "ann");
  ASSERT_TRUE(sync_wait(work.commit()));
  EXPECT_EQ(find("agt_1").info().from, layer::source);
  EXPECT_EQ(find("agt_1")->name, "bob");
}

TEST_F(Repository, ACommitThatFailsMakesTheCacheForgetWhatMayHaveChanged) {
  const auto made = create("agt_1", "ann");
  const auto failed = sync_wait(agents_.update("agt_1", 1, [](agent& row) -> strata::result<void> {
    row.organization_id = "org_nobody";  // the foreign key is checked at COMMIT
    return {};
  }));
  EXPECT_EQ(code_of(failed), errc::constraint);
  EXPECT_EQ(find("agt_1").info().from, layer::source);
  EXPECT_EQ(*find("agt_1"), made);
}

TEST_F(Repository, OfTwoUpdatesOfOneVersionOneWins) {
  create("agt_1", "ann");
  strata::run_loop loop;
  int finished = 0;
  int won = 0;
  for (int i = 0; i < 10; ++i) {
    auto change = [](agent& row) -> strata::result<void> {
      row.name += "x";
      return {};
    };
    strata::start(&loop, agents_.update("agt_1", 1, change), [&](auto outcome) {
      ++finished;
      if (outcome->has_value()) {
        ++won;
      } else {
        EXPECT_EQ(outcome->error().code, errc::conflict);
      }
    });
  }
  loop.run_until([&] { return finished == 10; });
  EXPECT_EQ(won, 1);
  EXPECT_EQ(find("agt_1")->name, "annx");
}

/// Threads update a row and read it. Once an update has returned, no read that begins afterwards may
/// give an older version, whatever fills and evictions happen at the same time.
void race(strata::repository<agent, "agent:{id}">& agents, strata::cache& cache) {
  std::atomic<std::int64_t> committed = 1;
  std::atomic<int> stale = 0;
  std::atomic<int> failed = 0;
  std::atomic<int> writing = 3;
  const auto raise = [&](std::int64_t version) {
    auto seen = committed.load();
    while (seen < version && !committed.compare_exchange_weak(seen, version)) {
    }
  };
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 3; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; i < 60; ++i) {
        auto saved = sync_wait(
            agents.update("agt_1", std::nullopt, [](agent&) -> strata::result<void> { return {}; }));
        if (saved) raise(saved->version);
        failed += saved ? 0 : 1;
        if (writer == 0 && i % 7 == 0) sync_wait(cache.remove(agents.key_of("agt_1").key));
      }
      --writing;
    });
  }
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&] {
      while (writing > 0) {
        const auto least = committed.load();
        const auto found = sync_wait(agents.find("agt_1"));
        if (!found) {
          ++failed;
        } else if (found->version < least) {
          ++stale;
        }
      }
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(stale, 0);
  EXPECT_EQ(committed, 1 + 3 * 60);
  EXPECT_EQ(sync_wait(agents.find("agt_1"))->version, 1 + 3 * 60);
}

TEST_F(Repository, NoReadIsOlderThanAnUpdateThatHasReturned) {
  create("agt_1", "ann");
  race(agents_, cache_);
}

class RepositoryOverTwoLevels : public Repository {
 protected:
  RepositoryOverTwoLevels() : Repository({.second_level = strata::connect(strata::make_memory_server())}) {}
};

TEST_F(RepositoryOverTwoLevels, NoReadIsOlderThanAnUpdateThatHasReturned) {
  create("agt_1", "ann");
  race(agents_, cache_);
}

// A program without types has written what is no JSON.
TEST_F(Repository, AWriteReplacesWhatCannotBeRead) {
  const auto spoil = [&] { behind_our_back("UPDATE agents SET config = 'no JSON'"); };
  create("agt_1", "ann");
  spoil();
  const auto read = sync_wait(agents_.load("agt_1"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::corrupt_entry);
  EXPECT_THAT(read.error().detail, ::testing::StartsWith("agents: column config must hold JSON"));
  EXPECT_THAT(read.error().detail, ::testing::EndsWith("in the row with the id agt_1"));
  const auto rename = [](agent& row) -> result<void> {
    row.name = "bob";
    return {};
  };
  const auto renamed = sync_wait(agents_.update("agt_1", {}, rename));
  ASSERT_FALSE(renamed) << "the config would be lost silently";
  EXPECT_EQ(renamed.error().detail, read.error().detail);
  const auto replaced = sync_wait(agents_.update("agt_1", 1, [](agent& row) -> result<void> {
    row.config.text = R"({"model":"m"})";
    return {};
  }));
  ASSERT_TRUE(replaced) << replaced.error().detail;
  EXPECT_EQ(replaced->name, "ann");
  EXPECT_EQ(replaced->version, 2);
  EXPECT_EQ(**sync_wait(agents_.load("agt_1")), *replaced);

  spoil();
  auto work = unit_of_work::begin(*db_, cache_);
  auto open = sync_wait(std::move(work)).value();
  auto whole = *replaced;
  whole.config.text = "{}";
  const auto written = sync_wait(agents_.replace_in(open, "agt_1", 2, whole));
  ASSERT_TRUE(written) << written.error().detail;
  ASSERT_TRUE(sync_wait(open.commit()));
  EXPECT_EQ(sync_wait(agents_.load("agt_1"))->value().config.text, "{}");
  EXPECT_EQ(written->created_at, replaced->created_at);

  spoil();
  EXPECT_TRUE(sync_wait(agents_.remove("agt_1", 3)));
}

}  // namespace
}  // namespace strata::repository_test
