#pragma once
/// The sessions of a run in one process: they read, write, and move to another process with the token of
/// their writes.
/// Threads: several run `lane`; each session is in one lane at a time.

#include "tests/consistency/node.hpp"
#include "tests/consistency/random.hpp"

namespace strata::consistency {

/// Runs the sessions at `here` until the board starts the final check.
void lane(node& here);

}  // namespace strata::consistency
