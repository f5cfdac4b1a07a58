#pragma once
/// Matches the replies of a pipelined connection to its statements. No I/O.
///
/// Statements are sent without waiting; a *sync* ends a batch. The server replies in order. When a statement
/// fails, the server *aborts* the following ones up to the sync. Statements that only read are sent again, so
/// one error costs its batch a second round trip and no other statement its result.
/// Threads: one at a time.

#include "async/one_shot.hpp"
#include "database/postgres/statement_cache.hpp"

#include <strata/database.hpp>
#include <strata/time.hpp>

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace strata::detail {

/// A statement on its way to the server and back.
struct command {
  enum class role : unsigned char {
    statement,  ///< a caller's
    control,    ///< begins, ends or adjusts the transaction
    read_back,  ///< a caller's, behind the COMMIT: its error is not the transaction's
  };
  std::string text;
  sql_parameters values;
  role what = role::statement;
  bool kept = true;    ///< prepared, and kept prepared for the next time
  unsigned lost = 0;   ///< with how many connections it was lost
  unsigned stale = 0;  ///< how often its prepared statement was not the right one
  time_point deadline = time_point::max();
  std::shared_ptr<one_shot<result<sql_rows>>> waiter;  ///< of a query; null: its batch gets the result
};
using command_ptr = std::unique_ptr<command>;

/// What an answer of the server was.
enum class answer_kind {
  done,
  failed,
  stale,    ///< not run: the plan that was prepared is no longer what the text means
  missing,  ///< not run: it is not prepared
  aborted,  ///< not run: something before it has failed
  sync,
};

class pipeline {
 public:
  explicit pipeline(std::size_t statements = statement_cache::kept) : cache_(statements) {}

  /// What is to be written for a command, in this order.
  struct plan {
    std::vector<std::string> deallocate;
    bool prepare = false;
    std::string_view name;  ///< empty: run without preparing. Valid until the next call
    const command* what = nullptr;
  };
  plan add(command_ptr next);
  void add_sync();

  /// The statement that the next answer belongs to. Null: the library's own, or one that is gone.
  const command* next() const noexcept;

  /// How often a statement is prepared again before its error is reported. Behind a pooler that shares
  /// connections it would never end otherwise.
  static constexpr unsigned most_stale = 3;

  enum class verdict {
    nothing,   ///< no statement has ended
    done,      ///< it has its rows
    failed,    ///< it has its error
    again,     ///< it was not run: send it again
    synced,    ///< a batch has ended
    confused,  ///< not the order the server promises: the connection is of no use
  };
  struct event {
    verdict what = verdict::nothing;
    command_ptr of;
  };
  event take(answer_kind answer);

  /// Every command that has no answer, oldest first; the connection is gone.
  std::vector<command_ptr> take_all();

  /// Calls `visit(command&)` for every command that has no answer, oldest first.
  template <class Visit>
  void each(Visit visit) {
    for (auto& slot : expected_) {
      if (slot.of) visit(*slot.of);
    }
  }
  /// How many statements have no answer yet.
  std::size_t size() const noexcept { return commands_; }
  bool empty() const noexcept { return expected_.empty(); }

 private:
  enum class step : unsigned char { deallocate, prepare, execute, sync };
  struct slot {
    step what;
    std::string name;  ///< of the prepared statement
    command_ptr of;    ///< of `execute`; null if its result has been delivered already
  };
  event take_failure(answer_kind answer, slot failed);
  event finish(verdict what, command_ptr of);

  statement_cache cache_;
  std::deque<slot> expected_;
  std::vector<std::string> garbage_;  ///< to be deallocated with the next command
  std::size_t commands_ = 0;
};

}  // namespace strata::detail
