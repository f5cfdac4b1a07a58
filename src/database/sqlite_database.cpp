// SQLite behind the database port. One connection writes and several read, each on a thread of its own,
// because SQLite blocks; write-ahead logging lets readers continue while the writer works.
//
// A writer waits for the *turn*. The turn is a value that moves with the work: into the job, out of it into
// the transaction, and finally into the job that commits. So wherever a task is destroyed, the turn's
// destructor runs, rolls back the open transaction (on the writing thread, after the work queued there) and
// lets the next writer proceed.

#include "core/option_problems.hpp"
#include "database/turn_queue.hpp"
#include "database/worker_pool.hpp"

#include <strata/database.hpp>

#include <string>
#include <utility>
#include <vector>

namespace strata {

namespace {

using detail::offload;
using detail::sqlite_connection;
using detail::worker_pool;

/// What the database, its transactions and its jobs share.
struct core {
  core(std::vector<std::unique_ptr<sqlite_connection>> reading,
       std::vector<std::unique_ptr<sqlite_connection>> writing, unsigned limit)
      : turns(limit), readers(std::move(reading), limit), writer(std::move(writing), limit) {}

  void close() {
    turns.close();
    readers.close();
    writer.close();
  }

  detail::turn_queue turns;
  worker_pool readers;
  worker_pool writer;
};
using core_ptr = std::shared_ptr<core>;

/// The right to use the writing connection.
class turn {
 public:
  turn() = default;
  explicit turn(core_ptr of) : core_(std::move(of)) {}
  turn(turn&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)), open_(std::exchange(other.open_, false)) {}
  turn& operator=(turn&&) = delete;
  ~turn() { end(); }

  /// Says if a transaction is open, so that the end of the turn has to end it.
  void set_open(bool open) noexcept { open_ = open; }

  /// Passes the turn on. Idempotent.
  void end() {
    const auto from = std::exchange(core_, nullptr);
    if (from == nullptr) return;
    const bool posted = open_ && from->writer.post_always([from](sqlite_connection& connection) {
      connection.rollback();
      from->turns.pass_on();
    });
    if (!posted) from->turns.pass_on();
  }

 private:
  core_ptr core_;
  bool open_ = false;
};

/// Waits for the turn. The result owns it.
task<result<turn>> take_turn(core_ptr from) {
  auto granted = co_await from->turns.wait();
  if (!granted) co_return std::unexpected(std::move(granted.error()));
  co_return turn(std::move(from));
}

/// Runs `work(connection)` on `pool`; `from` keeps the pool.
template <class Work>
task<std::invoke_result_t<Work&, sqlite_connection&>> run_on(core_ptr from, worker_pool core::* pool,
                                                             Work work) {
  auto outcome = co_await offload((*from).*pool, std::move(work));
  if (!outcome) std::rethrow_exception(outcome.error());
  co_return std::move(*outcome);
}

/// As `run_on` the writer, with the turn, which ends when the work has run.
template <class Work>
task<std::invoke_result_t<Work&, sqlite_connection&>> run_in_turn(core_ptr from, Work work) {
  auto mine = co_await take_turn(from);
  if (!mine) co_return std::unexpected(std::move(mine.error()));
  auto job = [mine = std::move(*mine), work = std::move(work)](sqlite_connection& connection) mutable {
    return work(connection);
  };
  co_return co_await run_on(std::move(from), &core::writer, std::move(job));
}

class sqlite_transaction final : public transaction {
 public:
  sqlite_transaction(core_ptr from, turn mine) : core_(std::move(from)), turn_(std::move(mine)) {}

  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) override {
    return run([text = std::string(statement), values = std::move(parameters)](
                   sqlite_connection& connection) { return connection.run(text, values); });
  }

  task<result<void>> run_script(std::string_view script) override {
    return run(
        [text = std::string(script)](sqlite_connection& connection) { return connection.run_script(text); });
  }

  task<result<void>> commit() override {
    if (state_ == state::failed) return refuse_commit();
    return finish([](sqlite_connection& connection) { return connection.commit(); });
  }

  task<result<std::vector<result<sql_rows>>>> commit_and_read(std::vector<sql_query> reads) override {
    using all_rows = result<std::vector<result<sql_rows>>>;
    if (state_ == state::failed) {
      auto refused = co_await refuse_commit();
      co_return std::unexpected(std::move(refused.error()));
    }
    // Before the turn ends, so that no other writer of this process comes in between.
    auto work = [wanted = std::move(reads)](sqlite_connection& connection) -> all_rows {
      if (auto done = connection.commit(); !done) return std::unexpected(std::move(done.error()));
      std::vector<result<sql_rows>> found;
      for (const auto& each : wanted) found.push_back(connection.read(each.statement, each.parameters));
      return found;
    };
    auto finished = finish(std::move(work));
    co_return co_await std::move(finished);
  }

  task<result<void>> rollback() override {
    return finish([](sqlite_connection& connection) -> result<void> {
      connection.rollback();
      return {};
    });
  }

 private:
  enum class state { open, failed, ended };

  template <class Work>
  task<std::invoke_result_t<Work&, sqlite_connection&>> run(Work work) {
    if (state_ != state::open) co_return not_open();
    auto done = co_await run_on(core_, &core::writer, std::move(work));
    if (!done) state_ = state::failed;
    co_return done;
  }

  /// Ends the transaction on the writer's thread, and the turn with it, before the task goes on.
  template <class Work>
  task<std::invoke_result_t<Work&, sqlite_connection&>> finish(Work work) {
    if (state_ == state::ended) co_return not_open();
    state_ = state::ended;
    auto job = [mine = std::move(turn_), work = std::move(work)](sqlite_connection& connection) mutable {
      auto done = work(connection);
      mine.set_open(false);
      mine.end();
      return done;
    };
    co_return co_await run_on(core_, &core::writer, std::move(job));
  }

  task<result<void>> refuse_commit() {
    auto undone = co_await rollback();
    if (!undone) co_return undone;
    co_return fail(errc::statement, "the transaction was rolled back: a statement in it had failed");
  }

  std::unexpected<error> not_open() const {
    return fail(errc::statement, state_ == state::failed
                                     ? "a statement of this transaction has failed; roll it back"
                                     : "the transaction has ended");
  }

  core_ptr core_;
  turn turn_;
  state state_ = state::open;
};

task<result<std::unique_ptr<transaction>>> begin_on(core_ptr from) {
  auto mine = co_await take_turn(from);
  if (!mine) co_return std::unexpected(std::move(mine.error()));
  auto job = [mine = std::move(*mine)](sqlite_connection& connection) mutable -> result<turn> {
    if (auto begun = connection.begin(); !begun) return std::unexpected(std::move(begun.error()));
    mine.set_open(true);
    return std::move(mine);
  };
  auto begun = co_await run_on(from, &core::writer, std::move(job));
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  co_return std::make_unique<sqlite_transaction>(std::move(from), std::move(*begun));
}

class sqlite_database final : public database {
 public:
  explicit sqlite_database(core_ptr shared) : core_(std::move(shared)) {}
  ~sqlite_database() override { core_->close(); }

  task<result<sql_rows>> query(std::string_view statement, sql_parameters parameters) override {
    return run_on(core_, &core::readers,
                  [text = std::string(statement), values = std::move(parameters)](
                      sqlite_connection& connection) { return connection.run(text, values); });
  }

  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) override {
    return run_in_turn(core_, [text = std::string(statement), values = std::move(parameters)](
                                  sqlite_connection& connection) { return connection.run(text, values); });
  }

  task<result<std::unique_ptr<transaction>>> begin() override { return begin_on(core_); }

  task<result<void>> run_script(std::string_view script) override {
    return run_in_turn(core_, [text = std::string(script)](sqlite_connection& connection) -> result<void> {
      if (auto begun = connection.begin(); !begun) return begun;
      if (auto done = connection.run_script(text); !done) {
        connection.rollback();
        return done;
      }
      return connection.commit();
    });
  }

  task<result<std::uint64_t>> foreign_changes() override {
    return run_on(core_, &core::writer,
                  [](sqlite_connection& connection) { return connection.data_version(); });
  }

  task<result<void>> ping() override {
    return run_on(core_, &core::readers, [](sqlite_connection& connection) -> result<void> {
      auto read = connection.run("SELECT count(*) FROM sqlite_master", {});
      if (!read) return std::unexpected(std::move(read.error()));
      return {};
    });
  }

  std::string_view dialect() const noexcept override { return "sqlite"; }

 private:
  core_ptr core_;
};

void check(const sqlite_options& options) {
  detail::option_problems problems;
  if (options.file.empty() || options.file.starts_with(':')) {
    problems.add("sqlite file: must be a path; a database in memory cannot be shared by connections");
  }
  if (options.file.contains('\0')) problems.add("sqlite file: must not hold a NUL byte");
  if (options.readers == 0 || options.readers > 64) problems.add("sqlite readers: must be 1 to 64");
  if (options.busy_timeout < duration::zero() || options.busy_timeout > std::chrono::minutes(10)) {
    problems.add("sqlite busy_timeout: must be 0 to 10 minutes");
  }
  if (options.queue_limit == 0) problems.add("sqlite queue_limit: must be at least 1");
  problems.throw_if_any();
}

}  // namespace

result<std::shared_ptr<database>> open_sqlite(sqlite_options options) {
  check(options);
  std::vector<std::unique_ptr<sqlite_connection>> writing;
  auto writer = sqlite_connection::open(options, sqlite_connection::role::writer);
  if (!writer) return std::unexpected(std::move(writer.error()));
  writing.push_back(std::move(*writer));
  std::vector<std::unique_ptr<sqlite_connection>> reading;
  for (unsigned i = 0; i < options.readers; ++i) {
    auto reader = sqlite_connection::open(options, sqlite_connection::role::reader);
    if (!reader) return std::unexpected(std::move(reader.error()));
    reading.push_back(std::move(*reader));
  }
  auto shared = std::make_shared<core>(std::move(reading), std::move(writing), options.queue_limit);
  return std::make_shared<sqlite_database>(std::move(shared));
}

}  // namespace strata
