#pragma once
/// `database_watch`: a database whose failures the operator learns: from the log, and from /readyz.
/// Threads: as `database`; what it has seen is internally locked.

#include "gateway/log.hpp"

#include <strata/database.hpp>
#include <strata/time.hpp>

#include <functional>
#include <memory>
#include <string_view>

namespace strata::gateway {

/// Passes every call to another database. Logs why reads or writes began to fail, and that they succeed
/// again; in between one line a minute, or one a second while the reason changes.
class database_watch final : public database {
 public:
  using log_function = std::function<void(log_level, std::string_view)>;

  /// `time` must outlive the database.
  database_watch(std::shared_ptr<database> of, log_function log, const clock& time = system_clock());
  ~database_watch() override;

  task<result<sql_rows>> query(std::string_view statement, sql_parameters parameters) override;
  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) override;
  task<result<std::unique_ptr<transaction>>> begin() override;
  task<result<std::unique_ptr<transaction>>> begin_again() override;
  task<result<void>> run_script(std::string_view script) override;
  task<result<std::uint64_t>> foreign_changes() override;
  task<result<void>> ping() override;
  std::string_view dialect() const noexcept override;

  /// Succeeds if the database would take a write now. Asks PostgreSQL whether it is read-only. After a failed
  /// write it changes a row of `schema_migrations` and back, so that it notices when there is room again.
  /// Errors: database_unavailable with the reason; else as `database::execute`.
  task<result<void>> can_write();

 private:
  class health;
  class watched_transaction;

  template <class T>
  static task<result<T>> after_read(std::shared_ptr<health> seen, task<result<T>> call);
  template <class T>
  static task<result<T>> after_write(std::shared_ptr<health> seen, task<result<T>> call);
  static task<result<std::unique_ptr<transaction>>> after_begin(
      std::shared_ptr<health> seen, task<result<std::unique_ptr<transaction>>> begun);

  const std::shared_ptr<database> source_;
  const std::shared_ptr<health> health_;
};

}  // namespace strata::gateway
