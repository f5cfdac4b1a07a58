#pragma once
/// What a client has of its connection. Behind it is Asio, in as few files as can be.
/// Threads: any.

#include "redis/connection/client.hpp"
#include "redis/connection/request.hpp"

#include <memory>

namespace strata::redis {

class connection {
 public:
  virtual ~connection() = default;

  /// Begins to connect.
  virtual void open() = 0;
  /// Ends everything; what waits fails. The observer is not called any more when this returns.
  virtual void close() = 0;

  /// Takes `one`, whose waiter is set, and holds a reference until it is answered. Returns false if it is
  /// refused; then its `failed` says why, and nobody will be woken.
  virtual bool submit(request& one) = 0;
  /// To be called by a waiter that is destroyed although its request is ready. See `delivery`.
  virtual void fence() = 0;

  virtual client_state state() const noexcept = 0;
  virtual std::string trouble() const = 0;
  virtual client_stats stats() const = 0;
  /// Ends the connection, or the attempt at one, because of `why`, and tries again.
  virtual void renew(error why) = 0;
  /// The server that is, was last or will be connected to.
  virtual address at() const = 0;
  virtual const client_options& options() const noexcept = 0;
  virtual const clock& time() const noexcept = 0;
  virtual executor& get_executor() noexcept = 0;
};

/// Throws bad_options.
std::shared_ptr<connection> make_connection(std::shared_ptr<loop> on, client_options with,
                                            client_observer* observer, const clock& time);

}  // namespace strata::redis
