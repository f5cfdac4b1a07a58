/// `./dev simulate`: many simulations, one after the other.

#include "core/text_hash.hpp"
#include "tests/simulator/command.hpp"

#include <cstdio>
#include <vector>

int main(int count, char** given) {
  strata::detail::fix_hash_secret(0);  // a seed means the same run in every process
  const std::vector<std::string_view> arguments(given + 1, given + count);
  std::string out;
  const int status = strata::simulator::command(arguments, out);
  std::fputs(out.c_str(), status == 2 ? stderr : stdout);
  return status;
}
