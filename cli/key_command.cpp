#include "cli/commands.hpp"
#include "cli/program.hpp"
#include "gateway/keys.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace strata::cli {

int new_key(const key_request& what) {
  if (what.file.empty()) {
    fmt::print("{}\n", gateway::key_line(what.id == 0 ? 1 : what.id));
    return exit_ok;
  }
  const auto added = gateway::add_key(what.file, what.id);
  if (!added) {
    fmt::print(stderr, "strata: key new: {}\n", added.error().detail);
    return exit_failed;
  }
  fmt::print("key {} added to {}\n", *added, what.file);
  return exit_ok;
}

}  // namespace strata::cli
