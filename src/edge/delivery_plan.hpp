#pragma once
/// The purges that wait for one edge, and which of them the next call carries.
///
/// A purge counts for a change only if it is sent `settle` after the change was seen: until then a process
/// may still fill the edge from an older copy. So a purge that is asked for again and again is sent at the
/// first moment that suits its first change, and stays for the later ones. Threads: one.

#include <strata/edge.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace strata::edge_detail {

/// A row of the queue.
struct queued_purge {
  edge_purge what;
  std::int64_t id = 0;  ///< of its latest change
};

/// What one call carries.
struct delivery {
  edge_batch batch;
  std::vector<std::int64_t> ids;  ///< of the rows that it settles
  std::vector<time_point> seen;   ///< when each purge was first seen
  time_point covered{};           ///< every process had dropped older copies by then
};

class delivery_plan {
 public:
  explicit delivery_plan(duration settle) : settle_(settle) {}

  void add(queued_purge row, time_point now);
  void clear();
  /// Those in flight too.
  std::size_t size() const noexcept { return waiting_.size() + in_flight_.size(); }

  /// The next call; nothing if none is due. Requires: no delivery is in flight.
  std::optional<delivery> next(time_point now, edge_limits limits);
  void succeeded() { in_flight_.clear(); }
  /// The purges of the delivery in flight wait again, in their old order.
  void failed();
  /// Rises when the plan is cleared, which also forgets the delivery in flight.
  std::uint64_t generation() const noexcept { return generation_; }

 private:
  struct item {
    queued_purge row;
    time_point first_seen{};
    time_point last_seen{};
  };
  using name = std::pair<edge_purge_kind, std::string>;

  void put(std::uint64_t at, item what);

  const duration settle_;
  std::uint64_t generation_ = 0;
  std::uint64_t next_place_ = 1;
  std::map<std::uint64_t, item> waiting_;  // by place: the oldest first
  std::map<name, std::uint64_t> places_;
  std::vector<std::pair<std::uint64_t, item>> in_flight_;
};

}  // namespace strata::edge_detail
