#pragma once
/// A memory barrier that one thread imposes on all threads of the process, so that frequent readers need
/// none of their own: `membarrier(2)` of Linux.
/// Threads: any.

namespace strata::memory {

/// Prepares the process for `barrier_everywhere`. Returns false if the system has none.
bool can_bar_everywhere() noexcept;

/// When it returns, every other thread of the process has gone through a full memory barrier since it
/// was called. Cost: about a microsecond: one interrupt a processor that runs such a thread.
/// Requires: can_bar_everywhere() has returned true.
void barrier_everywhere() noexcept;

}  // namespace strata::memory
