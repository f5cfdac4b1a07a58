#include "engine/backlog.hpp"

#include <algorithm>

namespace strata::detail {

namespace {

/// What the map and the heap take for each of them besides its text.
constexpr std::size_t entry_overhead = 96;

std::uint64_t index_of(floor_entry floor) {
  return std::uint64_t{floor.bucket} << 1 | (floor.soft ? 1 : 0);
}

}  // namespace

void backlog::add(invalidation_kind kind, std::string_view name, commit_time at_least) {
  at_least_ = std::max(at_least_, at_least);
  if (everything_) return;
  auto entry = std::string(kind == invalidation_kind::pattern ? 1 : 0, '\0');
  entry += name;
  const auto [at, is_new] = names_.try_emplace(std::move(entry), kind);
  if (kind == invalidation_kind::removed) at->second = kind;  // removing covers expiring
  if (!is_new) return;
  bytes_ += at->first.size() + entry_overhead;
  if (full()) overflow();
}

void backlog::add(floor_entry floor) {
  if (floor.bucket == floor_table::root && !floor.soft) {
    clear_everything(floor.asof);
    return;
  }
  at_least_ = std::max(at_least_, floor.asof);
  if (everything_) return;
  const auto [at, is_new] = floors_.try_emplace(index_of(floor), floor.asof);
  at->second = std::max(at->second, floor.asof);
  if (!is_new) return;
  bytes_ += entry_overhead;
  if (full()) overflow();
}

void backlog::clear_everything(commit_time at_least) {
  at_least_ = std::max(at_least_, at_least);
  names_.clear();
  floors_.clear();
  bytes_ = 0;
  everything_ = true;
}

void backlog::overflow() {
  ++overflows_;
  clear_everything(at_least_);
}

backlog::load backlog::take() {
  load out{.everything = everything_, .at_least = at_least_};
  for (auto& [name, kind] : names_) {
    switch (kind) {
      case invalidation_kind::removed:
        out.removed.push_back(name);
        break;
      case invalidation_kind::expired:
        out.expired.push_back(name);
        break;
      case invalidation_kind::pattern:
        out.patterns.push_back(name.substr(1));
    }
  }
  for (const auto& [index, asof] : floors_) {
    out.floors.push_back(
        {.bucket = static_cast<std::uint32_t>(index >> 1), .asof = asof, .soft = (index & 1) != 0});
  }
  names_.clear();
  floors_.clear();
  bytes_ = 0;
  everything_ = false;
  return out;
}

void backlog::put_back(load left) {
  if (left.everything) clear_everything(left.at_least);
  for (const auto& each : left.removed) add(invalidation_kind::removed, each, left.at_least);
  for (const auto& each : left.expired) add(invalidation_kind::expired, each, left.at_least);
  for (const auto& each : left.patterns) add(invalidation_kind::pattern, each, left.at_least);
  for (const auto& each : left.floors) add(each);
}

}  // namespace strata::detail
