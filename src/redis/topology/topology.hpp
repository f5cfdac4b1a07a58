#pragma once
/// The servers that hold a store: one (`single_node`), or the masters of a cluster (`cluster`). A store says
/// what to do and for which keys; the topology finds the server, and retries elsewhere after a redirection.
/// Threads: any, unless a comment says otherwise.

#include "redis/connection/client.hpp"
#include "redis/topology/script_call.hpp"

#include <strata/error.hpp>
#include <strata/network_store.hpp>
#include <strata/task.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

/// What every connection of a topology subscribes to.
struct push_subscription {
  resp::pipeline tracking;  ///< the CLIENT TRACKING that every connection begins with
  std::string channel;      ///< of a single node; each master of a cluster has its own, "CHANNEL:NODE_ID"

  /// What a connection begins with whose server publishes on `own_channel`.
  resp::pipeline setup(std::string_view own_channel) const;
};

/// Is notified of changes of the servers; called on the thread of their pushes.
class topology_observer {
 public:
  virtual ~topology_observer() = default;
  /// All servers are connected, for the `generation`th time. `run_id` differs from the last one if one of
  /// them may have lost data; empty: it is unknown.
  virtual void session_began(std::uint64_t generation, const std::string& run_id) = 0;
  /// A server is no longer connected. Called once for each `session_began`.
  virtual void session_lost(std::uint64_t generation, const error& why) = 0;
  virtual void pushed(resp::value message) = 0;
  /// The servers cannot be used, and an operator should know why.
  virtual void refused(std::string why) = 0;
};

/// How a batch of scripts is run.
struct batch_options {
  request_options request;
  /// Scripts about one slot run in the order of the batch, also while the slot moves; one may then run
  /// twice. Without it, only those that did not run are sent again.
  bool in_order = false;
  /// Called with each reply and the index of its script, on the client's thread and before the pushes that
  /// follow the reply.
  std::function<void(std::size_t, const reply&)> on_reply;
};

/// Receives the names that a scan finds, several at a time.
using key_visitor = std::function<task<result<void>>(std::vector<std::string>)>;

class topology {
 public:
  virtual ~topology() = default;

  /// Sends a command about `key`. As `client::execute`.
  virtual task<result<reply>> send(std::string_view key, resp::command command, request_options how) = 0;
  /// Sends "`name` KEY" for each of `keys`. Cost: one round trip a server, all at the same time.
  virtual task<result<std::vector<reply>>> send_each(std::string_view name, std::span<const std::string> keys,
                                                     request_options how) = 0;
  /// Runs each script on the server of its first key. Cost: as `send_each`.
  virtual task<result<std::vector<reply>>> run(std::vector<script_call> calls, batch_options how) = 0;
  /// Sends `command` to every server. Cost: one round trip, all at the same time.
  virtual task<result<std::vector<reply>>> send_to_all(resp::command command, request_options how) = 0;
  /// Visits the names of all keys that match `pattern`, some of them perhaps twice.
  virtual task<result<void>> scan(std::string pattern, key_visitor each) = 0;

  /// Whether the clock is out of reach for scripts about keys: `scripts::of_keys::remote_clock`.
  virtual bool has_remote_clock() const noexcept = 0;
  /// What calls to the clock carry as their view; empty if any view is right.
  virtual std::string view() const = 0;

  // For the coherence session.

  /// Whether the servers' configuration is safe for a store. Errors: invalid_argument, with what to set.
  virtual task<result<void>> check_configuration() = 0;
  /// Asks each server a question, so that all its earlier pushes have arrived when it is answered. Skips the
  /// server that answered the heartbeat: that reply is proof enough. Errors: a server did not answer, or
  /// may have been replaced.
  virtual task<result<void>> ping_all() = 0;
  /// Called with each heartbeat.
  virtual void tick() = 0;
  /// Why the servers cannot be reached; nothing while they can, or before the first attempt has ended.
  virtual std::optional<std::string> unreachable_reason() const = 0;
  /// The thread on which pushes and replies arrive: one for all servers.
  virtual executor& get_executor() const = 0;

  /// The servers' addresses, for people.
  virtual std::string address_text() const = 0;
  /// Adds the counts of `store_health`; leaves the rest of `health` as it is.
  virtual void add_counts(store_health& health) const = 0;
  /// Closes the connections: pending calls fail, and the observer is not notified any more.
  virtual void stop() = 0;
};

/// Runs one script. Returns and errors: as `client::execute`.
task<result<reply>> run_one(topology& servers, script_call call, request_options how);

/// Visits the names of one server's keys that match `pattern`. Lifetime: `server` outlives the call.
task<result<void>> scan_server(client& server, std::string pattern, key_visitor each);

/// Adds what one client counts.
void add_client_counts(const client& of, store_health& health);

}  // namespace strata::redis
