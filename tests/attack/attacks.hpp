#pragma once
/// The attacks of `./dev attack`: what a stranger or a member can send, and what it may cost.
/// Threads: one.

#include <string>
#include <vector>

namespace strata::attack {

/// How much each attack sends.
struct scale {
  unsigned names = 49'900;
  unsigned bodies = 150;
  unsigned keys = 3'000;
  unsigned installs = 3'000;
};

/// One measured effect. `at_least`: the bound is a minimum.
struct finding {
  std::string attack;
  std::string what;
  double measured = 0;
  double bound = 0;
  bool at_least = false;

  bool held() const { return at_least ? measured >= bound : measured <= bound; }
};

/// Starts Redis and two gateways, attacks them, and ends them.
std::vector<finding> attack_all(const scale& by);

}  // namespace strata::attack
