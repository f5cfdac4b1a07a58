#pragma once
/// Threads that read a shard without its lock, and how a writer knows when none of them can still see
/// an object that it has unlinked.
/// Threads: any. A reading section takes two stores to a line of the thread's own, and no barrier.
///
/// Every thread has a count of its own, odd while it is in a section. A writer first unlinks an object,
/// so that no later section can find it. Before it frees the object it waits for a grace period: until
/// each thread that was in a section has left that section.
///
/// The count must be seen to be odd before the section reads anything. A full barrier after that store
/// would cost more than the lookup. So the reader has none, and the waiting writer makes all threads go
/// through one (`barrier_everywhere`). A reader's store before it is seen by the writer; a read after it
/// sees that the object is unlinked. Reads are many, grace periods few. On a system without such a
/// barrier there is no `section`, and a `careful_section` begins with a barrier of its own.
///
/// This is RCU as in "User-Level Implementations of Read-Copy Update" (Desnoyers, McKenney, Stern,
/// Dagenais, Walpole; IEEE TPDS 2012), whose sys_membarrier variant it follows.

#include <atomic>
#include <cstdint>

namespace strata::memory {

class readers {
  struct alignas(64) thread {
    std::atomic<std::uint64_t> sections{0};  ///< odd: in one
    std::atomic<bool> taken{true};
    thread* next = nullptr;  ///< every thread so far, the newest first
  };

 public:
  /// The calling thread reads between construction and destruction. It must be short, must not nest and
  /// must not wait for a lock, not even in a function that it calls. False: the thread has no place (see
  /// `join`) or needs a `careful_section`.
  class section {
   public:
    section() noexcept : section(quick) {}
    ~section() {
      if (mine_ != nullptr) mine_->sections.store(count_ + 2, std::memory_order_release);
    }
    section(const section&) = delete;
    section& operator=(const section&) = delete;

    explicit operator bool() const noexcept { return mine_ != nullptr; }

   protected:
    explicit section(thread* reader) noexcept : mine_(reader) {
      if (mine_ == nullptr) [[unlikely]]
        return;
      // Both are released: a thread that sees a later count comes after all reads before it.
      count_ = mine_->sections.load(std::memory_order_relaxed);
      mine_->sections.store(count_ + 1, std::memory_order_release);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }

   private:
    thread* mine_;
    std::uint64_t count_ = 0;
  };

  /// The same on every system. False: take the lock.
  class careful_section : public section {
   public:
    careful_section() noexcept : section(mine) {
      if (fenced.load(std::memory_order_relaxed)) std::atomic_thread_fence(std::memory_order_seq_cst);
    }
  };

  /// Gives the calling thread its place, once. A thread that is ending gets none, nor does any if memory
  /// is exhausted.
  static void join() noexcept {
    if (quick == nullptr) take_place();
  }

  /// Chooses the cheap kind of section if the system supports it. Call once, before the first wait.
  static void prepare() noexcept;

  /// The time at which the caller unlinked an object, as a count of grace periods.
  static std::uint32_t stamp() noexcept {
    if (fenced.load(std::memory_order_relaxed)) std::atomic_thread_fence(std::memory_order_seq_cst);
    return started.load(std::memory_order_relaxed);
  }
  /// Returns whether no reader can hold an object that was unlinked at `stamp`. The count wraps, so the
  /// answer can be no after 2^31 grace periods; it is never yes too early.
  static bool passed(std::uint32_t stamp) noexcept {
    return static_cast<std::int32_t>(completed.load(std::memory_order_acquire) - stamp) > 0;
  }
  /// Waits until no reader can hold anything that is unlinked now. The caller is not in a section.
  /// Cost: about a microsecond, unless a reader was preempted.
  static void wait() noexcept;

 private:
  friend struct leaver;

  static void take_place() noexcept;
  static thread* find_place() noexcept;

  inline static constinit thread_local thread* mine = nullptr;
  inline static constinit thread_local thread* quick = nullptr;  ///< the same if no barrier is needed
  inline static constinit std::atomic<bool> fenced{true};
  inline static constinit std::atomic<std::uint32_t> started{0};    ///< grace periods
  inline static constinit std::atomic<std::uint32_t> completed{0};  ///< all up to this one
  inline static constinit std::atomic<thread*> all{nullptr};
};

}  // namespace strata::memory
