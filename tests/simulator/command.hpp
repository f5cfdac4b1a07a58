#pragma once
/// The `simulate` program without its main, so that tests can run it.
/// Threads: one at a time in a program, because the mutation is global.

#include <span>
#include <string>
#include <string_view>

namespace strata::simulator {

/// Runs the program with the arguments `given`. Returns its status: 0, 1 if a guarantee was broken, 2 on
/// wrong usage. `out` receives its output.
int command(std::span<const std::string_view> given, std::string& out);

}  // namespace strata::simulator
