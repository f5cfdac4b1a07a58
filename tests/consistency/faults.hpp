#pragma once
/// The faults of a run: a schedule drawn from the seed.
/// Threads: one.

#include "tests/consistency/random.hpp"
#include "tests/consistency/stage.hpp"
#include "tests/redis/refusals.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::consistency {

/// The names of all faults for this store.
std::vector<std::string> fault_names(store_kind store);

class faults {
 public:
  /// `names`: the faults to use; empty: no faults.
  faults(stage& on, std::vector<std::string> names, std::uint64_t seed);

  /// Runs one fault after the other, with pauses, until `until`; then everything works again.
  void run(nanoseconds until);

  struct done {
    nanoseconds at = 0;
    nanoseconds lasted = 0;
    std::string name;
    std::string what;
    std::optional<nanoseconds> recovered = {};  ///< how long after its end every process served from memory
  };
  const std::vector<done>& history() const noexcept { return history_; }

 private:
  std::string commit(std::string_view name);
  std::string move_slot();
  /// Changes what new sessions begin with.
  void alter_database(const std::string& how) const;
  void end_sessions(const std::string& which) const;
  std::string refuse(test::refusal how);
  std::string spoil_rows();
  /// How long after `end` every process served from memory again, and went on to.
  nanoseconds measure_recovery(nanoseconds end) const;
  void wait(std::int64_t milliseconds) const;
  std::int64_t some(std::int64_t low, std::int64_t high) { return random_.between(low, high); }

  stage& stage_;
  std::vector<std::string> names_;
  random_numbers random_;
  bool recovers_;  ///< a cache that is broken on purpose need not
  std::vector<done> history_;
};

}  // namespace strata::consistency
