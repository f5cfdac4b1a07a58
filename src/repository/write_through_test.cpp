#include "repository/test_support.hpp"

#include <strata/testing.hpp>

namespace strata::repository_test {
namespace {

constexpr const char* sqlite_trigger = R"(
  CREATE TRIGGER noted AFTER INSERT ON agents BEGIN
    UPDATE agents SET note = 'by ' || new.name WHERE id = new.id; END;
  CREATE TRIGGER noted_again AFTER UPDATE OF name ON agents BEGIN
    UPDATE agents SET note = 'by ' || new.name WHERE id = new.id; END;)";
constexpr const char* postgres_trigger = R"(
  CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.note := 'by ' || NEW.name; RETURN NEW; END $$;
  CREATE TRIGGER noted BEFORE INSERT OR UPDATE ON agents FOR EACH ROW EXECUTE FUNCTION note_it();)";

class WriteThrough : public Repository {
 protected:
  WriteThrough() = default;
  explicit WriteThrough(cache_options options) : Repository(std::move(options)) {}
  void add_trigger() {
    const auto made =
        sync_wait(db_->run_script(db_->dialect() == "sqlite" ? sqlite_trigger : postgres_trigger));
    ASSERT_TRUE(made) << made.error().detail;
  }
  result<void> rename_in(unit_of_work& work, std::string name) {
    const auto done =
        sync_wait(agents_.update_in(work, "agt_1", std::nullopt, [&](agent& row) -> result<void> {
          row.name = name;
          return {};
        }));
    return done ? result<void>() : std::unexpected(done.error());
  }
};

TEST_F(WriteThrough, WhatIsCachedIsWhatTheDatabaseSays) {
  add_trigger();
  create("agt_1", "ann");
  auto found = find("agt_1");
  EXPECT_EQ(found.info().from, layer::l1) << "nothing has to be read";
  EXPECT_EQ(found->note, "by ann");
  ASSERT_TRUE(rename("agt_1", 1, "bob"));
  found = find("agt_1");
  EXPECT_EQ(found.info().from, layer::l1);
  EXPECT_EQ(found->note, "by bob");
  EXPECT_EQ(*found, **sync_wait(agents_.load("agt_1")));
}

TEST_F(WriteThrough, ARowThatCannotBeReadBackIsNotCached) {
  create("agt_1", "ann");
  auto work = begin();
  ASSERT_TRUE(rename_in(work, "bob"));
  ASSERT_TRUE(sync_wait(work.execute("UPDATE agents SET config = '{oops' WHERE id = 'agt_1'", {})));
  ASSERT_TRUE(sync_wait(work.commit())) << "the write stands";
  const auto found = find("agt_1");
  ASSERT_NE(found.failure(), nullptr);
  EXPECT_EQ(found.failure()->code, errc::corrupt_entry);
}

TEST_F(WriteThrough, ARowThatIsGoneWhenItIsReadBackIsKnownToBeAbsent) {
  auto work = begin();
  ASSERT_TRUE(sync_wait(agents_.create_in(work, named("agt_1", "ann"))));
  ASSERT_TRUE(sync_wait(work.execute("DELETE FROM agents WHERE id = 'agt_1'", {})));
  ASSERT_TRUE(sync_wait(work.commit()));
  const auto found = find("agt_1");
  EXPECT_TRUE(found.known_absent());
  EXPECT_EQ(found.info().from, layer::l1);
}

TEST_F(WriteThrough, ReadsInsideAUnitOfWorkPassByTheCacheAndFillNothing) {
  create("agt_1", "ann");
  behind_our_back("UPDATE agents SET name = 'bob' WHERE id = 'agt_1'");
  {
    auto work = begin();
    EXPECT_EQ((*sync_wait(agents_.load_in(work, "agt_1")))->name, "bob") << "not what is cached";
    ASSERT_TRUE(rename_in(work, "cat"));
    EXPECT_EQ((*sync_wait(agents_.load_in(work, "agt_1")))->name, "cat") << "its own write";
    EXPECT_EQ(find("agt_1")->name, "ann") << "nothing was filled";
    EXPECT_TRUE(sync_wait(agents_.load_in(work, "agt_2")).has_value());
  }
  EXPECT_EQ(cache_.stats().entries, 1u);
  EXPECT_EQ(find("agt_1")->name, "ann");
}

TEST_F(WriteThrough, WhatIsFilledWhileATransactionIsOpenIsCommittedAndEndsWithIt) {
  create("agt_1", "ann");
  for (const bool keeps : {false, true}) {
    sync_wait(cache_.remove(agents_.key_of("agt_1").key));
    auto work = begin();
    ASSERT_TRUE(rename_in(work, "bob"));
    EXPECT_EQ(find("agt_1")->name, "ann");
    EXPECT_EQ(find("agt_1").info().from, layer::l1);
    ASSERT_TRUE(sync_wait(keeps ? work.commit() : work.rollback()));
    EXPECT_EQ(find("agt_1")->name, keeps ? "bob" : "ann");
  }
}

TEST_F(WriteThrough, ACommitRemovesWhatWasReadFromItsTables) {
  create("agt_1", "ann");
  ASSERT_TRUE(sync_wait(tools_.create({.id = "agt_1", .names = {"hammer"}})));
  const entity<std::string, "report:{table}"> reports{{.ttl = 1h}};
  const auto read = [&](std::string_view table) {
    auto policy = reports.policy();
    policy.tags = {table_tag(table)};
    return sync_wait(cache_.get_or_set(reports(table).with(policy), [] { return std::string("read"); }));
  };
  const auto kept = [&](std::string_view table) {
    read(table);
    return read(table).info().hit();
  };
  EXPECT_TRUE(kept("agents"));
  ASSERT_TRUE(sync_wait(tools_.update("agt_1", 1, [](tools&) -> result<void> { return {}; })));
  EXPECT_EQ(read("agents").info().from, layer::l1) << "another table";
  const auto gone = [&](auto write) {
    EXPECT_TRUE(kept("agents"));
    write();
    return read("agents").info().reason == miss_reason::tag;
  };
  EXPECT_TRUE(gone([&] { create("agt_2", "bob"); }));
  EXPECT_TRUE(gone([&] { EXPECT_TRUE(rename("agt_2", 1, "cat")); }));
  EXPECT_TRUE(gone([&] { EXPECT_TRUE(sync_wait(agents_.remove("agt_2"))); }));
  EXPECT_TRUE(gone([&] {
    auto work = begin();
    ASSERT_TRUE(sync_wait(work.execute("UPDATE agents SET note = 'x'", {})));
    work.changes("agents");
    EXPECT_TRUE(read("agents").info().hit()) << "not before the commit";
    ASSERT_TRUE(sync_wait(work.commit()));
  }));
  EXPECT_FALSE(gone([&] { EXPECT_FALSE(rename("agt_1", 7, "cat")); }));
  EXPECT_FALSE(gone([&] { begin().changes("agents"); }));
}

class WriteThroughTwoLevels : public WriteThrough {
 protected:
  WriteThroughTwoLevels() : WriteThroughTwoLevels(make_memory_server()) {}

  /// The calls to the second level that `work` makes.
  template <class Work>
  std::size_t calls_of(Work work) const {
    const auto before = all_calls();
    work();
    return all_calls() - before;
  }

  const std::shared_ptr<memory_server> server_;
  const std::shared_ptr<testing::faulty_store> below_;

 private:
  explicit WriteThroughTwoLevels(std::shared_ptr<memory_server> server)
      : WriteThroughTwoLevels(server, std::make_shared<testing::faulty_store>(connect(server))) {}
  WriteThroughTwoLevels(std::shared_ptr<memory_server> server, std::shared_ptr<testing::faulty_store> below)
      : WriteThrough(cache_options{.second_level = below}), server_(std::move(server)), below_(below) {}

  std::size_t all_calls() const {
    std::size_t all = 0;
    for (std::size_t i = 0; i < testing::store_calls; ++i) {
      all += below_->calls(static_cast<testing::store_call>(i));
    }
    return all;
  }
};

TEST_F(WriteThroughTwoLevels, AUnitOfWorkCostsAsManyCallsAsOneWrite) {
  create("agt_1", "ann");
  ASSERT_TRUE(sync_wait(tools_.create({.id = "agt_1", .names = {"hammer"}})));
  // The tickets, the tags of the tables and the removed keys, and the values.
  EXPECT_EQ(calls_of([&] { EXPECT_TRUE(rename("agt_1", std::nullopt, "bob")); }), 3u);
  EXPECT_EQ(
      calls_of([&] {
        auto work = begin();
        EXPECT_TRUE(rename_in(work, "cat"));
        EXPECT_TRUE(sync_wait(tools_.update_in(work, "agt_1", std::nullopt, [](tools& row) -> result<void> {
          row.names = {"saw"};
          return {};
        })));
        work.forget(key("agents:1"));
        work.forget(key("agents:2"));
        EXPECT_TRUE(sync_wait(work.commit()));
      }),
      3u);
  EXPECT_EQ(calls_of([&] {
              auto work = begin();
              EXPECT_TRUE(rename_in(work, "dog"));
              EXPECT_TRUE(sync_wait(work.rollback()));
            }),
            0u);
}

TEST_F(WriteThroughTwoLevels, AnotherProcessFindsWhatTheDatabaseSays) {
  add_trigger();
  create("agt_1", "ann");
  cache elsewhere({.second_level = connect(server_)});
  const entity<agent, "agent:{id}"> agents;
  const auto found = sync_wait(elsewhere.get(agents("agt_1")));
  ASSERT_TRUE(found);
  EXPECT_EQ(found.info().from, layer::l2);
  EXPECT_EQ(found->note, "by ann");
}

}  // namespace
}  // namespace strata::repository_test
