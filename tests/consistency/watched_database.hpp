#pragma once
/// A database that counts its queries, records when each COMMIT was acknowledged, and can end the process
/// right after one: a writer that dies before it has invalidated the cache. Or in a query: a reader that dies
/// while it holds the lease of a key.
/// Threads: as `database`; `writing` belongs to the thread that waits for the write.

#include "core/mutex.hpp"
#include "tests/consistency/record.hpp"

#include <strata/database.hpp>

#include <signal.h>

#include <memory>
#include <set>
#include <utility>

namespace strata::consistency {

/// The write this thread waits for, or null.
inline thread_local record* writing = nullptr;

/// Knows whether the source has answered every query in time.
/// Threads: any.
class source_health {
 public:
  void begins(nanoseconds at) {
    const detail::scoped_lock lock(mutex_);
    running_.insert(at);
  }
  void ends(nanoseconds begun, bool answered) {
    const detail::scoped_lock lock(mutex_);
    running_.erase(running_.find(begun));
    if (!answered || now() - begun > slow) trouble_ = now();
  }
  /// A read may share the failure of one that began shortly before it.
  bool well_since(nanoseconds at) const {
    const detail::scoped_lock lock(mutex_);
    return trouble_ + slow < at && (running_.empty() || now() - *running_.begin() <= slow);
  }

 private:
  static constexpr nanoseconds slow = second / 2;
  mutable detail::mutex mutex_;
  std::multiset<nanoseconds> running_ STRATA_GUARDED_BY(mutex_);
  nanoseconds trouble_ STRATA_GUARDED_BY(mutex_) = 0;
};

class watched_database final : public database {
 public:
  watched_database(std::shared_ptr<database> under, board& shared, unsigned process)
      : under_(std::move(under)), board_(&shared), process_(process) {}

  task<result<sql_rows>> query(std::string_view statement, sql_parameters parameters) override {
    count();
    if (board_->processes[process_].dies_reading.exchange(false)) ::kill(::getpid(), SIGKILL);
    return measured(under_->query(statement, std::move(parameters)));
  }
  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) override {
    count();
    return under_->execute(statement, std::move(parameters));
  }
  task<result<std::unique_ptr<transaction>>> begin() override { return watched(under_->begin()); }
  task<result<std::unique_ptr<transaction>>> begin_again() override { return watched(under_->begin_again()); }
  task<result<void>> run_script(std::string_view script) override { return under_->run_script(script); }
  task<result<std::uint64_t>> foreign_changes() override { return under_->foreign_changes(); }
  task<result<void>> ping() override { return under_->ping(); }
  std::string_view dialect() const noexcept override { return under_->dialect(); }

  /// Whether every query since `at` was answered, and in time.
  bool well_since(nanoseconds at) const { return health_.well_since(at); }

 private:
  class watched_transaction final : public transaction {
   public:
    watched_transaction(std::unique_ptr<transaction> under, watched_database& of)
        : under_(std::move(under)), of_(&of) {}

    task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) override {
      of_->count();
      return under_->execute(statement, std::move(parameters));
    }
    task<result<void>> run_script(std::string_view script) override { return under_->run_script(script); }
    task<result<void>> rollback() override { return under_->rollback(); }
    task<result<void>> commit() override {
      auto done = co_await under_->commit();
      if (done) of_->committed();
      co_return done;
    }
    task<result<std::vector<result<sql_rows>>>> commit_and_read(std::vector<sql_query> reads) override {
      auto done = co_await under_->commit_and_read(std::move(reads));
      if (done) of_->committed();
      co_return done;
    }

   private:
    std::unique_ptr<transaction> under_;
    watched_database* of_;
  };

  task<result<sql_rows>> measured(task<result<sql_rows>> begun) {
    const auto at = now();
    health_.begins(at);
    auto rows = co_await std::move(begun);
    health_.ends(at, rows.has_value());
    co_return rows;
  }
  task<result<std::unique_ptr<transaction>>> watched(task<result<std::unique_ptr<transaction>>> begun) {
    auto made = co_await std::move(begun);
    if (!made) co_return std::unexpected(std::move(made.error()));
    co_return std::make_unique<watched_transaction>(std::move(*made), *this);
  }

  void count() const noexcept {
    const auto at = static_cast<std::size_t>((now() - board_->began) / second);
    board_->queries[std::min<std::size_t>(at, most_seconds - 1)].fetch_add(1, std::memory_order_relaxed);
  }
  void committed() const noexcept {
    if (writing != nullptr) writing->acknowledged = now();
    if (board_->processes[process_].is_to_die.exchange(false)) ::kill(::getpid(), SIGKILL);
  }

  std::shared_ptr<database> under_;
  board* board_;
  unsigned process_;
  source_health health_;
};

}  // namespace strata::consistency
