#include "gateway/database_watch.hpp"

#include "core/mutex.hpp"

#include <fmt/format.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace strata::gateway {

namespace {

constexpr auto reminder_period = std::chrono::minutes(1);
/// A reason other than the one in the log is logged at most this often: failures may alternate.
constexpr auto other_reason_period = std::chrono::seconds(1);

// A session is read-only by its role's settings, or because its server is a standby. A script of plpgsql may
// raise what a write would.
constexpr std::string_view ask_postgres =
    "DO $$ BEGIN IF current_setting('transaction_read_only') = 'on' THEN "
    "RAISE EXCEPTION 'the session is read-only' USING ERRCODE = '25006'; END IF; END $$";

// In one transaction, which must store a page: SQLite does not store a row again that is as it was.
constexpr std::string_view write_and_restore =
    "UPDATE schema_migrations SET name = name || '.' WHERE version = (SELECT min(version) FROM "
    "schema_migrations); "
    "UPDATE schema_migrations SET name = substr(name, 1, length(name) - 1) "
    "WHERE version = (SELECT min(version) FROM schema_migrations)";

/// One kind of calls.
struct condition {
  std::string_view failing;
  std::string_view working;
  std::string trouble;  ///< empty: they succeed
  std::uint64_t failures = 0;
  std::string logged;  ///< the latest trouble in the log
  time_point logged_at;
};

}  // namespace

class database_watch::health {
 public:
  health(log_function log, const clock& time) : log_(std::move(log)), time_(time) {}

  void read(const error* why) { saw(&health::reads_, why, why == nullptr); }
  /// `proves`: the database has stored something.
  void wrote(const error* why, bool proves) { saw(&health::writes_, why, proves); }

  std::string write_trouble() const {
    const detail::scoped_lock lock(mutex_);
    return writes_.trouble;
  }

 private:
  void saw(condition health::* which, const error* why, bool proves) {
    std::string line;
    auto level = log_level::info;
    {
      const detail::scoped_lock lock(mutex_);
      auto& what = this->*which;
      if (why != nullptr && why->code == errc::database_unavailable) {
        const auto now = time_.now();
        const bool is_new = what.trouble.empty();
        what.trouble = why->detail.empty() ? "unknown" : why->detail;
        ++what.failures;
        const auto quiet = what.trouble == what.logged ? reminder_period : other_reason_period;
        if (is_new || now - what.logged_at >= quiet) {
          what.logged = what.trouble;
          what.logged_at = now;
          level = log_level::error;
          line = fmt::format("{}: {}", what.failing, what.trouble);
          if (!is_new) line += fmt::format(" ({} calls have failed)", what.failures);
        }
      } else if (why == nullptr && proves && !what.trouble.empty()) {
        line = fmt::format("{}, after {} failed calls", what.working, what.failures);
        what.trouble.clear();
        what.failures = 0;
      }
    }
    if (!line.empty()) log_(level, line);
  }

  const log_function log_;
  const clock& time_;
  mutable detail::mutex mutex_;
  condition reads_ STRATA_GUARDED_BY(mutex_){.failing = "the database cannot be read",
                                             .working = "the database can be read again"};
  condition writes_ STRATA_GUARDED_BY(mutex_){.failing = "the database takes no writes",
                                              .working = "the database takes writes again"};
};

// Statements are handed on at once, since a caller may keep them no longer than the call.

template <class T>
task<result<T>> database_watch::after_read(std::shared_ptr<health> seen, task<result<T>> call) {
  auto done = co_await std::move(call);
  seen->read(done ? nullptr : &done.error());
  co_return done;
}

template <class T>
task<result<T>> database_watch::after_write(std::shared_ptr<health> seen, task<result<T>> call) {
  auto done = co_await std::move(call);
  bool proves = false;
  if constexpr (std::same_as<T, sql_rows>) proves = done && done->changed() > 0;
  seen->wrote(done ? nullptr : &done.error(), proves);
  co_return done;
}

class database_watch::watched_transaction final : public transaction {
 public:
  watched_transaction(std::unique_ptr<transaction> of, std::shared_ptr<health> seen)
      : real_(std::move(of)), health_(std::move(seen)) {}

  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) override {
    return after_statement(real_->execute(statement, std::move(parameters)));
  }
  task<result<void>> run_script(std::string_view script) override {
    return after_write(health_, real_->run_script(script));
  }
  task<result<void>> commit() override { return after_commit(real_->commit()); }
  task<result<std::vector<result<sql_rows>>>> commit_and_read(std::vector<sql_query> reads) override {
    return after_commit(real_->commit_and_read(std::move(reads)));
  }
  task<result<void>> rollback() override { return real_->rollback(); }

 private:
  // What it has changed is stored once it commits.
  task<result<sql_rows>> after_statement(task<result<sql_rows>> call) {
    auto done = co_await std::move(call);
    if (!done) health_->wrote(&done.error(), false);
    wrote_ = wrote_ || (done && done->changed() > 0);
    co_return done;
  }
  template <class T>
  task<result<T>> after_commit(task<result<T>> call) {
    auto done = co_await std::move(call);
    health_->wrote(done ? nullptr : &done.error(), wrote_);
    co_return done;
  }

  const std::unique_ptr<transaction> real_;
  const std::shared_ptr<health> health_;
  bool wrote_ = false;
};

database_watch::database_watch(std::shared_ptr<database> of, log_function log, const clock& time)
    : source_(std::move(of)), health_(std::make_shared<health>(std::move(log), time)) {
}

database_watch::~database_watch() = default;

task<result<sql_rows>> database_watch::query(std::string_view statement, sql_parameters parameters) {
  return after_read(health_, source_->query(statement, std::move(parameters)));
}

task<result<sql_rows>> database_watch::execute(std::string_view statement, sql_parameters parameters) {
  return after_write(health_, source_->execute(statement, std::move(parameters)));
}

task<result<std::unique_ptr<transaction>>> database_watch::begin() {
  return after_begin(health_, source_->begin());
}

task<result<std::unique_ptr<transaction>>> database_watch::begin_again() {
  return after_begin(health_, source_->begin_again());
}

task<result<std::unique_ptr<transaction>>> database_watch::after_begin(
    std::shared_ptr<health> seen, task<result<std::unique_ptr<transaction>>> begun) {
  auto open = co_await std::move(begun);
  if (!open) {
    seen->wrote(&open.error(), false);
    co_return open;
  }
  co_return std::make_unique<watched_transaction>(std::move(*open), std::move(seen));
}

task<result<void>> database_watch::run_script(std::string_view script) {
  return after_write(health_, source_->run_script(script));
}

task<result<std::uint64_t>> database_watch::foreign_changes() {
  return source_->foreign_changes();
}

task<result<void>> database_watch::ping() {
  return after_read(health_, source_->ping());
}

std::string_view database_watch::dialect() const noexcept {
  return source_->dialect();
}

task<result<void>> database_watch::can_write() {
  if (dialect() == "postgres") {
    auto asking = execute(ask_postgres, sql_parameters());
    const auto asked = co_await std::move(asking);
    if (!asked) co_return std::unexpected(asked.error());
  }
  if (health_->write_trouble().empty()) co_return result<void>();
  auto writing = run_script(write_and_restore);
  auto written = co_await std::move(writing);
  if (!written) co_return written;
  health_->wrote(nullptr, true);
  co_return result<void>();
}

}  // namespace strata::gateway
