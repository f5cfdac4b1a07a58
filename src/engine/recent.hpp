#pragma once
/// What was invalidated lately, whether the second level was told or not: a server that is replaced
/// by an older copy of itself gets values back that were removed from it, and has to be told again.
/// Threads: one at a time; its owner locks.
///
/// Floors are not in it: the table of floors has them all.

#include "engine/backlog.hpp"

#include <list>

namespace strata::detail {

class recent_invalidations {
 public:
  /// Keeps them for `span`, as many as `at_most`.
  recent_invalidations(duration span, backlog::limits at_most) : span_(span), limits_(at_most) {}

  void note(told_kind kind, std::string_view what, time_point now);

  /// Adds them to `into`; or that everything is to be cleared, if some of them had to be forgotten.
  void replay(backlog& into, commit_time at_least, time_point now);

  std::size_t size() const noexcept { return order_.size(); }

 private:
  struct noted {
    time_point when;
    std::string name;  ///< its kind as a letter, and its text
  };
  void drop_oldest();
  void drop_old(time_point now);

  const duration span_;
  const backlog::limits limits_;
  std::list<noted> order_;  ///< oldest first
  std::unordered_map<std::string_view, std::list<noted>::iterator> by_name_;
  std::size_t bytes_ = 0;
  time_point incomplete_until_{};
};

}  // namespace strata::detail
