#include "redis/topology/cluster_scan.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace strata::redis {

namespace {

constexpr int max_scans = 6;

/// Which master has each slot, and which slots are moving, according to all masters.
struct slot_table {
  cluster_map map;
  std::vector<std::uint16_t> moving;  ///< sorted
  std::string view;

  bool is_moving(std::uint16_t slot) const { return std::ranges::binary_search(moving, slot); }
};

task<result<slot_table>> read_slots(cluster_membership& members) {
  auto answers = co_await members.ask_masters();
  if (!answers) co_return std::unexpected(std::move(answers.error()));
  std::optional<slot_table> out;
  std::vector<std::uint16_t> moving;
  for (auto& each : *answers) {
    moving.insert(moving.end(), each.map.moving().begin(), each.map.moving().end());
    if (!out || out->map.newest() < each.map.newest()) out = slot_table{.map = std::move(each.map)};
  }
  std::ranges::sort(moving);
  out->moving = std::move(moving);
  out->view = members.view();
  co_return std::move(*out);
}

}  // namespace

task<result<void>> scan_cluster(cluster_membership& members, std::string pattern, key_visitor each) {
  auto before = co_await read_slots(members);
  if (!before) co_return std::unexpected(std::move(before.error()));
  std::vector<int> moves(cluster_map::slots, 0);
  for (int scans = 1; scans <= max_scans; ++scans) {
    const auto layout = members.current_layout();
    if (!layout) co_return fail(errc::store_unavailable, "the store is closed");
    for (const auto& master : layout->masters) {
      auto scanned = co_await scan_server(master->connection(), pattern, each);
      if (!scanned) co_return scanned;
    }
    auto after = co_await read_slots(members);
    if (!after) co_return std::unexpected(std::move(after.error()));
    if (after->view != before->view || after->map.masters() != before->map.masters()) {
      co_return fail(errc::store_unavailable, "store: the masters of the cluster have changed");
    }
    bool calm = before->moving.empty() && after->moving.empty();
    bool restless = false;
    for (std::uint16_t slot = 0; slot < cluster_map::slots; ++slot) {
      const bool moved = before->map.owner(slot) != after->map.owner(slot);
      moves[slot] += moved ? 1 : 0;
      calm = calm && !moved;
      restless = restless || moves[slot] > 1 || (moves[slot] == 1 && after->is_moving(slot));
    }
    if (calm || (scans > 1 && !restless)) co_return result<void>();
    before = std::move(after);
  }
  co_return fail(errc::store_unavailable, "store: slots of the cluster move too fast to visit all keys");
}

}  // namespace strata::redis
