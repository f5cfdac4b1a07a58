/// Through all keys of a cluster, while slots may move.
///
/// A key that moves during a walk may be missed: it had not come up where it was, and where it is now the
/// walk had passed. So after a walk during which a slot was moving, or has moved, there is another. A key
/// that was missed by both has moved twice, so its slot has had another master twice since the beginning,
/// or has just got one and is on its way to the next. Of such slots there must be none at the end.

#include "async/gather.hpp"
#include "redis/topology/cluster.hpp"

#include <algorithm>
#include <utility>

namespace strata::redis {

namespace {

constexpr int most_walks = 6;

}  // namespace

/// Which slots are where and on their way, according to all masters.
struct cluster::sight {
  cluster_map map;
  std::vector<std::uint16_t> moving;  ///< sorted
  std::string view;

  bool is_moving(std::uint16_t slot) const { return std::ranges::binary_search(moving, slot); }
};

task<result<cluster::sight>> cluster::look() {
  const auto all = now();
  if (!all) co_return fail(errc::store_unavailable, "the store is closed");
  std::vector<task<result<node_answer>>> questions;
  const auto deadline = time_.now() + options_.patience;
  for (const auto& each : all->masters) questions.push_back(each->ask(deadline));
  auto answers = co_await detail::gather(std::move(questions));
  std::optional<sight> out;
  std::vector<std::uint16_t> moving;
  for (auto& each : answers) {
    if (!each) co_return std::unexpected(std::move(each.error()));
    moving.insert(moving.end(), each->map.moving().begin(), each->map.moving().end());
    if (!out || out->map.newest() < each->map.newest()) out = sight{.map = std::move(each->map)};
  }
  std::ranges::sort(moving);
  out->moving = std::move(moving);
  out->view = view();
  co_return std::move(*out);
}

task<result<void>> cluster::walk(std::string pattern, visitor each) {
  auto before = co_await look();
  if (!before) co_return std::unexpected(std::move(before.error()));
  std::vector<int> moves(cluster_map::slots, 0);
  for (int walks = 1; walks <= most_walks; ++walks) {
    const auto all = now();
    if (!all) co_return fail(errc::store_unavailable, "the store is closed");
    for (const auto& master : all->masters) {
      auto walked = co_await walk_one(master->over(), pattern, each);
      if (!walked) co_return walked;
    }
    auto after = co_await look();
    if (!after) co_return std::unexpected(std::move(after.error()));
    if (after->view != before->view || after->map.masters() != before->map.masters()) {
      co_return fail(errc::store_unavailable, "store: the masters of the cluster are others now");
    }
    bool calm = before->moving.empty() && after->moving.empty();
    bool restless = false;
    for (std::uint16_t slot = 0; slot < cluster_map::slots; ++slot) {
      const bool moved = before->map.owner(slot) != after->map.owner(slot);
      moves[slot] += moved ? 1 : 0;
      calm = calm && !moved;
      restless = restless || moves[slot] > 1 || (moves[slot] == 1 && after->is_moving(slot));
    }
    if (calm || (walks > 1 && !restless)) co_return result<void>();
    before = std::move(after);
  }
  co_return fail(errc::store_unavailable, "store: slots of the cluster are moved too fast to visit all keys");
}

}  // namespace strata::redis
