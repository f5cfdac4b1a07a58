#pragma once
/// The options of a client.
/// Threads: values.

#include "redis/connection/address.hpp"
#include "resp/command.hpp"
#include "resp/tokenizer.hpp"

#include <strata/error.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <cstddef>
#include <functional>
#include <string>

namespace strata::redis {

struct client_options {
  address at;
  /// If set, called before each attempt to connect, for the server's current address; `at` is then ignored.
  /// Called on the client's own thread. Lifetime: what it uses outlives the client and the task.
  std::function<task<result<address>>()> locate;
  credentials login;
  tls_options tls;
  unsigned database = 0;        ///< SELECT
  std::string name = "strata";  ///< CLIENT SETNAME: no spaces, or empty for none

  /// Sent on every new connection after login and before any request, e.g. CLIENT TRACKING. An error among
  /// the replies makes the connection fail.
  resp::pipeline setup;

  duration request_timeout = std::chrono::milliseconds(200);  ///< for requests without a deadline
  duration connect_timeout = std::chrono::seconds(1);  ///< locate, resolve, connect, TLS and login together

  /// A connection counts as lost when no byte arrives for this long although a request waits.
  duration silence = std::chrono::milliseconds(600);
  /// After this long without a request, a PING is sent.
  duration ping_after = std::chrono::milliseconds(200);

  /// The wait before the n-th attempt to connect is random, up to `first_retry` · 2^n or `last_retry`.
  duration first_retry = std::chrono::milliseconds(25);
  duration last_retry = std::chrono::seconds(1);

  std::size_t max_pending = 64u << 10;       ///< unanswered requests; more fail with busy
  byte_size max_pending_size = {64u << 20};  ///< the same in bytes
  resp::limits reply_limits;
};

}  // namespace strata::redis
