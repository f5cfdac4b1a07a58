#include "memory/readers.hpp"

#include "memory/barrier.hpp"
#include "memory/lock.hpp"

#include <new>

namespace strata::memory {

namespace {

constinit spin_lock waiting;                // one grace period at a time
constinit thread_local bool ended = false;  // this thread's place is given up

}  // namespace

/// Gives a thread's place to the next when it ends.
struct leaver {
  readers::thread* place = nullptr;

  ~leaver() {
    ended = true;
    readers::mine = readers::quick = nullptr;
    if (place != nullptr) place->taken.store(false, std::memory_order_release);
  }
};

namespace {

thread_local leaver at_exit;

}  // namespace

void readers::take_place() noexcept {
  if (ended) return;  // the destructor of another thread_local
  if (mine == nullptr) mine = at_exit.place = find_place();
  if (!fenced.load(std::memory_order_relaxed)) quick = mine;
}

readers::thread* readers::find_place() noexcept {
  thread* place = all.load(std::memory_order_acquire);
  for (; place != nullptr; place = place->next) {
    if (!place->taken.load(std::memory_order_relaxed) &&
        !place->taken.exchange(true, std::memory_order_acquire)) {
      break;
    }
  }
  if (place == nullptr) {
    // Never freed: as many as there were threads at once.
    place = new (std::nothrow) thread;
    if (place == nullptr) return nullptr;
    place->next = all.load(std::memory_order_relaxed);
    while (!all.compare_exchange_weak(place->next, place, std::memory_order_seq_cst)) {
    }
  }
  return place;
}

void readers::prepare() noexcept {
  if (can_bar_everywhere()) fenced.store(false, std::memory_order_relaxed);
}

void readers::wait() noexcept {
  const std::uint32_t unlinked = stamp();
  const locked hold(waiting);
  if (passed(unlinked)) return;  // another thread's period began after, and is over
  const std::uint32_t period = started.load(std::memory_order_relaxed) + 1;
  started.store(period, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (can_bar_everywhere()) barrier_everywhere();
  for (const thread* each = all.load(std::memory_order_acquire); each != nullptr; each = each->next) {
    const std::uint64_t seen = each->sections.load(std::memory_order_acquire);
    if (seen % 2 == 0) continue;
    for (backoff slower; each->sections.load(std::memory_order_acquire) == seen;) slower.pause();
  }
  completed.store(period, std::memory_order_release);
}

}  // namespace strata::memory
