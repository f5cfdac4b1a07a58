// PostgreSQL behind the database port. Statements are checked on the caller's thread and handed to
// the driver (client.hpp); a transaction holds a loan of a writing connection.

#include "database/parameters.hpp"
#include "database/postgres/client.hpp"
#include "database/postgres/sql_text.hpp"
#include "database/turn_queue.hpp"

#include <strata/database.hpp>

#include <string>
#include <utility>

namespace strata {

namespace {

using detail::command;
using detail::command_ptr;
using detail::sql_place;
using detail::write_job;
using detail::write_job_ptr;
using detail::writer_loan;
using role = detail::command::role;

using client_ptr = std::shared_ptr<detail::client>;

command_ptr make_command(std::string_view text, role what, bool kept = true) {
  auto made = std::make_unique<command>();
  made->text = text;
  made->what = what;
  made->kept = kept;
  return made;
}

/// A caller's statement, checked. Errors: statement, invalid_argument.
result<command_ptr> make_statement(std::string_view text, sql_parameters parameters, sql_place where) {
  const auto checked = detail::only_statement(text, parameters.size(), where);
  if (!checked) return std::unexpected(checked.error());
  if (auto sound = detail::check_parameters(parameters); !sound)
    return std::unexpected(std::move(sound.error()));
  if (text.contains('\0')) return fail(errc::statement, "the statement holds a NUL byte");
  auto made = make_command(checked->text, role::statement);
  made->values = std::move(parameters);
  return made;
}

/// The commands of a script, which is exempt from the statement timeout.
result<std::vector<command_ptr>> make_script(std::string_view script) {
  if (script.contains('\0')) return fail(errc::statement, "the script holds a NUL byte");
  std::vector<command_ptr> made;
  made.push_back(make_command("SET LOCAL statement_timeout = 0", role::control));
  for (const auto& each : detail::statements_of(script)) {
    if (auto admitted = detail::admit(each, sql_place::script); !admitted) {
      return std::unexpected(std::move(admitted.error()));
    }
    if (each.parameters > 0) return fail(errc::statement, "a script takes no parameters");
    made.push_back(make_command(each.text, role::statement, false));
  }
  made.push_back(make_command("SET LOCAL statement_timeout TO DEFAULT", role::control));
  return made;
}

// The lambdas below own the driver: once a statement is submitted, its task may end elsewhere.

/// Runs a query.
task<result<sql_rows>> read(client_ptr from, command_ptr what) {
  const auto rows = std::make_shared<detail::one_shot<result<sql_rows>>>();
  what->deadline = from->deadline();
  what->waiter = rows;
  auto submit = [from, what = std::move(what)]() mutable { return from->submit(std::move(what)); };
  auto answer = rows->wait_for(std::move(submit));
  co_return co_await answer;
}

/// Runs a batch on a writing connection.
task<result<sql_rows>> write(client_ptr on, write_job_ptr job) {
  const auto rows = std::make_shared<detail::one_shot<result<sql_rows>>>();
  job->deadline = on->deadline();
  job->waiter = rows;
  auto submit = [on, job = std::move(job)]() mutable -> std::optional<result<sql_rows>> {
    if (auto refused = on->submit(std::move(job))) return std::unexpected(std::move(*refused));
    return std::nullopt;
  };
  auto answer = rows->wait_for(std::move(submit));
  co_return co_await answer;
}

task<result<writer_loan>> borrow(client_ptr from) {
  const auto loan = std::make_shared<detail::one_shot<result<writer_loan>>>();
  auto wish = std::make_unique<write_job>();
  wish->deadline = from->deadline();
  wish->borrower = loan;
  auto submit = [from, wish = std::move(wish)]() mutable -> std::optional<result<writer_loan>> {
    if (auto refused = from->submit(std::move(wish))) return std::unexpected(std::move(*refused));
    return std::nullopt;
  };
  auto answer = loan->wait_for(std::move(submit));
  co_return co_await answer;
}

result<void> without_rows(const result<sql_rows>& rows) {
  if (!rows) return std::unexpected(rows.error());
  return {};
}

/// Holds a place in a turn_queue until its end.
class held_turn {
 public:
  held_turn() = default;
  explicit held_turn(std::shared_ptr<detail::turn_queue> of) : of_(std::move(of)) {}
  held_turn(held_turn&& other) noexcept = default;
  held_turn& operator=(held_turn&&) = delete;
  ~held_turn() { end(); }
  void end() {
    if (const auto from = std::exchange(of_, nullptr)) from->pass_on();
  }

 private:
  std::shared_ptr<detail::turn_queue> of_;
};

class postgres_transaction final : public transaction {
 public:
  postgres_transaction(client_ptr on, writer_loan loan, held_turn turn)
      : client_(std::move(on)), loan_(std::move(loan)), turn_(std::move(turn)) {}

  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) override {
    if (state_ != state::open) return result<sql_rows>(not_open());
    auto made = make_statement(statement, std::move(parameters), sql_place::transaction);
    if (!made) return failed(std::move(made.error()));
    auto job = next_job();
    job->commands.push_back(std::move(*made));
    return run(std::move(job));
  }

  task<result<void>> run_script(std::string_view script) override {
    if (state_ != state::open) co_return not_open();
    auto made = make_script(script);
    if (!made) {
      state_ = state::failed;
      co_return std::unexpected(std::move(made.error()));
    }
    auto job = next_job();
    job->unlimited = true;
    for (auto& each : *made) job->commands.push_back(std::move(each));
    auto done = co_await run(std::move(job));
    co_return without_rows(done);
  }

  task<result<void>> commit() override { return commit_with({}, nullptr); }

  task<result<std::vector<result<sql_rows>>>> commit_and_read(std::vector<sql_query> reads) override {
    const auto found = std::make_shared<std::vector<result<sql_rows>>>();
    std::vector<command_ptr> behind;
    std::vector<std::optional<error>> refused;
    for (auto& each : reads) {
      auto made = make_statement(each.statement, std::move(each.parameters), sql_place::query);
      refused.push_back(made ? std::nullopt : std::optional(std::move(made.error())));
      if (!made) continue;
      (*made)->what = role::read_back;
      behind.push_back(std::move(*made));
    }
    auto done = co_await commit_with(std::move(behind), found);
    if (!done) co_return std::unexpected(std::move(done.error()));
    std::vector<result<sql_rows>> out;
    auto next = found->begin();
    for (auto& why : refused) {
      out.push_back(why ? std::unexpected(std::move(*why)) : std::move(*next++));
    }
    co_return out;
  }

  task<result<void>> rollback() override {
    if (state_ == state::ended) co_return not_open();
    auto done = co_await finish("ROLLBACK");
    co_return done;
  }

 private:
  enum class state { open, failed, ended };

  /// A batch of this transaction; the first one begins it.
  write_job_ptr next_job() {
    auto job = std::make_unique<write_job>();
    job->loan = loan_.number();
    if (!std::exchange(begun_, true)) {
      job->commands.push_back(make_command("BEGIN ISOLATION LEVEL SERIALIZABLE", role::control));
    }
    return job;
  }

  using rows_read = std::shared_ptr<std::vector<result<sql_rows>>>;

  task<result<void>> commit_with(std::vector<command_ptr> behind, rows_read found) {
    if (state_ == state::ended) co_return not_open();
    if (state_ == state::failed) {
      auto undone = co_await rollback();
      if (!undone) co_return undone;
      co_return fail(errc::statement, "the transaction was rolled back: a statement in it had failed");
    }
    auto done = co_await finish("COMMIT", std::move(behind), std::move(found));
    co_return done;
  }

  task<result<sql_rows>> run(write_job_ptr job) {
    auto done = co_await write(client_, std::move(job));
    if (!done) state_ = state::failed;
    co_return done;
  }

  result<sql_rows> failed(error why) {
    state_ = state::failed;
    return std::unexpected(std::move(why));
  }

  task<result<void>> finish(const char* how, std::vector<command_ptr> behind = {}, rows_read found = {}) {
    state_ = state::ended;
    if (!begun_ && behind.empty()) {  // the server has heard nothing of it
      loan_.end();
      turn_.end();
      co_return result<void>();
    }
    auto job = std::make_unique<write_job>();
    job->loan = loan_.number();
    job->ends_loan = true;
    if (begun_) job->commands.push_back(make_command(how, role::control, how == std::string_view("COMMIT")));
    for (auto& each : behind) job->commands.push_back(std::move(each));
    job->read_back = std::move(found);
    auto done = co_await write(client_, std::move(job));
    turn_.end();
    co_return without_rows(done);
  }

  std::unexpected<error> not_open() const {
    return fail(errc::statement, state_ == state::failed
                                     ? "a statement of this transaction has failed; roll it back"
                                     : "the transaction has ended");
  }

  client_ptr client_;
  writer_loan loan_;
  held_turn turn_;
  state state_ = state::open;
  bool begun_ = false;
};

task<result<std::unique_ptr<transaction>>> begin_on(client_ptr on, held_turn turn) {
  auto loan = co_await borrow(on);
  if (!loan) co_return std::unexpected(std::move(loan.error()));
  co_return std::make_unique<postgres_transaction>(std::move(on), std::move(*loan), std::move(turn));
}

class postgres_database final : public database {
 public:
  explicit postgres_database(client_ptr on)
      : client_(std::move(on)),
        retries_(std::make_shared<detail::turn_queue>(client_->options().queue_limit)) {}
  ~postgres_database() override {
    retries_->close();
    client_->close();
  }

  task<result<sql_rows>> query(std::string_view statement, sql_parameters parameters) override {
    auto made = make_statement(statement, std::move(parameters), sql_place::query);
    if (!made) return result<sql_rows>(std::unexpected(std::move(made.error())));
    return read(client_, std::move(*made));
  }

  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) override {
    auto made = make_statement(statement, std::move(parameters), sql_place::execute);
    if (!made) return result<sql_rows>(std::unexpected(std::move(made.error())));
    auto job = std::make_unique<write_job>();
    job->commands.push_back(make_command("BEGIN", role::control));
    job->commands.push_back(std::move(*made));
    job->commands.push_back(make_command("COMMIT", role::control));
    return write(client_, std::move(job));
  }

  task<result<std::unique_ptr<transaction>>> begin() override { return begin_on(client_, held_turn()); }

  task<result<std::unique_ptr<transaction>>> begin_again() override {
    return begin_in_turn(client_, retries_);
  }

  task<result<void>> run_script(std::string_view script) override {
    auto made = make_script(script);
    if (!made) return result<void>(std::unexpected(std::move(made.error())));
    auto job = std::make_unique<write_job>();
    job->unlimited = true;
    job->commands.push_back(make_command("BEGIN", role::control));
    for (auto& each : *made) job->commands.push_back(std::move(each));
    job->commands.push_back(make_command("COMMIT", role::control));
    return write_script(client_, std::move(job));
  }

  task<result<std::uint64_t>> foreign_changes() override {
    return result<std::uint64_t>(
        fail(errc::invalid_argument,
             "PostgreSQL has no change counter; a relay reports the writes of other programs"));
  }

  task<result<void>> ping() override { return greet(client_); }

  std::string_view dialect() const noexcept override { return "postgres"; }

 private:
  static task<result<void>> write_script(client_ptr on, write_job_ptr job) {
    auto done = co_await write(std::move(on), std::move(job));
    co_return without_rows(done);
  }

  static task<result<std::unique_ptr<transaction>>> begin_in_turn(client_ptr on,
                                                                  std::shared_ptr<detail::turn_queue> turns) {
    auto granted = co_await turns->wait();
    if (!granted) co_return std::unexpected(std::move(granted.error()));
    held_turn mine(std::move(turns));
    co_return co_await begin_on(std::move(on), std::move(mine));
  }

  static task<result<void>> greet(client_ptr on) {
    auto what = make_command("SELECT 1", role::statement);
    auto rows = co_await read(std::move(on), std::move(what));
    co_return without_rows(rows);
  }

  client_ptr client_;
  std::shared_ptr<detail::turn_queue> retries_;
};

}  // namespace

result<std::shared_ptr<database>> open_postgres(postgres_options options) {
  if (auto problems = detail::problems_of(options); !problems.empty()) throw bad_options(std::move(problems));
  auto opened = detail::client::open(std::move(options));
  if (!opened) return std::unexpected(std::move(opened.error()));
  return std::make_shared<postgres_database>(std::move(*opened));
}

}  // namespace strata
