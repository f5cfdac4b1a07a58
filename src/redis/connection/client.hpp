#pragma once
/// One server, one connection, any number of callers: requests are pipelined as they come, sent
/// together and answered in order. The connection is made in the background, kept alive and made
/// again when it is lost.
/// Threads: every member may be called from any thread; a task resumes on its caller's executor.
/// Never send what blocks (BLPOP, WAIT): everybody's replies would wait behind it.

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
  /// May be sent again on a new connection when the answer to it was lost: reading, or harmless twice.
  bool retryable = false;
};
/// Of a request that may be sent again.
inline constexpr request_options idempotent{.retryable = true};

/// What a connection found out about its server.
struct connection_info {
  std::uint64_t generation = 0;  ///< 1 for the client's first connection, one more for each that follows
  std::string server;            ///< "redis" or "valkey"
  std::string version;           ///< "7.0.15"
  std::string mode;              ///< "standalone", "cluster" or "sentinel"
  std::string role;              ///< "master" or "replica"
  /// Of the server's process; empty if INFO is not allowed to us, and then each connection may be
  /// to another server.
  std::string run_id;
  std::int64_t client_id = 0;
  std::vector<reply> setup;  ///< the replies to `client_options::setup`
};

/// Told by a client of what nobody asked for. Called on the client's own thread, one call at a
/// time: be short; starting tasks that call the client is fine, waiting for them is not.
/// Order: what a push says was before what a later reply says, and is told first.
class client_observer {
 public:
  virtual ~client_observer() = default;
  /// A connection was made, logged in and set up; no request has been sent on it yet. An error
  /// refuses it (a master was expected, …): it is closed and made anew after a wait.
  virtual result<void> connected(const connection_info& about) = 0;
  /// The connection of `generation` is gone, for the reason given; called once for each `connected`.
  virtual void lost(std::uint64_t generation, const error& why) = 0;
  /// A push: invalidations, messages of subscribed channels. Its first item says which.
  virtual void pushed(resp::value message) = 0;
};

enum class client_state : std::uint8_t {
  connecting,  ///< the first attempt, or the first after a loss: requests wait for it
  connected,
  down,  ///< the last attempt failed; requests fail at once until another succeeds
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
  std::uint64_t pending = 0;   ///< requests now waiting for their answers
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

  /// As the destructor, which then has nothing left to do: for who cannot say yet that nobody calls any more.
  void close();

  /// Sends one command and returns its reply.
  /// Returns: the reply, which may be the server's error
  /// Errors:  timeout (the deadline passed: it may have been done), busy (too much is waiting),
  ///          store_unavailable (no connection; or it was lost on the way, "outcome unknown")
  /// Cancel:  destroy the task; the reply is then dropped
  task<result<reply>> execute(resp::command what, request_options how = {});

  /// Sends several commands with nothing in between and returns their replies, in order. One command
  /// may fail and the next succeed: look at each. Errors: as `execute`, for all of them.
  task<result<std::vector<reply>>> execute_many(resp::pipeline what, request_options how = {});

  client_state state() const noexcept;
  /// The last error of the connection, in words; empty while connected.
  std::string trouble() const;
  client_stats stats() const;
  /// The server that is, was last or will be connected to; with `locate` the one it named last.
  address at() const;
  /// Ends the connection, or the attempt at one, because of `why`, and connects again: for who knows
  /// that its server is no longer the right one.
  void renew(error why);
  /// The client's own thread. Tasks started on it resume without a change of threads.
  executor& get_executor() const noexcept;

 private:
  std::shared_ptr<connection> connection_;
};

/// A server's error as one of ours: store_unavailable with the server's words.
/// Requires: of.is_error().
error to_error(const reply& of);
/// store_unavailable: the reply to `command` does not have the form that it must have.
error unexpected_reply(std::string_view command);

}  // namespace strata::redis
