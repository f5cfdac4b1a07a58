#pragma once
/// The servers that a store is on: one (`single_node`), or the masters of a cluster (`cluster`). A store
/// says what is to be done and for which keys; where that is, and whom to ask instead, is found out here.
/// Threads: any, where nothing else is said.

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

  /// What a connection whose server publishes on `own_channel` begins with.
  resp::pipeline setup(std::string_view own_channel) const;
};

/// Is notified of what happens to the servers; called on the thread of their pushes.
class topology_observer {
 public:
  virtual ~topology_observer() = default;
  /// All servers are connected, for the `generation`th time. `run_id` is another one than before if one of
  /// them may have lost data; empty: it is unknown.
  virtual void session_began(std::uint64_t generation, const std::string& run_id) = 0;
  /// A server is no longer connected. Called once for each `session_began`.
  virtual void session_lost(std::uint64_t generation, const error& why) = 0;
  virtual void pushed(resp::value message) = 0;
  /// The servers cannot be used, and an operator should know why.
  virtual void refused(std::string why) = 0;
};

/// How a batch of scripts is run.
struct running {
  request_options how;
  /// Those about one slot in the order in which they stand, also while the slot moves; one may then be run
  /// twice. Without it, only those that were not done are sent again.
  bool in_order = false;
  /// Told of each reply, by its call's place, on the client's thread and before the pushes that follow it.
  std::function<void(std::size_t, const reply&)> note;
};

/// What a walk through all keys finds is given to, some names at a time.
using visitor = std::function<task<result<void>>(std::vector<std::string>)>;

class topology {
 public:
  virtual ~topology() = default;

  /// Sends a command about `key`. As `client::execute`.
  virtual task<result<reply>> send(std::string_view key, resp::command what, request_options how) = 0;
  /// Sends "`name` KEY" for each of `keys`. Cost: one round trip a server, all at the same time.
  virtual task<result<std::vector<reply>>> send_each(std::string_view name, std::span<const std::string> keys,
                                                     request_options how) = 0;
  /// Runs scripts, each where its first key is. Cost: as `send_each`.
  virtual task<result<std::vector<reply>>> run(std::vector<script_call> calls, running how) = 0;
  /// Visits the names of all keys that match `pattern`, some of them perhaps twice.
  virtual task<result<void>> walk(std::string pattern, visitor each) = 0;

  /// Whether scripts about keys cannot see the clock: `scripts::of_keys::apart`.
  virtual bool clock_is_apart() const noexcept = 0;
  /// What calls to the clock bring as their view; empty if any is right.
  virtual std::string view() const = 0;

  // For the coherence session.

  /// Whether all of them may be used as they are set. Errors: store_unavailable, with what to set.
  virtual task<result<void>> are_fit() = 0;
  /// Returns when each has answered a question of this moment, and so told what it had to tell before.
  /// Not asked is one whose answer to the heartbeat itself says so. Errors: one did not, or may not be who
  /// it was.
  virtual task<result<void>> all_answer() = 0;
  /// Called with each heartbeat.
  virtual void tick() = 0;
  /// Why they cannot be reached, if they have been tried; nothing while all is well.
  virtual std::optional<std::string> away() const = 0;
  /// The thread on which pushes and replies come in: one for all of them.
  virtual executor& where() const = 0;

  /// For people: which they are.
  virtual std::string address_text() const = 0;
  /// The counts of `store_health`; the rest of it stays as it is.
  virtual void count(store_health& into) const = 0;
  /// Ends the connections; what waits fails, and nobody is told anything any more.
  virtual void stop() = 0;
};

/// Runs one script. Returns and errors: as `client::execute`.
task<result<reply>> run_one(topology& on, script_call what, request_options how);

/// Visits the names of one server's keys that match `pattern`. Lifetime: `of` outlives the call.
task<result<void>> walk_one(client& of, std::string pattern, visitor each);

}  // namespace strata::redis
