#pragma once
/// Connections for both pools, made in the background: at once while the server answers, one at a
/// time and with growing pauses while it does not.
/// Threads: the loop's.

#include "database/postgres/dial.hpp"
#include "database/postgres/redial.hpp"

#include <strata/database.hpp>

#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace strata::detail {

class dialer {
 public:
  using taker = std::move_only_function<void(result<connection_handle>)>;

  dialer(boost::asio::io_context& on, const postgres_options& options);
  ~dialer() { stop(); }

  /// Dials, unless this is not the time for it; then returns false. `done` gets the connection on
  /// the loop. `keep` is held meanwhile: what owns the loop.
  bool dial(server_address::role as, std::shared_ptr<void> keep, taker done);

  /// True if the last attempt failed: no task need wait for a connection.
  bool is_down() const noexcept { return when_.is_down(); }
  const error& last_failure() const noexcept { return last_; }

  /// Asks the server, in the background, to give up what a connection runs. One at a time: a server
  /// that is stopped takes none.
  void cancel(cancel_request what);

  /// Ends attempts that are under way.
  void stop();

 private:
  struct shared;
  boost::asio::io_context* loop_;
  std::shared_ptr<shared> shared_;
  redial when_;
  error last_;
};

}  // namespace strata::detail
