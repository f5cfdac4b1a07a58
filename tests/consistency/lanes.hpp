#pragma once
/// What the sessions of a run do in one process: they read, write, and go to another process with the mark of
/// what they wrote.
/// Threads: `lane` is run by several; each session is in one lane at a time.

#include "tests/consistency/node.hpp"
#include "tests/consistency/random.hpp"

namespace strata::consistency {

/// Runs the sessions that are at `here` until the board says that all is to be looked at.
void lane(node& here);

}  // namespace strata::consistency
