#pragma once
/// A real Redis Cluster for a test: masters on spare ports of the loopback, with replicas if the setup says
/// so. Threads: each object by one.
///
///   cluster_group group;                                   // three masters
///   open_store(group.url());
///   group.move_slot(slot, from, to);                       // with what is in it
///   group.node(0).kill();  group.node(0).start();          // with its identity

#include "tests/redis/server.hpp"

#include "redis/topology/cluster_map.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::test {

struct cluster_setup {
  int masters = 3;
  int replicas = 0;  ///< of each master
  /// A node that is silent for so long is dead to the others. On a busy machine a live node can be silent for
  /// seconds, so a test that expects no failover leaves this value.
  std::chrono::milliseconds node_timeout = std::chrono::minutes(5);
  bool tls = false;                 ///< for clients and between the nodes
  std::vector<std::string> config;  ///< of the servers, as on the command line
};

class cluster_group {
 public:
  static constexpr int slots = 16384;

  explicit cluster_group(cluster_setup with = {}) : with_(std::move(with)) {
    if (with_.tls) certificates_ = make_certificates(folder_);
    const int all = with_.masters * (1 + with_.replicas);
    for (int i = 0; i < all; ++i) nodes_.push_back(std::make_unique<redis_server>(setup()));
    form();
  }

  std::size_t size() const { return nodes_.size(); }
  /// The masters come first; the first replica of master i is `masters + i`, and so on.
  redis_server& node(std::size_t i) { return *nodes_[i]; }
  const redis_server& node(std::size_t i) const { return *nodes_[i]; }

  /// Removes all keys. Requires: every node runs.
  void empty() const {
    for (const auto& each : nodes_) {
      if (each->call({"ROLE"}).items()[0].text() == "master") must(each->call({"FLUSHALL"}));
    }
  }

  /// The URL of all nodes, or of the `first` few. `login` is "user:password@"; `more` begins with &.
  std::string url(const std::string& login = "", const std::string& more = "", std::size_t first = 99) const {
    std::string hosts;
    for (const auto& each : nodes_) {
      if (first-- == 0) break;
      hosts += (hosts.empty() ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(port_of(*each));
    }
    auto out = std::string(with_.tls ? "rediss" : "redis") + "+cluster://" + login + hosts;
    auto query = (with_.tls ? "&ca=" + certificates_->ca : "") + more;
    if (!query.empty()) out += '?' + query.substr(1);
    return out;
  }

  std::string id(const redis_server& of) const { return std::string(of.call({"CLUSTER", "MYID"}).text()); }

  /// The node that owns `slot`, according to the first node that answers. Throws if no node owns it.
  redis_server& owner(int slot) const {
    for (const auto& each : nodes_) {
      try {
        const auto map = map_of(*each);
        if (!map) continue;
        const auto index = map->owner(static_cast<std::uint16_t>(slot));
        if (index == redis::cluster_map::no_owner) continue;
        return by_port(map->masters()[index].at.port);
      } catch (const std::exception&) {
        continue;  // it was killed
      }
    }
    throw std::runtime_error("no node owns the slot");
  }

  /// The map that `asked` returns.
  result<redis::cluster_map> map_of(const redis_server& asked) const {
    return redis::cluster_map::read(asked.call({"CLUSTER", "NODES"}).text(),
                                    {.host = "127.0.0.1", .port = asked.port(), .path = {}});
  }

  /// Begins to move a slot. Until `end_move` both nodes have keys of it; `move_keys` moves them.
  void begin_move(int slot, const redis_server& from, const redis_server& to) const {
    must(to.call({"CLUSTER", "SETSLOT", std::to_string(slot), "IMPORTING", id(from)}));
    must(from.call({"CLUSTER", "SETSLOT", std::to_string(slot), "MIGRATING", id(to)}));
  }
  /// Moves up to `most` keys, and returns their number.
  std::size_t move_keys(int slot, const redis_server& from, const redis_server& to, int most = 10'000) const {
    const auto keys = from.call({"CLUSTER", "GETKEYSINSLOT", std::to_string(slot), std::to_string(most)});
    if (keys.items().empty()) return 0;
    std::vector<std::string> words{"MIGRATE", "127.0.0.1", std::to_string(port_of(to)), "", "0", "20000",
                                   "REPLACE", "KEYS"};
    for (const auto& each : keys.items()) words.emplace_back(each.text());
    const auto said = from.call(words);
    if (!said.is_ok() && said.text() != "NOKEY") throw std::runtime_error("MIGRATE: " + resp::to_text(said));
    return keys.items().size();
  }
  /// Gives the slot to `to`, and waits until all nodes agree. Messages under way can still claim the slot for
  /// the node that gave it away. A node that does not know the new epoch believes them, and then no node owns
  /// the slot: each names another.
  void end_move(int slot, const redis_server& to) const {
    const auto of = id(to);
    must(to.call({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", of}));
    for (const auto& each : nodes_) {
      try {
        each->call({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", of});  // a replica refuses
      } catch (const std::exception&) {
        continue;
      }
    }
    if (!wait_until_whole()) throw std::runtime_error("the nodes do not agree on the owners");
  }
  /// Moves a slot with its keys, as an operator's tool does.
  void move_slot(int slot, const redis_server& from, const redis_server& to) const {
    begin_move(slot, from, to);
    while (move_keys(slot, from, to) > 0) {
    }
    end_move(slot, to);
  }

  /// Leaves a slot without an owner: its owner names another node, and that node names the owner. The keys in
  /// the slot are lost. Returns the owner, so that `end_move` can give the slot back.
  redis_server& tear(int slot) const {
    auto& from = owner(slot);
    const auto of = id(&from == nodes_[0].get() ? *nodes_[1] : *nodes_[0]);
    const bool given = eventually([&] {
      auto words = std::vector<std::string>{"UNLINK"};
      for (const auto& each : from.call({"CLUSTER", "GETKEYSINSLOT", std::to_string(slot), "100"}).items()) {
        words.emplace_back(each.text());
      }
      if (words.size() > 1) from.call(words);
      return from.call({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", of}).is_ok();  // once it is empty
    });
    if (!given) throw std::runtime_error("the slot is never empty");
    return from;
  }

  /// Adds a master without slots.
  redis_server& add_master() {
    nodes_.push_back(std::make_unique<redis_server>(setup()));
    auto& made = *nodes_.back();
    must(nodes_.front()->call(
        {"CLUSTER", "MEET", "127.0.0.1", std::to_string(port_of(made)), bus_port(made)}));
    const auto is_known = [&] {
      return std::ranges::all_of(nodes_, [&](const auto& each) {
        const auto map = map_of(*each);
        return map && map->masters().size() == nodes_.size() && map->complete();
      });
    };
    if (!eventually(is_known, std::chrono::seconds(60))) throw std::runtime_error("the new node is not met");
    return made;
  }

  /// Lets `replica` take over from its master, as an operator does.
  void failover(const redis_server& replica) const { must(replica.call({"CLUSTER", "FAILOVER"})); }

  /// Waits until all nodes that answer serve all slots and agree on their owners and on the epoch.
  bool wait_until_whole(std::chrono::milliseconds patience = std::chrono::seconds(60)) const {
    return eventually([&] { return is_whole(); }, patience);
  }

 private:
  std::uint16_t port_of(const redis_server& of) const { return with_.tls ? of.tls_port() : of.port(); }

  redis_server& by_port(std::uint16_t port) const {
    for (const auto& each : nodes_) {
      if (each->port() == port || each->tls_port() == port) return *each;
    }
    throw std::runtime_error("the cluster names a node that the test did not start");
  }

  static std::string bus_port(const redis_server& of) {
    return std::string(of.call({"CONFIG", "GET", "cluster-port"}).items()[1].text());
  }

  static void must(const resp::value& done) {
    if (!done.is_ok()) throw std::runtime_error(resp::to_text(done));
  }

  server_setup setup() const {
    server_setup made{.config = {}, .tls = with_.tls, .shared_certificates = certificates_};
    made.config = {"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port",
                   std::to_string(spare_port()), "--cluster-node-timeout",
                   std::to_string(with_.node_timeout.count()),
                   // A replica may take over however long its link was down, without waiting for others.
                   "--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"};
    if (with_.tls)
      made.config.insert(made.config.end(), {"--tls-cluster", "yes", "--tls-replication", "yes"});
    made.config.insert(made.config.end(), with_.config.begin(), with_.config.end());
    return made;
  }

  void form() {
    const auto& first = *nodes_.front();
    for (int i = 0; i < with_.masters; ++i) {
      // Different epochs from the beginning, so that no node has to change its own later.
      must(nodes_[static_cast<std::size_t>(i)]->call({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)}));
      must(nodes_[static_cast<std::size_t>(i)]->call({"CLUSTER", "ADDSLOTSRANGE",
                                                      std::to_string(slots * i / with_.masters),
                                                      std::to_string(slots * (i + 1) / with_.masters - 1)}));
    }
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
      must(first.call(
          {"CLUSTER", "MEET", "127.0.0.1", std::to_string(port_of(*nodes_[i])), bus_port(*nodes_[i])}));
    }
    const auto all_met = [&] {
      return std::ranges::all_of(nodes_, [&](const auto& each) {
        const auto text = each->call({"CLUSTER", "NODES"});
        return static_cast<std::size_t>(std::ranges::count(text.text(), '\n')) == nodes_.size() &&
               !text.text().contains("handshake");
      });
    };
    if (!eventually(all_met, std::chrono::seconds(60))) throw std::runtime_error("the nodes do not meet");
    for (std::size_t i = static_cast<std::size_t>(with_.masters); i < nodes_.size(); ++i) {
      const auto of = id(*nodes_[i % static_cast<std::size_t>(with_.masters)]);
      must(nodes_[i]->call({"CLUSTER", "REPLICATE", of}));
    }
    const bool ready =
        wait_until_whole() && eventually([&] { return replicas_follow(); }, std::chrono::seconds(60));
    if (!ready) throw std::runtime_error("the cluster does not come up: " + first.log());
  }

  bool replicas_follow() const {
    for (std::size_t i = static_cast<std::size_t>(with_.masters); i < nodes_.size(); ++i) {
      const auto role = nodes_[i]->call({"ROLE"});
      if (role.items().size() < 4 || role.items()[0].text() != "slave" ||
          role.items()[3].text() != "connected") {
        return false;
      }
    }
    return true;
  }

  bool is_whole() const {
    std::string agreed;
    for (const auto& each : nodes_) {
      try {
        if (!each->call({"CLUSTER", "INFO"}).text().contains("cluster_state:ok")) return false;
        const auto map = map_of(*each);
        if (!map || !map->complete()) return false;
        std::string mine;
        for (int slot = 0; slot < slots; ++slot) {
          mine += std::to_string(map->owner(static_cast<std::uint16_t>(slot))) + ',';
        }
        mine += std::to_string(map->newest());
        if (!agreed.empty() && agreed != mine) return false;
        agreed = std::move(mine);
      } catch (const std::exception&) {
        continue;  // it was killed
      }
    }
    return !agreed.empty();
  }

  cluster_setup with_;
  temporary_folder folder_;
  std::optional<test::certificates> certificates_;
  std::vector<std::unique_ptr<redis_server>> nodes_;
};

}  // namespace strata::test
