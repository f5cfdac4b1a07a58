#include <strata/store.hpp>

#include <algorithm>

namespace strata {

task<result<taken_value>> store::take(std::string_view key, commit_time at_least) {
  const std::vector<std::string> names{std::string(key)};
  auto held = co_await get(names.front());
  if (!held) co_return std::unexpected(std::move(held.error()));
  auto floor = co_await invalidate(names, at_least);
  if (!floor) co_return std::unexpected(std::move(floor.error()));
  co_return taken_value{.value = std::move(*held), .floor = *floor};
}

task<result<commit_time>> store::apply(store_invalidation what) {
  commit_time floor = 0;
  if (!what.floors.empty()) {
    std::vector<floor_entry> raised(what.floors.begin(), what.floors.end());
    for (auto& each : raised) each.asof = std::max(each.asof, what.at_least);
    auto done = co_await raise(raised);
    if (!done) co_return std::unexpected(std::move(done.error()));
    floor = *done;
    if (what.keys.empty()) co_return floor;
  }
  auto done =
      what.soft ? co_await expire(what.keys, what.at_least) : co_await invalidate(what.keys, what.at_least);
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return std::max(floor, *done);
}

task<result<bool>> store::renew(std::string_view /*key*/, lease_token /*lease*/, duration /*hold*/) {
  return result<bool>(false);
}

}  // namespace strata
