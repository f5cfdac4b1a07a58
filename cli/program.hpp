#pragma once
/// The `strata` program: its commands, flags and exit statuses.
/// Threads: one.

#include <map>
#include <string>
#include <vector>

namespace strata::cli {

/// The exit statuses of every command.
enum exit_status : int { exit_ok = 0, exit_failed = 1, exit_wrong_use = 2 };

struct program_input {
  std::vector<std::string> arguments;              ///< without the program's name
  std::map<std::string, std::string> environment;  ///< those that begin with STRATA_
};

/// Runs one command to its end. Writes results to stdout and one line for each problem to stderr: the
/// problem, its place, and what to do.
int run(const program_input& input);

}  // namespace strata::cli
