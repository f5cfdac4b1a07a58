#pragma once
/// The `simulate` program without its main, so that tests can run it.
/// Threads: one at a time in a program, since the mutation is the program's.

#include <span>
#include <string>
#include <string_view>

namespace strata::simulator {

/// Runs the program with `given` arguments. Returns its status: 0, 1 if a promise was broken, 2 on
/// wrong use. `out` is what it prints.
int command(std::span<const std::string_view> given, std::string& out);

}  // namespace strata::simulator
