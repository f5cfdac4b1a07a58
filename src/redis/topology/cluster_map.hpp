#pragma once
/// Which nodes of a Redis Cluster are masters, which slots each has, and the redirections that nodes reply.
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

/// A master, with or without slots.
struct cluster_master {
  std::string id;
  address at;
  std::string hostname;  ///< if one is announced: the name in its certificate

  /// Whether a redirection that names `host` and `port` means this one.
  bool is_at(std::string_view host, std::uint16_t port) const noexcept {
    return port == at.port && (host == at.host || (!hostname.empty() && host == hostname));
  }
  friend bool operator==(const cluster_master&, const cluster_master&) = default;
};

/// One node's reply to CLUSTER NODES.
class cluster_map {
 public:
  static constexpr std::size_t slots = 16384;
  /// No master has the slot.
  static constexpr std::uint16_t no_owner = 0xffff;

  /// Reads a reply to CLUSTER NODES. `asked` is the address of a node that does not know its own.
  /// Leaves out a failed master without slots: the nodes only remember it.
  /// Errors: store_unavailable, with the problem.
  static result<cluster_map> read(std::string_view reply, const address& asked);

  /// In the order of their ids.
  const std::vector<cluster_master>& masters() const noexcept { return masters_; }
  /// Index of the master that has `slot`, or `no_owner`. Requires: slot < slots.
  std::uint16_t owner(std::uint16_t slot) const noexcept { return owners_[slot]; }
  /// True if every slot has a master.
  bool complete() const noexcept { return complete_; }
  /// The latest epoch that assigned slots: of two maps, the one with the later epoch is newer.
  std::uint64_t newest() const noexcept { return newest_; }
  /// The slots that the asked node is giving away or taking over.
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

/// Where a node redirects a call.
struct redirection {
  bool moved = false;  ///< -MOVED: permanently; else -ASK: for this request only
  std::uint16_t slot = 0;
  std::string host;  ///< empty: the host that was asked
  std::uint16_t port = 0;
};

/// The redirection in "MOVED 3999 10.0.0.1:6381" or "ASK …"; nothing for any other error.
std::optional<redirection> redirection_of(std::string_view error_message);

}  // namespace strata::redis
