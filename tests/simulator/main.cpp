/// `./dev simulate`: many simulations, one after the other.

#include "tests/simulator/command.hpp"

#include <cstdio>
#include <vector>

int main(int count, char** given) {
  const std::vector<std::string_view> arguments(given + 1, given + count);
  std::string out;
  const int status = strata::simulator::command(arguments, out);
  std::fputs(out.c_str(), status == 2 ? stderr : stdout);
  return status;
}
