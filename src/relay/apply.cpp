#include "relay/apply.hpp"

#include "engine/floors.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace strata::relaying {

namespace {

/// What one call carries: some milliseconds of the store's time, so that its answer is not late.
constexpr std::size_t batch = 2'000;

template <class T>
std::vector<std::span<const T>> in_batches(const std::vector<T>& all) {
  std::vector<std::span<const T>> out;
  for (std::size_t i = 0; i < all.size(); i += batch) {
    out.push_back(std::span(all).subspan(i, std::min(batch, all.size() - i)));
  }
  return out;
}

}  // namespace

task<result<applied>> apply_to(store& to, const std::string& name_space, const removals& what) {
  using detail::floor_table;
  std::vector<std::string> names;
  std::vector<floor_entry> floors;
  if (what.everything) {
    floors.push_back({.bucket = floor_table::root});
  } else {
    for (const auto& each : what.keys) {
      if (key(each).cacheable()) names.push_back(name_space + ':' + each);
    }
    for (const auto& each : what.prefixes) floors.push_back({.bucket = floor_table::prefix_bucket(each)});
    for (const auto& each : what.tags) floors.push_back({.bucket = floor_table::tag_bucket(each)});
  }
  for (const auto some : in_batches(names)) {
    auto done = co_await to.invalidate(some, 0);
    if (!done) co_return std::unexpected(std::move(done.error()));
  }
  for (const auto some : in_batches(floors)) {
    auto done = co_await to.raise(some);
    if (!done) co_return std::unexpected(std::move(done.error()));
  }
  co_return applied{.keys = names.size(), .floors = floors.size()};
}

task<applied> apply_to(cache& to, const removals& what) {
  if (what.everything) {
    co_await to.clear();
    co_return applied{.keys = 0, .floors = 1};
  }
  std::vector<key> keys;
  for (const auto& each : what.keys) keys.emplace_back(each);
  co_await to.remove(std::move(keys));
  for (const auto& each : what.prefixes) co_await to.remove_by_prefix(each);
  std::vector<std::string> tags(what.tags.begin(), what.tags.end());
  co_await to.remove_by_tags(std::move(tags));
  co_return applied{.keys = what.keys.size(), .floors = what.prefixes.size() + what.tags.size()};
}

}  // namespace strata::relaying
