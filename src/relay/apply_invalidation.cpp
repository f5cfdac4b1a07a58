#include "relay/apply_invalidation.hpp"

#include "core/glob.hpp"
#include "engine/floors.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace strata::relay_detail {

namespace {

/// What one call carries: a few milliseconds of the store's time, so that its answer is not late.
constexpr std::size_t batch = 2'000;

/// The batch that begins at `begin`; empty past the end.
template <class T>
std::span<const T> batch_at(const std::vector<T>& all, std::size_t begin) {
  const auto rest = std::span(all).subspan(std::min(begin, all.size()));
  return rest.first(std::min(batch, rest.size()));
}

template <class T>
void drop_duplicates(std::vector<T>& all) {
  std::ranges::sort(all);
  const auto rest = std::ranges::unique(all);
  all.erase(rest.begin(), rest.end());
}

std::vector<std::string> names_of(const std::vector<key>& keys, const std::string& name_space) {
  std::vector<std::string> out;
  out.reserve(keys.size());
  for (const auto& each : keys) {
    if (each.cacheable()) out.push_back(name_space + ':' + each.text());
  }
  drop_duplicates(out);
  return out;
}

}  // namespace

task<result<applied_counts>> apply_to(store& to, std::string name_space, invalidation what) {
  using detail::floor_table;
  std::vector<std::string> names;
  std::vector<floor_entry> floors;
  if (what.everything) {
    floors.push_back({.bucket = floor_table::root});
  } else {
    names = names_of(what.keys, name_space);
    drop_duplicates(what.prefixes);
    drop_duplicates(what.tags);
    for (const auto& each : what.prefixes) {
      const auto prefix = prefix_without_boundary(each);
      floors.push_back({.bucket = prefix.empty() ? floor_table::root : floor_table::prefix_bucket(prefix)});
    }
    for (const auto& each : what.tags) floors.push_back({.bucket = floor_table::tag_bucket(each)});
  }
  for (std::size_t i = 0; i < std::max(names.size(), floors.size()); i += batch) {
    auto done = co_await to.apply({.keys = batch_at(names, i), .floors = batch_at(floors, i)});
    if (!done) co_return std::unexpected(std::move(done.error()));
  }
  co_return applied_counts{.keys = names.size(), .floors = floors.size()};
}

task<applied_counts> apply_to(cache& to, invalidation what) {
  drop_duplicates(what.prefixes);
  drop_duplicates(what.tags);
  std::ranges::sort(what.keys, {}, &key::text);
  const auto rest = std::ranges::unique(what.keys, {}, &key::text);
  what.keys.erase(rest.begin(), rest.end());
  const applied_counts counts{.keys = what.everything ? 0 : what.keys.size(),
                              .floors = what.everything ? 1 : what.prefixes.size() + what.tags.size()};
  co_await to.invalidate(std::move(what));
  co_return counts;
}

}  // namespace strata::relay_detail
