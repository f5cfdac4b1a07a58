#pragma once
/// One connection on the driver's event loop: writes what a pipeline plans, reads what answers it.
/// Threads: the loop's.

#include "database/postgres/dial.hpp"
#include "database/postgres/pipeline.hpp"
#include "database/postgres/server_address.hpp"
#include "database/postgres/values.hpp"

#include <memory>
#include <string>
#include <vector>

struct pg_result;

namespace boost::asio {
class io_context;
}

namespace strata::detail {

class pipelined_connection : public std::enable_shared_from_this<pipelined_connection> {
 public:
  /// The user of the connection. It may drop the connection in any of these.
  class owner {
   public:
    virtual void answered(pipelined_connection& from, command_ptr of, result<sql_rows> rows) = 0;
    /// The statement was not run: something before it failed, or it must be prepared anew.
    virtual void again(pipelined_connection& from, command_ptr of) = 0;
    /// Everything up to a sync is answered.
    virtual void synced(pipelined_connection& from) = 0;
    /// The connection is gone. What it has not answered is in `take_all`.
    virtual void lost(pipelined_connection& from, const error& why) = 0;

   protected:
    ~owner() = default;
  };

  /// `as`: a write that a reading connection refuses is its caller's mistake.
  static std::shared_ptr<pipelined_connection> make(boost::asio::io_context& on, connection_handle connection,
                                                    owner& of, server_address::role as);
  ~pipelined_connection();
  pipelined_connection(const pipelined_connection&) = delete;
  pipelined_connection& operator=(const pipelined_connection&) = delete;

  /// Writes a statement behind what was written before. It leaves with the next `sync`.
  void send(command_ptr next);
  /// Ends the batch and lets it leave.
  void sync();

  /// Tells its owner nothing more. What it has not answered stays in `take_all`.
  void close() noexcept { broken_ = closed_ = true; }

  /// How many statements have no answer yet.
  std::size_t in_flight() const noexcept { return pipeline_.size(); }
  bool idle() const noexcept { return pipeline_.empty(); }
  pipeline& waiting() noexcept { return pipeline_; }
  std::vector<command_ptr> take_all() { return pipeline_.take_all(); }
  /// True between BEGIN and the end of the transaction, failed or not. Requires: idle.
  bool in_transaction() const noexcept;
  cancel_request cancel() const { return cancel_request(connection_.get()); }
  /// True if the server is a standby, or the session is read-only: what it was asked to write, it refused, or
  /// it would. Another connection may reach another server, or have other settings.
  bool refuses_writes() const noexcept;

 private:
  struct watch;
  pipelined_connection(boost::asio::io_context& on, connection_handle connection, owner& of,
                       server_address::role as);
  error failure_of(const pg_result* from, const command* whose);
  void read_later();
  void readable();
  void flush();
  void take(pg_result* from);
  void give_up(error why);

  connection_handle connection_;
  std::unique_ptr<watch> watch_;
  owner* owner_;
  const server_address::role role_;
  pipeline pipeline_;
  parameter_texts texts_;
  bool writing_ = false;    ///< waits for the socket to take more
  bool in_answer_ = false;  ///< libpq says when the answer of a statement is complete
  bool refused_write_ = false;
  bool broken_ = false;
  bool closed_ = false;
  error why_;
};

}  // namespace strata::detail
