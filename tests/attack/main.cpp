/// `./dev attack`: attacks a gateway that it starts, and judges what that cost.

#include "tests/attack/attacks.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string_view>

int main(int count, char** given) {
  strata::attack::scale by;
  if (count == 2 && std::string_view(given[1]) == "--short") {
    by = {.names = 10'000, .bodies = 100, .keys = 300, .installs = 300};
  } else if (count != 1) {
    std::fputs("usage: attack [--short]\n", stderr);
    return 2;
  }
  try {
    const auto found = strata::attack::attack_all(by);
    for (const auto& each : found) {
      std::printf("%-6s %-18s %-40s %10.3f  %s %g\n", each.held() ? "held" : "BROKEN", each.attack.c_str(),
                  each.what.c_str(), each.measured, each.at_least ? "at least" : "at most", each.bound);
    }
    return std::ranges::all_of(found, &strata::attack::finding::held) ? 0 : 1;
  } catch (const std::exception& thrown) {
    std::fprintf(stderr, "attack: %s\n", thrown.what());
    return 1;
  }
}
