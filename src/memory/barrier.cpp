#include "memory/barrier.hpp"

#if defined(__linux__)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#include <exception>

namespace strata::memory {

#if defined(__linux__)

namespace {

long membarrier(int command) noexcept {
  return ::syscall(SYS_membarrier, command, 0, 0);
}

}  // namespace

bool can_bar_everywhere() noexcept {
  // Once per process; a registration is never undone.
  static const bool registered = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
  return registered;
}

void barrier_everywhere() noexcept {
  if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0) return;
  // Only a process forked from a registered one can get here.
  if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) != 0 ||
      membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0) {
    std::terminate();
  }
}

#else

bool can_bar_everywhere() noexcept {
  return false;
}

void barrier_everywhere() noexcept {
  std::terminate();
}

#endif

}  // namespace strata::memory
