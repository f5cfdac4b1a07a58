#pragma once
/// The masters of a Redis Cluster as one place for a store: who they are, which of them has a key, and
/// when all of them are heard.
/// Threads: internally synchronised; any. All connections are on one thread of the runtime.
///
/// **A layout** is what is known at one moment: the map (cluster_map.hpp) and a node for each of its
/// masters. It is replaced, never changed; who routes by it keeps it alive.
///
/// **A session** is a layout whose masters are all connected, with the *view* made of their ids and run
/// ids (docs/decisions/0015). It ends with the first connection, when the masters are others, and when the
/// clock knows another view. Before the next one begins the nodes are asked anew.
///
/// **Asking anew.** All nodes are asked at once, and the seeds too while there is no session; of what they
/// say the latest counts. One question is under way at a time. It is asked when a node sends us elsewhere,
/// when the clock's view is another one, when a node's epoch has changed (each heartbeat asks for that, so
/// a failover is noticed though nobody reads), and again and again until there is a session.
///
/// **Redirections** to masters of the layout are followed at once. Any other master is not listened to,
/// so nothing is done there: the call fails, and works again with the session that knows that master.

#include "core/mutex.hpp"
#include "redis/topology/cluster_map.hpp"
#include "redis/topology/cluster_node.hpp"
#include "redis/topology/cluster_options.hpp"
#include "redis/topology/topology.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

class cluster final : public topology, private node_observer {
 public:
  /// Begins to connect. Requires: `on` has one thread. Throws bad_options.
  /// Lifetime: `on`, `observer` and `time` outlive it.
  cluster(runtime& on, cluster_options with, client_options connection, push_subscription subscription,
          topology_observer& observer, const clock& time);
  ~cluster() override { stop(); }

  task<result<reply>> send(std::string_view key, resp::command what, request_options how) override;
  task<result<std::vector<reply>>> send_each(std::string_view name, std::span<const std::string> keys,
                                             request_options how) override;
  task<result<std::vector<reply>>> run(std::vector<script_call> calls, running how) override;
  task<result<void>> walk(std::string pattern, visitor each) override;
  bool clock_is_apart() const noexcept override { return true; }
  std::string view() const override;

  task<result<void>> are_fit() override;
  task<result<void>> all_answer() override;
  void tick() override;
  std::optional<std::string> away() const override;
  executor& where() const override { return where_; }

  std::string address_text() const override;
  void count(store_health& into) const override;
  void stop() override;

 private:
  using node = std::shared_ptr<cluster_node>;
  struct layout {
    cluster_map map;
    std::vector<node> masters;  ///< in the map's order
    /// Null if nobody has it.
    node owner(std::uint16_t slot) const;
    /// The master that `to` names, sent by `from`; null if it is none of these.
    node at(const redirection& to, const cluster_node& from) const;
  };
  struct alive;

  // cluster.cpp: who they are.
  std::shared_ptr<const layout> now() const;
  void ask_anew();
  task<> ask_all();
  void take(const std::vector<node>& asked, std::vector<result<node_answer>> answers);
  /// A layout for `map` with the nodes that are there already, as far as they are in it.
  std::shared_ptr<const layout> laid_out(cluster_map map) STRATA_REQUIRES(mutex_);
  /// What a layout lacks for a session, if anything.
  static std::optional<std::string> missing_of(const layout& of);
  static std::string view_of(const layout& of);
  /// Ends or begins a session if that is due. `just_asked`: the layout is of now.
  void settle(bool just_asked);
  /// The clock knows another view than that of `session`.
  void outdated(std::uint64_t session);
  std::uint64_t session() const;
  void fill_seeds() STRATA_REQUIRES(mutex_);
  executor& first_thread();
  void post(std::move_only_function<void()> work);
  void node_changed() override { settle(false); }
  void node_pushed(resp::value message) override;

  // cluster_routing.cpp: where a call goes.
  struct step {
    node to;
    bool asking = false;
  };
  template <class Errand>
  struct batch;
  template <class Errand>
  task<result<std::vector<reply>>> deliver(std::vector<Errand> all, running how);
  template <class Errand>
  task<result<void>> deliver_to(node to, std::shared_ptr<batch<Errand>> of, std::vector<std::size_t> which);
  template <class Errand>
  task<result<void>> catch_up(node asked, std::shared_ptr<batch<Errand>> of, std::vector<std::size_t> which);
  template <class Errand>
  task<result<reply>> follow(Errand what, step to, request_options how);
  /// Where to go on after what `asked` said; nothing if that is the answer.
  result<std::optional<step>> after(const cluster_node& asked, const reply& said);
  result<node> owner_of(std::uint16_t slot) const;

  // cluster_walk.cpp: through all of it.
  struct sight;
  task<result<sight>> look();

  runtime& runtime_;
  const cluster_options options_;
  const client_options connection_;
  const push_subscription subscription_;
  topology_observer& observer_;
  const clock& time_;
  const std::shared_ptr<alive> alive_;

  mutable detail::mutex mutex_;
  std::shared_ptr<const layout> layout_ STRATA_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<client>> seeds_ STRATA_GUARDED_BY(mutex_);  ///< while there is no session
  std::string view_ STRATA_GUARDED_BY(mutex_);                            ///< empty: there is no session
  std::uint64_t session_ STRATA_GUARDED_BY(mutex_) = 0;                   ///< the last one's number
  std::string trouble_ STRATA_GUARDED_BY(mutex_);                         ///< why there is none
  bool asked_ STRATA_GUARDED_BY(mutex_) = false;  ///< anew, since the last session ended
  bool asking_ STRATA_GUARDED_BY(mutex_) = false;
  bool wanted_ STRATA_GUARDED_BY(mutex_) = true;
  time_point not_before_ STRATA_GUARDED_BY(mutex_){};  ///< of the next question
  bool stopped_ STRATA_GUARDED_BY(mutex_) = false;
  executor& where_;
};

}  // namespace strata::redis
