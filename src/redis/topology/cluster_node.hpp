#pragma once
/// One master of a cluster: its connection and its identity.
/// Threads: internally synchronised; any. Its observer is notified on its client's thread.

#include "core/mutex.hpp"
#include "redis/connection/client.hpp"
#include "redis/topology/cluster_map.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace strata::redis {

/// Is notified of a node; called on the client's thread.
class node_observer {
 public:
  virtual ~node_observer() = default;
  /// A node became usable, or ceased to be.
  virtual void node_changed() = 0;
  virtual void node_pushed(resp::value message) = 0;
};

/// A node's view of the cluster.
struct node_answer {
  cluster_map map;
  std::uint64_t epoch = 0;  ///< the latest of the cluster that the node knows
};

/// The commands that ask for it, and the reader of the replies of the node at `asked`.
resp::pipeline node_question();
result<node_answer> read_node_answer(const std::vector<reply>& replies, const address& asked);
/// `cluster_current_epoch` in a reply to CLUSTER INFO.
result<std::uint64_t> read_cluster_epoch(const reply& info);

class cluster_node final : public client_observer {
 public:
  /// `with` says how to connect, except for the address. The node publishes on `channel`.
  cluster_node(runtime& on, client_options with, const cluster_master& master, std::string channel,
               node_observer& observer, const clock& time);

  const cluster_master& identity() const noexcept { return identity_; }
  std::string_view channel() const noexcept { return channel_; }
  client& connection() noexcept { return client_; }

  /// The run id of its process; nothing while it is not usable.
  std::optional<std::string> run_id() const;

  /// Asks for its map.
  task<result<node_answer>> ask(time_point deadline);
  /// Its map of `epoch` was applied.
  void map_applied(std::uint64_t epoch) noexcept { epoch_ = epoch; }
  /// Asks the node whether the cluster's epoch is still that of the map that was applied.
  task<result<bool>> is_unchanged();

  result<void> connected(const connection_info& about) override;
  void lost(std::uint64_t generation, const error& why) override;
  void pushed(resp::value message) override { observer_.node_pushed(std::move(message)); }

 private:
  const cluster_master identity_;
  const std::string channel_;
  node_observer& observer_;
  std::atomic<std::uint64_t> epoch_ = 0;  ///< of the map that was applied
  mutable detail::mutex mutex_;
  std::optional<std::string> run_id_ STRATA_GUARDED_BY(mutex_);
  client client_;  ///< ends before the members that its pushes use
};

}  // namespace strata::redis
