// The queue and its sender on a real database, SQLite or PostgreSQL, with edges that a test commands.
#include "tests/contract/temporary_folder.hpp"
#include "tests/postgres/chosen.hpp"
#include "tests/redis/child.hpp"

#include <strata/edge_queue.hpp>
#include <strata/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <set>

namespace strata {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using kind = edge_purge_kind;

/// An edge that records what it accepts.
class commanded_edge final : public edge_client {
 public:
  explicit commanded_edge(std::string name = "edge") : name_(std::move(name)) {}
  std::string_view name() const noexcept override { return name_; }
  edge_limits limits() const noexcept override { return {.items = 100, .bytes = 100'000}; }

  task<edge_outcome> purge(edge_batch what) override {
    const std::lock_guard lock(mutex_);
    ++calls_;
    if (!trouble_.empty()) return edge_outcome{.trouble = trouble_};
    for (const auto& each : what.values) ++accepted_[each];
    if (what.kind == kind::everything) ++accepted_["*"];
    if (what.soft) ++accepted_["soft"];
    return edge_outcome();
  }

  void fail_with(std::string trouble) {
    const std::lock_guard lock(mutex_);
    trouble_ = std::move(trouble);
  }
  std::map<std::string, int> accepted() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
  }
  std::set<std::string> names() const {
    std::set<std::string> out;
    for (const auto& each : accepted()) out.insert(each.first);
    return out;
  }
  int calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  const std::string name_;
  mutable std::mutex mutex_;
  std::string trouble_;
  std::map<std::string, int> accepted_;
  int calls_ = 0;
};

/// A web that answers every probe with the same fields.
class commanded_http final : public edge_http {
 public:
  task<edge_response> send(edge_request what) override {
    const std::lock_guard lock(mutex_);
    asked_.push_back(what.url);
    return answer_;
  }
  void stop() override {}
  void answer(edge_response with) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(with);
  }
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  mutable std::mutex mutex_;
  edge_response answer_{.trouble = {}, .status = 200, .fields = {}, .body = {}};
  std::vector<std::string> asked_;
};

class EdgeQueue : public testing::Test {
 protected:
  EdgeQueue() {
    auto opened = test::open_chosen(folder_.file("test.db"));
    if (!opened) throw std::runtime_error(opened.error().detail);
    db_ = std::move(*opened);
    const auto made = sync_wait(db_->run_script(
        "CREATE TABLE listings (id TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '', shop TEXT)"));
    if (!made) throw std::runtime_error(made.error().detail);
  }

  result<bool> install() {
    return sync_wait(install_edge_queue(
        *db_, {{.table = "listings", .tags = {"listing:{id}", "listings", "shop:{shop}'s"}}}));
  }
  void write(const std::string& statement) {
    const auto done = sync_wait(db_->execute(statement, {}));
    ASSERT_TRUE(done) << done.error().detail;
  }
  std::int64_t count(const std::string& table) {
    const auto found = sync_wait(db_->query("SELECT count(*) AS n FROM " + table, {}));
    return found ? std::get<std::int64_t>(found->at(0, "n")) : -1;
  }
  std::set<std::string> queued() {
    const auto found = sync_wait(db_->query("SELECT kind, value FROM edge_purges", {}));
    std::set<std::string> out;
    for (std::size_t i = 0; i < found->size(); ++i) {
      out.insert(std::get<std::string>(found->at(i, "kind")) + ' ' +
                 std::get<std::string>(found->at(i, "value")));
    }
    return out;
  }
  bool drained() { return count("edge_purges") == 0 && count("edge_deliveries") == 0; }

  edge_sender_options options(std::vector<std::shared_ptr<edge_client>> edges) {
    return {.source = db_,
            .edges = std::move(edges),
            .settle = 5ms,
            .poll = 5ms,
            .lease = 300ms,
            .rate = 1000,
            .burst = 1000,
            .http = nullptr,
            .page = nullptr,
            .log = nullptr};
  }

  test::temporary_folder folder_;
  std::shared_ptr<database> db_;
  std::shared_ptr<commanded_edge> edge_ = std::make_shared<commanded_edge>();
};

TEST_F(EdgeQueue, RecordsEachChangeInItsTransaction) {
  ASSERT_EQ(install(), true);
  write("INSERT INTO listings (id, shop) VALUES ('l1', 'north')");
  EXPECT_THAT(queued(), UnorderedElementsAre("tag listing:l1", "tag listings", "tag shop:north's"));
  write("DELETE FROM edge_purges");
  write("UPDATE listings SET id = 'l2', shop = NULL WHERE id = 'l1'");
  EXPECT_THAT(queued(),
              UnorderedElementsAre("tag listing:l1", "tag listing:l2", "tag listings", "tag shop:north's"))
      << "by the row before and after; not by NULL";
  write("DELETE FROM edge_purges");
  write("DELETE FROM listings");
  EXPECT_THAT(queued(), UnorderedElementsAre("tag listing:l2", "tag listings"));
  write("DELETE FROM edge_purges");
  {
    auto open = std::move(*sync_wait(db_->begin()));
    ASSERT_TRUE(sync_wait(open->execute("INSERT INTO listings (id) VALUES ('l3')", {})));
    (void)sync_wait(open->rollback());
  }
  EXPECT_THAT(queued(), UnorderedElementsAre()) << "what was rolled back has changed nothing";
}

TEST_F(EdgeQueue, InstallsOnceAndFollowsAChangedRule) {
  ASSERT_EQ(install(), true);
  EXPECT_EQ(install(), false) << "nothing to do";
  ASSERT_EQ(sync_wait(install_edge_queue(*db_, {{.table = "listings", .tags = {"only:{id}"}}})), true);
  write("INSERT INTO listings (id) VALUES ('l1')");
  EXPECT_THAT(queued(), UnorderedElementsAre("tag only:l1"));
}

TEST_F(EdgeQueue, RefusesAMalformedRule) {
  EXPECT_EQ(sync_wait(install_edge_queue(*db_, {{.table = "listings", .tags = {"a:{id"}}})).error().code,
            errc::invalid_argument);
  EXPECT_FALSE(sync_wait(install_edge_queue(*db_, {{.table = "nobodys", .tags = {"a"}}})));
}

TEST_F(EdgeQueue, LetsAWriteSucceedWhosePurgeIsNone) {
  ASSERT_TRUE(install());
  write("INSERT INTO listings (id) VALUES ('" + std::string(5000, 'x') + "')");
  EXPECT_THAT(queued(), UnorderedElementsAre("tag listings")) << "no answer carries a tag that long";
  if (db_->dialect() == "postgres") {
    ASSERT_TRUE(sync_wait(db_->run_script("DROP TABLE edge_purges")));
    write("INSERT INTO listings (id) VALUES ('l1')");
    EXPECT_EQ(count("listings"), 2);
  }
}

TEST_F(EdgeQueue, SendsEachPurgeToEachEdge) {
  ASSERT_TRUE(install());
  auto second = std::make_shared<commanded_edge>("second");
  edge_sender sender(options({edge_, second}));
  write("INSERT INTO listings (id) VALUES ('l1')");
  ASSERT_TRUE(
      sync_wait(enqueue_edge_purges(*db_, {{.kind = kind::url, .value = "https://a.example/x", .soft = true},
                                           {.kind = kind::everything}})));
  const auto all = UnorderedElementsAre("listing:l1", "listings", "https://a.example/x", "*", "soft");
  EXPECT_TRUE(eventually([&] { return drained(); }));
  EXPECT_THAT(edge_->names(), all);
  EXPECT_THAT(second->names(), all);
  ASSERT_TRUE(eventually([&] { return sender.stats().edges[1].purged == 4; }));
  EXPECT_TRUE(eventually([&] { return sender.stats().queued == 0; }));
}

TEST_F(EdgeQueue, RefusesAPurgeThatNoEdgeCouldDo) {
  ASSERT_TRUE(install());
  const auto refused = sync_wait(enqueue_edge_purges(*db_, {{.kind = kind::url, .value = "/a"}}));
  EXPECT_EQ(refused.error().code, errc::invalid_argument);
  write(
      "INSERT INTO edge_purges (kind, value, at) VALUES ('nonsense', 'x', 0), ('url', 'x', 0), ('tag', 'a', "
      "0)");
  edge_sender sender(options({edge_}));
  EXPECT_TRUE(eventually([&] { return drained(); })) << "another program's rows block nothing";
  EXPECT_THAT(edge_->names(), UnorderedElementsAre("a"));
}

TEST_F(EdgeQueue, LosesNothingWhileAnEdgeIsDown) {
  ASSERT_TRUE(install());
  auto healthy = std::make_shared<commanded_edge>("healthy");
  edge_->fail_with("down");
  edge_sender sender(options({edge_, healthy}));
  std::set<std::string> all{"listings"};
  for (int i = 0; i < 1000; ++i) all.insert("listing:l" + std::to_string(i));
  {
    auto open = std::move(*sync_wait(db_->begin()));
    for (int i = 0; i < 1000; ++i) {
      sql_parameters id{"l" + std::to_string(i)};
      ASSERT_TRUE(sync_wait(open->execute("INSERT INTO listings (id) VALUES ($1)", std::move(id))));
    }
    ASSERT_TRUE(sync_wait(open->commit()));
  }
  EXPECT_TRUE(eventually([&] { return healthy->names() == all; })) << "one edge does not wait for the other";
  EXPECT_TRUE(eventually([&] { return sender.stats().edges[0].trouble == "down"; }));
  EXPECT_GE(sender.stats().queued, 1u);
  edge_->fail_with("");
  EXPECT_TRUE(eventually([&] { return drained(); }));
  EXPECT_EQ(edge_->names(), all);
  EXPECT_EQ(sender.stats().edges[0].trouble, "");
  EXPECT_LT(edge_->calls(), 200) << "it pauses, and sends many at once";
}

TEST_F(EdgeQueue, LosesNothingWhenASenderEnds) {
  ASSERT_TRUE(install());
  edge_->fail_with("down");
  {
    edge_sender first(options({edge_}));
    write("INSERT INTO listings (id) VALUES ('l1')");
    ASSERT_TRUE(eventually([&] { return edge_->calls() > 0; }));
  }
  EXPECT_EQ(count("edge_deliveries"), 2);
  write("INSERT INTO listings (id) VALUES ('l2')");
  edge_->fail_with("");
  edge_sender next(options({edge_}));
  EXPECT_TRUE(eventually([&] { return drained(); }));
  EXPECT_THAT(edge_->names(), UnorderedElementsAre("listing:l1", "listing:l2", "listings"));
}

TEST_F(EdgeQueue, OneSenderOfSeveralSends) {
  ASSERT_TRUE(install());
  auto other = std::make_shared<commanded_edge>();
  edge_->fail_with("down");
  edge_sender first(options({edge_}));
  write("INSERT INTO listings (id) VALUES ('l1')");
  ASSERT_TRUE(eventually([&] { return edge_->calls() > 0; }));
  edge_sender second(options({other}));
  EXPECT_TRUE(eventually([&] { return second.stats().queued > 0; })) << "it sees the queue";
  EXPECT_FALSE(second.stats().active);
  EXPECT_EQ(other->calls(), 0);
  // Another holder's token ends the first one's right to delete: as after a pause longer than its lease.
  write("UPDATE edge_sender SET token = token + 1, holder = 'another', until = until + 200000");
  edge_->fail_with("");
  EXPECT_TRUE(eventually([&] { return !first.stats().active; }));
  EXPECT_EQ(count("edge_deliveries"), 2) << "nothing was deleted with the old token";
  write("UPDATE edge_sender SET until = 0");
  EXPECT_TRUE(eventually([&] { return drained(); }));
}

TEST_F(EdgeQueue, PurgesEverythingIfTooMuchWaits) {
  ASSERT_TRUE(install());
  edge_->fail_with("down");
  std::string rows;
  for (int i = 0; i < 10'100; ++i) {
    rows += (i == 0 ? "" : ", ") + std::string("('tag', 't") + std::to_string(i) + "', 0)";
  }
  write("INSERT INTO edge_purges (kind, value, at) VALUES " + rows);
  edge_sender sender(options({edge_}));
  EXPECT_TRUE(eventually([&] { return count("edge_purges") == 0 && count("edge_deliveries") < 200; }));
  edge_->fail_with("");
  EXPECT_TRUE(eventually([&] { return drained(); }));
  EXPECT_TRUE(edge_->names().contains("*"));
}

TEST_F(EdgeQueue, BoundsWhatNoSenderTakesAndThenPurgesEverything) {
  ASSERT_TRUE(install());
  write("UPDATE edge_sender SET seen = -100000");
  write("INSERT INTO listings (id) VALUES ('l1')");
  write("INSERT INTO listings (id) VALUES ('l2')");
  EXPECT_LE(count("edge_purges"), 2) << "the queue is full";
  EXPECT_EQ(count("listings"), 2);
  edge_sender sender(options({edge_}));
  EXPECT_TRUE(eventually([&] { return edge_->names().contains("*"); }));
  EXPECT_TRUE(eventually([&] { return drained(); }));
  write("INSERT INTO listings (id) VALUES ('l3')");
  EXPECT_TRUE(eventually([&] { return edge_->names().contains("listing:l3"); })) << "it has room again";
}

TEST_F(EdgeQueue, ProvesAPurgeByAProbe) {
  ASSERT_TRUE(install());
  auto web = std::make_shared<commanded_http>();
  web->answer({.trouble = {}, .status = 200, .fields = {{"strata-asof", "1"}}, .body = {}});
  auto with = options({edge_});
  with.http = web;
  with.page = [](kind what, std::string_view value) {
    return what == kind::tag && value.starts_with("listing:")
               ? "https://a.example/" + std::string(value.substr(8))
               : std::string();
  };
  edge_sender sender(std::move(with));
  write("INSERT INTO listings (id) VALUES ('l1')");
  ASSERT_TRUE(eventually([&] { return sender.stats().edges[0].unproven > 0; }));
  EXPECT_THAT(sender.stats().edges[0].trouble, HasSubstr("before the purge"));
  EXPECT_EQ(web->asked().front(), "https://a.example/l1");
  EXPECT_EQ(sender.stats().edges[0].purged, 0u);
  web->answer({.trouble = {}, .status = 200, .fields = {{"strata-asof", "9000000000000"}}, .body = {}});
  EXPECT_TRUE(eventually([&] { return drained(); }));
  EXPECT_GT(edge_->accepted().at("listing:l1"), 1) << "it was purged again";
}

TEST_F(EdgeQueue, NamesEveryProblemOfItsOptions) {
  try {
    auto wrong = options({edge_, edge_});
    wrong.source = nullptr;
    wrong.poll = 0ms;
    wrong.rate = 0;
    edge_sender sender(std::move(wrong));
    FAIL() << "not refused";
  } catch (const bad_options& refused) {
    EXPECT_EQ(refused.problems().size(), 4u);
  }
}

TEST_F(EdgeQueue, ReportsAQueueThatCannotBeRead) {
  edge_sender sender(options({edge_}));
  EXPECT_TRUE(eventually([&] { return !sender.stats().trouble.empty(); }));
  ASSERT_TRUE(install());
  write("INSERT INTO listings (id) VALUES ('l1')");
  EXPECT_TRUE(eventually([&] { return drained() && sender.stats().trouble.empty(); })) << "and goes on";
}

}  // namespace
}  // namespace strata
