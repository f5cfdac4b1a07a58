#pragma once
/// A client's connection. Asio is behind it, in as few files as possible.
/// Threads: any.

#include "redis/connection/client.hpp"
#include "redis/connection/request.hpp"

#include <memory>

namespace strata::redis {

class connection {
 public:
  virtual ~connection() = default;

  /// Starts to connect.
  virtual void open() = 0;
  /// Closes the connection; pending requests fail. After it returns the observer is not called any more.
  virtual void close() = 0;

  /// Takes `one`, whose waiter is set, and holds a reference until it is answered. Returns false if it is
  /// refused; then `failed` says why, and the waiter is not woken.
  virtual bool submit(request& one) = 0;
  /// Called by a waiter that is destroyed although its request is ready. See `delivery`.
  virtual void fence() = 0;

  virtual client_state state() const noexcept = 0;
  virtual std::string trouble() const = 0;
  virtual client_stats stats() const = 0;
  /// Drops the connection, or the attempt, because of `why`, and connects again.
  virtual void renew(error why) = 0;
  /// The current, last or next server.
  virtual address at() const = 0;
  virtual const client_options& options() const noexcept = 0;
  virtual const clock& time() const noexcept = 0;
  virtual executor& get_executor() noexcept = 0;
};

/// Throws bad_options.
std::shared_ptr<connection> make_connection(std::shared_ptr<loop> on, client_options with,
                                            client_observer* observer, const clock& time);

}  // namespace strata::redis
