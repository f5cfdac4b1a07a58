#pragma once
/// Who the masters of a Redis Cluster are, which of them has a slot, and since when all are connected.
/// Threads: internally synchronised; any. All connections are on one thread of the runtime.
///
/// **A layout** is what is known at one moment: the map (cluster_map.hpp) and a node for each of its masters.
/// It is replaced, never changed; a caller that routes by it keeps it alive.
///
/// **A session** is a layout whose masters are all connected, with the *view* made of their ids and run ids
/// (docs/decisions/0015). It ends when a connection is lost, when the masters change, and when the clock
/// knows another view. Before the next one begins, the nodes are asked again.
///
/// **A refresh** asks all nodes at once, and the seeds too while there is no session; the newest answer
/// counts. One refresh runs at a time. It is due when a node redirects us, when the clock's view differs,
/// when a node's epoch has changed (each heartbeat checks that, so that a failover is noticed without
/// any reads), and repeatedly until there is a session.

#include "core/mutex.hpp"
#include "redis/topology/cluster_map.hpp"
#include "redis/topology/cluster_node.hpp"
#include "redis/topology/cluster_options.hpp"
#include "redis/topology/topology.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace strata::redis {

using node_ptr = std::shared_ptr<cluster_node>;

struct cluster_layout {
  cluster_map map;
  std::vector<node_ptr> masters;  ///< in the map's order

  /// Null if no master has `slot`.
  node_ptr owner(std::uint16_t slot) const;
  /// The master that `to` names, as `from` said; null if it is none of these.
  node_ptr find(const redirection& to, const cluster_node& from) const;
};

class cluster_membership final : private node_observer {
 public:
  /// Begins to connect. Requires: `on` has one thread. Throws bad_options.
  /// Lifetime: `on`, `observer` and `time` outlive it.
  cluster_membership(runtime& on, cluster_options with, client_options connection,
                     push_subscription subscription, topology_observer& observer, const clock& time);
  ~cluster_membership() override { stop(); }

  /// Null once it is stopped, and before the first answer.
  std::shared_ptr<const cluster_layout> current_layout() const;
  /// Asks the nodes for their map, now or with one of the next ticks.
  void refresh();
  /// The number of the last session.
  std::uint64_t session() const;
  /// Ends `session` if it is the current one: the clock knows another view.
  void view_is_outdated(std::uint64_t session);
  /// The view of the session; "none", which no clock knows, without one.
  std::string view() const;
  /// The answers of all masters. Errors: one did not answer.
  task<result<std::vector<node_answer>>> ask_masters();

  void tick();
  std::optional<std::string> unreachable_reason() const;
  executor& get_executor() const { return executor_; }
  std::string address_text() const;
  void add_counts(store_health& health) const;
  void stop();

 private:
  struct alive;

  task<> ask_all();
  void apply(const std::vector<node_ptr>& asked, std::vector<result<node_answer>> answers);
  /// A layout for `map`, with the nodes of the last layout that are in it.
  std::shared_ptr<const cluster_layout> make_layout(cluster_map map) STRATA_REQUIRES(mutex_);
  /// What `of` lacks for a session, if anything.
  static std::optional<std::string> missing_in(const cluster_layout& of);
  static std::string view_of(const cluster_layout& of);
  /// Ends or begins a session if that is due. `just_asked`: the layout is new.
  void update_session(bool just_asked);
  void open_seeds() STRATA_REQUIRES(mutex_);
  executor& first_executor();
  void post(std::move_only_function<void()> work);
  void node_changed() override { update_session(false); }
  void node_pushed(resp::value message) override { observer_.pushed(std::move(message)); }

  runtime& runtime_;
  const cluster_options options_;
  const client_options connection_;
  const push_subscription subscription_;
  topology_observer& observer_;
  const clock& time_;
  const std::shared_ptr<alive> alive_;

  mutable detail::mutex mutex_;
  std::shared_ptr<const cluster_layout> layout_ STRATA_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<client>> seeds_ STRATA_GUARDED_BY(mutex_);  ///< while there is no session
  std::string view_ STRATA_GUARDED_BY(mutex_);                            ///< empty: there is no session
  std::uint64_t session_ STRATA_GUARDED_BY(mutex_) = 0;                   ///< the number of the last one
  std::string trouble_ STRATA_GUARDED_BY(mutex_);                         ///< why there is no session
  bool refreshed_ STRATA_GUARDED_BY(mutex_) = false;                      ///< since the last session ended
  bool refreshing_ STRATA_GUARDED_BY(mutex_) = false;
  bool refresh_due_ STRATA_GUARDED_BY(mutex_) = true;
  time_point next_refresh_ STRATA_GUARDED_BY(mutex_){};  ///< not before this
  bool stopped_ STRATA_GUARDED_BY(mutex_) = false;
  executor& executor_;
};

}  // namespace strata::redis
