#pragma once
/// Connecting to a server, which may block: names are looked up, keys are exchanged.
/// Threads: `dial` and `cancel_request::send` block; never call them on the driver's thread.

#include "database/postgres/server_address.hpp"

#include <atomic>
#include <memory>

struct pg_conn;
struct pg_cancel;

namespace strata::detail {

struct end_connection {
  void operator()(pg_conn* connection) const noexcept;
};
using connection_handle = std::unique_ptr<pg_conn, end_connection>;

/// A connection in pipeline mode that never blocks. Ends early, with an error, when `stop` is set.
/// Errors: database_unavailable with libpq's reason, busy if the server has too many connections.
result<connection_handle> dial(const server_address& to, server_address::role as, duration patience,
                               const std::atomic<bool>& stop);

/// What asks a server to give up the statement that a connection has running.
class cancel_request {
 public:
  explicit cancel_request(pg_conn* of);
  /// Waits for the server to take it; a server that is stopped keeps it waiting.
  void send() const;

 private:
  struct free_cancel {
    void operator()(pg_cancel* cancel) const noexcept;
  };
  std::shared_ptr<pg_cancel> held_;
};

}  // namespace strata::detail
