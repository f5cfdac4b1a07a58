#pragma once
/// Which nodes of a Redis Cluster are masters and which slots each has, and what a node says when it is
/// another one.
/// Threads: immutable values; pure functions.

#include "redis/connection/address.hpp"

#include <strata/error.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

/// A master, with slots or still without.
struct cluster_master {
  std::string id;
  address at;
  std::string hostname;  ///< if one is announced: what its certificate is for

  /// Whether a redirection that names `host` and `port` means this one.
  bool is_at(std::string_view host, std::uint16_t port) const noexcept {
    return port == at.port && (host == at.host || (!hostname.empty() && host == hostname));
  }
  friend bool operator==(const cluster_master&, const cluster_master&) = default;
};

/// What one node says in CLUSTER NODES.
class cluster_map {
 public:
  static constexpr std::size_t slots = 16384;
  /// Not a master: nobody has the slot.
  static constexpr std::uint16_t nobody = 0xffff;

  /// Reads a reply to CLUSTER NODES. `asked` stands for a node that does not know its own name.
  /// A master without slots is left out if it has failed: it is only remembered.
  /// Errors: store_unavailable, with what is wrong.
  static result<cluster_map> read(std::string_view reply, const address& asked);

  /// In the order of their ids.
  const std::vector<cluster_master>& masters() const noexcept { return masters_; }
  /// Index of the master that has `slot`, or nobody. Requires: slot < slots.
  std::uint16_t owner(std::uint16_t slot) const noexcept { return owners_[slot]; }
  /// True if every slot has a master.
  bool complete() const noexcept { return complete_; }
  /// The latest epoch of the cluster that has given slots to somebody: of two views, the one with the
  /// later epoch is the newer.
  std::uint64_t newest() const noexcept { return newest_; }
  /// The slots that the node that was asked is giving away or taking over.
  const std::vector<std::uint16_t>& moving() const noexcept { return moving_; }

  friend bool operator==(const cluster_map&, const cluster_map&) = default;

 private:
  struct line;
  std::optional<error> take(const line& from, const address& asked);

  std::vector<cluster_master> masters_;
  std::array<std::uint16_t, slots> owners_{};
  std::uint64_t newest_ = 0;
  bool complete_ = false;
  std::vector<std::uint16_t> moving_;
};

/// Where a node sends us.
struct redirection {
  bool moved = false;  ///< for good (-MOVED); else only for this request (-ASK)
  std::uint16_t slot = 0;
  std::string host;  ///< empty if it is the host that was asked
  std::uint16_t port = 0;
};

/// The redirection in "MOVED 3999 10.0.0.1:6381" or "ASK …"; nothing for any other error.
std::optional<redirection> redirection_of(std::string_view error_message);

}  // namespace strata::redis
