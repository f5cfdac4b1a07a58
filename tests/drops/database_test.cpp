/// Drops callers of repositories, of cached queries and of units of work, as drops_test.cpp does: the
/// database answers one step at a time.

#include "tests/contract/temporary_folder.hpp"
#include "tests/drops/stage.hpp"

#include <strata/database.hpp>
#include <strata/query_cache.hpp>
#include <strata/repository.hpp>
#include <strata/unit_of_work.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <boost/describe.hpp>

namespace strata::drops {
namespace {

using namespace std::chrono_literals;

struct item {
  std::string id;
  std::string name;
  std::int64_t version = 0;
  bool operator==(const item&) const = default;
};
BOOST_DESCRIBE_STRUCT(item, (), (id, name, version))
struct line {
  std::string id;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(line, (), (id, name))

/// Each call waits for a step, before its work or after it.
class held_calls {
 public:
  bool late = false;

  template <class T>
  task<T> call(std::move_only_function<T()> work) {
    std::optional<T> answer;
    if (late) answer.emplace(work());
    const auto turn = std::make_shared<async_latch>();
    waiting_.push_back(turn);
    co_await turn->wait();
    if (!answer) answer.emplace(work());
    co_return std::move(*answer);
  }
  bool step() {
    if (waiting_.empty()) return false;
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next->set();
    return true;
  }

 private:
  std::deque<std::shared_ptr<async_latch>> waiting_;
};

class held_transaction final : public transaction {
 public:
  held_transaction(held_calls& calls, std::unique_ptr<transaction> real)
      : calls_(calls), real_(std::move(real)) {}
  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) override {
    return calls_.call<result<sql_rows>>(
        [this, statement = std::string(statement), parameters = std::move(parameters)]() mutable {
          return sync_wait(real_->execute(statement, std::move(parameters)));
        });
  }
  task<result<void>> run_script(std::string_view script) override { return real_->run_script(script); }
  task<result<void>> commit() override {
    return calls_.call<result<void>>([this] { return sync_wait(real_->commit()); });
  }
  task<result<std::vector<result<sql_rows>>>> commit_and_read(std::vector<sql_query> reads) override {
    return calls_.call<result<std::vector<result<sql_rows>>>>([this, reads = std::move(reads)]() mutable {
      return sync_wait(real_->commit_and_read(std::move(reads)));
    });
  }
  task<result<void>> rollback() override { return real_->rollback(); }

 private:
  held_calls& calls_;
  std::unique_ptr<transaction> real_;
};

class held_database final : public database {
 public:
  held_calls calls;

  explicit held_database(std::shared_ptr<database> real) : real_(std::move(real)) {}
  task<result<sql_rows>> query(std::string_view statement, sql_parameters parameters) override {
    return calls.call<result<sql_rows>>(
        [this, statement = std::string(statement), parameters = std::move(parameters)]() mutable {
          return sync_wait(real_->query(statement, std::move(parameters)));
        });
  }
  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) override {
    return real_->execute(statement, std::move(parameters));
  }
  task<result<std::unique_ptr<transaction>>> begin() override {
    using opened = result<std::unique_ptr<transaction>>;
    return calls.call<opened>([this]() -> opened {
      auto real = sync_wait(real_->begin());
      if (!real) return std::unexpected(real.error());
      return std::make_unique<held_transaction>(calls, std::move(*real));
    });
  }
  task<result<void>> run_script(std::string_view script) override { return real_->run_script(script); }
  task<result<std::uint64_t>> foreign_changes() override { return real_->foreign_changes(); }
  task<result<void>> ping() override { return real_->ping(); }
  std::string_view dialect() const noexcept override { return real_->dialect(); }

  database& real() noexcept { return *real_; }

 private:
  std::shared_ptr<database> real_;
};

class DatabaseDrops : public ::testing::TestWithParam<bool> {
 protected:
  DatabaseDrops() {
    source_.calls.late = GetParam();
    (void)sync_wait(
        source_.real().run_script("CREATE TABLE items (id TEXT PRIMARY KEY, name TEXT NOT NULL, "
                                  "version BIGINT NOT NULL)"));
  }

  /// A new row, read through every cache.
  void prepare() {
    id_ = fmt::format("item_{}", ++runs_);
    auto made = items_.create({.id = id_, .name = "old", .version = 0});
    ASSERT_TRUE(run(std::move(made)));
    (void)run(items_.find(id_));
    (void)run(lines_(id_));
  }

  /// Steps until `work` is done.
  template <class T>
  T run(task<T> work) {
    std::optional<completion<T>> done;
    start(&front_, std::move(work), [&](completion<T> ended) { done.emplace(std::move(ended)); });
    while (!done && step()) {
    }
    return std::move(**done);
  }
  bool step() { return front_.step() || link_->let_go(1) != 0 || source_.calls.step(); }

  static abandonable drive(task<> work) { co_await std::move(work); }

  std::string name_in_database() {
    auto rows = sync_wait(source_.real().query("SELECT name FROM items WHERE id = $1", {id_}));
    return rows && !rows->empty() ? std::get<std::string>(rows->at(0, "name")) : "";
  }

  /// What the caches say must be what the database says.
  std::string verdict() {
    while (step()) {
    }
    const auto expected = name_in_database();
    const auto found = run(items_.find(id_));
    const auto listed = run(lines_(id_));
    if (cache_.stats().flights != 0) return "a flight was left behind";
    const auto name = found ? found->name : "";
    const auto in_list = listed && !listed->empty() ? listed->front().name : "";
    if (name != expected) return fmt::format("the row is {} instead of {}", name, expected);
    if (in_list != expected) return fmt::format("the query says {} instead of {}", in_list, expected);
    return {};
  }

  template <class Begin>
  void drop_everywhere(const char* name, Begin begin) {
    unsigned steps = 0;
    prepare();
    {
      auto caller = drive(begin());
      caller.start(front_);
      for (; !caller.done() && step(); ++steps) {
      }
      ASSERT_TRUE(caller.done()) << name;
      EXPECT_EQ(verdict(), "") << name << ", not dropped";
    }
    ASSERT_GT(steps, 0u) << name;
    for (unsigned before = 0; before < steps; ++before) {
      prepare();
      auto caller = drive(begin());
      caller.start(front_);
      for (unsigned i = 0; i < before; ++i) step();
      caller.destroy();
      EXPECT_EQ(verdict(), "") << name << ", dropped after " << before << " of " << steps << " steps";
    }
  }

  testing::manual_clock time_;
  strata::test::temporary_folder folder_;
  held_database source_{*open_sqlite({.file = folder_.file("drops.db")})};
  std::shared_ptr<testing::faulty_store> link_ =
      std::make_shared<testing::faulty_store>(connect(make_memory_server(time_)));
  step_queue front_;
  cache cache_{{.second_level = link_, .l2_timeout = {}, .maintenance_interval = {}, .time = &time_}};
  repository<item, "item:{id}"> items_{source_, cache_, entity<item, "item:{id}">{{.ttl = 60s}}, "items",
                                       [this] { return time_.wall(); }};
  cached_query<line> lines_ =
      query_cache(source_, cache_)
          .prepare<line>("SELECT id, name FROM items WHERE id = $1", {.tables = {"items"}});
  std::string id_;
  unsigned runs_ = 0;
};

template <class Task>
task<> ignoring(Task work) {
  (void)co_await std::move(work);
}

TEST_P(DatabaseDrops, OfReadersLeaveNothingBehind) {
  link_->delay({});
  drop_everywhere("find", [this] {
    (void)run(cache_.remove(items_.key_of(id_)));
    return ignoring(items_.find(id_));
  });
  drop_everywhere("query", [this] {
    (void)run(lines_.remove_all());
    return ignoring(lines_(id_));
  });
}

TEST_P(DatabaseDrops, OfWritersLeaveNoOldValue) {
  link_->delay({});
  const auto rename = [](item& row) -> result<void> {
    row.name = "new";
    return {};
  };
  drop_everywhere("update", [&] { return ignoring(items_.update(id_, std::nullopt, rename)); });
  drop_everywhere("remove", [&] { return ignoring(items_.remove(id_)); });
  drop_everywhere("create", [&] {
    (void)run(items_.remove(id_));
    (void)run(items_.find(id_));
    return ignoring(items_.create({.id = id_, .name = "again", .version = 0}));
  });
  drop_everywhere("unit of work", [&] {
    return ignoring(in_transaction(source_, cache_, [this](unit_of_work work) -> task<result<void>> {
      auto done = co_await work.execute("UPDATE items SET name = 'all' WHERE id = $1", {id_});
      work.forget(items_.key_of(id_).key);
      work.changes("items");
      auto committed = work.commit();
      co_return co_await std::move(committed);
    }));
  });
}

INSTANTIATE_TEST_SUITE_P(Everywhere, DatabaseDrops, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "LateAnswers" : "LateWork"; });

}  // namespace
}  // namespace strata::drops
