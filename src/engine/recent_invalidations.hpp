#pragma once
/// The recent invalidations, delivered to L2 or not. A server that is replaced by an older copy of itself
/// gets removed values back, so they have to be delivered to it again.
/// Threads: one at a time; its owner locks.
///
/// Floors are not among them: the table of floors has them all.

#include "engine/backlog.hpp"

#include <list>

namespace strata::detail {

class recent_invalidations {
 public:
  /// Remembers each for `span`, within the limits `at_most`.
  recent_invalidations(duration span, backlog::limits at_most) : span_(span), limits_(at_most) {}

  void note(invalidation_kind kind, std::string_view name, time_point now);

  /// Adds them to `into`; or, if the limits made it drop some too early, that everything is to be cleared.
  void replay(backlog& into, commit_time at_least, time_point now);

  std::size_t size() const noexcept { return order_.size(); }

 private:
  struct entry {
    time_point noted_at;
    std::string name;  ///< the kind as a letter, then the text
  };
  void drop_oldest();
  void drop_old(time_point now);

  const duration span_;
  const backlog::limits limits_;
  std::list<entry> order_;  ///< oldest first
  text_map<std::string_view, std::list<entry>::iterator> by_name_;
  std::size_t bytes_ = 0;
  time_point incomplete_until_{};
};

}  // namespace strata::detail
