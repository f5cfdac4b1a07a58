#pragma once
/// One server, one connection, any number of callers: requests are pipelined as they arrive, sent together
/// and answered in order. The client connects in the background, keeps the connection alive, and reconnects
/// when it is lost.
/// Threads: every member may be called from any thread; a task resumes on its caller's executor.
/// Never send a command that blocks (BLPOP, WAIT): all other replies would wait behind it.

#include "redis/connection/client_options.hpp"
#include "redis/connection/runtime.hpp"
#include "resp/command.hpp"
#include "resp/value.hpp"

#include <strata/error.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

/// What a server answered. Its errors (`is_error`) are replies too: -MOVED, -NOSCRIPT, -LOADING …
using reply = resp::value;

struct request_options {
  /// When the caller stops waiting; if not set, the client's `request_timeout` from now.
  time_point deadline{};
  /// May be sent again on a new connection if the reply is lost: the request only reads, or is idempotent.
  bool retryable = false;
};
/// For a request that may be sent again.
inline constexpr request_options idempotent{.retryable = true};

/// What the handshake found out about the server.
struct connection_info {
  std::uint64_t generation = 0;  ///< 1 for the client's first connection, one more for each that follows
  std::string server;            ///< "redis" or "valkey"
  std::string version;           ///< "7.0.15"
  std::string mode;              ///< "standalone", "cluster" or "sentinel"
  std::string role;              ///< "master" or "replica"
  /// Of the server's process. Empty if we may not call INFO; then each connection may reach another server.
  std::string run_id;
  std::int64_t client_id = 0;
  std::vector<reply> setup;  ///< the replies to `client_options::setup`
};

/// Is notified of connections and pushes. Called on the client's own thread, one call at a time: be short.
/// It may start tasks that call the client, but must not wait for them.
/// Order: a push is delivered before every reply that the server sent after it.
class client_observer {
 public:
  virtual ~client_observer() = default;
  /// A connection was made, logged in and set up; no request has been sent on it yet. An error rejects it (a
  /// master was expected, …): the client closes it and reconnects after a wait.
  virtual result<void> connected(const connection_info& about) = 0;
  /// The connection of `generation` was lost because of `why`; called once for each `connected`.
  virtual void lost(std::uint64_t generation, const error& why) = 0;
  /// A push: invalidations, messages of subscribed channels. Its first item says which.
  virtual void pushed(resp::value message) = 0;
};

enum class client_state : std::uint8_t {
  connecting,  ///< the first attempt, or the first after a loss: requests wait for it
  connected,
  down,  ///< the last attempt failed; requests fail at once until an attempt succeeds
};

struct client_stats {
  std::uint64_t requests = 0;     ///< taken
  std::uint64_t refused = 0;      ///< busy, or while down
  std::uint64_t timeouts = 0;     ///< whose deadline passed
  std::uint64_t resent = 0;       ///< on another connection
  std::uint64_t unanswered = 0;   ///< lost with their connection
  std::uint64_t connections = 0;  ///< made
  std::uint64_t failures = 0;     ///< attempts to connect that failed
  std::uint64_t pushes = 0;
  std::uint64_t writes = 0;    ///< each of one or more requests
  std::uint64_t sent = 0;      ///< bytes, before TLS
  std::uint64_t received = 0;  ///< bytes, before TLS
  std::uint64_t pending = 0;   ///< requests that wait for their replies now
};

class connection;

class client {
 public:
  /// Begins to connect. `observer` may be null. Throws bad_options.
  /// Lifetime: `on`, `time` and `observer` outlive the client
  client(runtime& on, client_options with, client_observer* observer = nullptr,
         const clock& time = system_clock());
  /// Ends the connection; requests that wait fail with store_unavailable. The observer is not called
  /// any more when this returns. Requires: not called on the client's own thread.
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// Closes the connection early; the destructor is then a no-op. Use it while other threads may still call
  /// this client: their calls fail.
  void close();

  /// Sends one command and returns its reply.
  /// Returns: the reply, which may be the server's error
  /// Errors:  timeout (the deadline passed: it may have been executed), busy (too many requests wait),
  ///          store_unavailable (no connection; or it was lost meanwhile: "outcome unknown")
  /// Cancel:  destroy the task; the reply is then dropped
  task<result<reply>> execute(resp::command what, request_options how = {});

  /// Sends several commands, with no other in between, and returns their replies in order. One command may
  /// fail and the next succeed: check each reply. Errors: as `execute`, for all of them.
  task<result<std::vector<reply>>> execute_many(resp::pipeline what, request_options how = {});

  client_state state() const noexcept;
  /// The last error of the connection, in words; empty while connected.
  std::string trouble() const;
  client_stats stats() const;
  /// The current, last or next server; with `locate` the one that it named last.
  address at() const;
  /// Drops the connection, or the attempt, because of `why`, and connects again. For a caller that knows that
  /// the server is no longer the right one.
  void renew(error why);
  /// The client's own thread. Tasks started on it resume without a change of threads.
  executor& get_executor() const noexcept;

 private:
  std::shared_ptr<connection> connection_;
};

/// Maps a server's error to store_unavailable, with the server's words.
/// Requires: of.is_error().
error to_error(const reply& of);
/// store_unavailable: the reply to `command` has an unexpected form.
error unexpected_reply(std::string_view command);

}  // namespace strata::redis
