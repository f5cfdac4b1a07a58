#include "database/postgres/foreign_watch.hpp"

#include <algorithm>
#include <utility>

namespace strata::detail {

void foreign_watch::ended(std::optional<std::uint64_t> xid) {
  --on_the_way_;
  if (xid) own(*xid);
}

void foreign_watch::own(std::uint64_t xid) {
  if (!seen_) return;  // nobody looks
  if (ours_.size() >= kept) ours_.clear();
  ours_.insert(xid);
}

std::uint64_t foreign_watch::observe(commit_snapshot now, std::uint64_t connection) {
  if (!seen_ || connection != connection_ || now.clock() < seen_->clock()) {
    ++version_;
    connection_ = connection;
    accept(std::move(now));
    return version_;
  }
  const auto ended = now.clock() - seen_->clock();
  const auto own = static_cast<std::uint64_t>(
      std::ranges::count_if(ours_, [&](std::uint64_t xid) { return now.saw_end_of(xid); }));
  if (ended > own) {
    if (on_the_way_ > 0 && !waited_) {
      waited_ = true;
      return version_;
    }
    ++version_;
  }
  accept(std::move(now));
  return version_;
}

void foreign_watch::accept(commit_snapshot now) {
  std::erase_if(ours_, [&](std::uint64_t xid) { return now.saw_end_of(xid); });
  seen_ = std::move(now);
  waited_ = false;
}

}  // namespace strata::detail
