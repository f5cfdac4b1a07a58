#pragma once
/// Connections that only read, each shared by many queries at once.
///
/// Queries that come together leave together, with one sync; they are spread over the connections
/// with the fewest in flight. What was aborted by another's error, or lost with its connection,
/// is sent again: reading twice does no harm. A query that is lost twice is not tried a third time,
/// for it may be what ends the connections.
/// Threads: the loop's.

#include "database/postgres/dialer.hpp"
#include "database/postgres/pipelined_connection.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace strata::detail {

/// What the pools share.
struct pool_parts {
  boost::asio::io_context& loop;
  const postgres_options& options;
  dialer& dial;
  std::atomic<std::size_t>& waiting;              ///< statements that have not been sent
  std::function<std::shared_ptr<void>()> keeper;  ///< what owns the loop
  std::function<void()> arm;                      ///< has `sweep` called while a pool needs time
};

/// How much longer than its deadline a statement that was sent may take to be answered: the server
/// ends it at the deadline and says so.
inline constexpr duration answer_grace = std::chrono::milliseconds(250);

class reading_pool final : public pipelined_connection::owner {
 public:
  explicit reading_pool(pool_parts& parts);

  /// Gives the pool its first connection. Requires: called once, before anything else.
  void adopt(connection_handle first);

  /// Takes a query; it leaves with the next `pump`.
  void add(command_ptr next);
  /// Sends what can be sent, and dials what is missing.
  void pump();
  /// Ends what has waited too long.
  void sweep(time_point now);
  /// True while there is something that only time ends.
  bool needs_time() const noexcept;
  void close(const error& why);

 private:
  struct pool_slot {
    std::shared_ptr<pipelined_connection> up;
    bool dialing = false;
  };

  void answered(pipelined_connection& from, command_ptr of, result<sql_rows> rows) override;
  void again(pipelined_connection& from, command_ptr of) override;
  void synced(pipelined_connection& from) override;
  void lost(pipelined_connection& from, const error& why) override;

  void dial_missing();
  void connected(std::size_t which, result<connection_handle> made);
  /// Null: none has room.
  pool_slot* least_busy();
  void send_waiting();
  void requeue(std::vector<command_ptr> commands);
  void drop(pool_slot& which, const error& why);
  void refuse_waiting(const error& why);
  void finish(command& of, result<sql_rows> rows);

  pool_parts* parts_;
  std::vector<pool_slot> slots_;
  std::deque<command_ptr> waiting_;
  std::vector<command_ptr> again_;  ///< aborted ones, until their batch has ended
};

}  // namespace strata::detail
