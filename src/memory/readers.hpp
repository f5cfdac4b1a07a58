#pragma once
/// Threads that read a shard without its lock, and how its writers know that none of them can still
/// see what was taken away.
/// Threads: any. A reading section takes two stores to a line of the thread's own, and no barrier.
///
/// Every thread has a count of its own, odd while it is in a section. Who has taken something out of
/// all readers' reach, and wants to free it, waits for a grace period: each thread that was in a
/// section is seen to have left that section. A later section cannot find what was taken away.
///
/// The count must be seen to be odd before the section reads anything. A full barrier after that store
/// would cost more than the lookup. So the reader has none, and who waits makes all threads go
/// through one (`barrier_everywhere`): before it, a reader's store is seen; after it, the reader sees
/// what was taken away. Reads are many, grace periods few. Where there is no such barrier, there is no
/// `section`, and a `careful_section` begins with one of its own.
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
    thread* next = nullptr;  ///< all there ever were, the newest first
  };

 public:
  /// Between construction and destruction the calling thread reads. Must be short; must not nest,
  /// wait for a lock, or call what may. False: a thread without a place, see `join`, or one that needs
  /// a `careful_section`.
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
      // Release both: whoever sees a later count has seen all that was read before it.
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

  /// Gives the calling thread its place, once. It has none before, nor when it is ending, nor if there
  /// is no memory for it.
  static void join() noexcept {
    if (quick == nullptr) take_place();
  }

  /// Chooses the cheap kind of section where the system can do it. Once before the first wait.
  static void prepare() noexcept;

  /// The time of what the caller has just taken out of readers' reach: a count of grace periods.
  static std::uint32_t stamp() noexcept {
    if (fenced.load(std::memory_order_relaxed)) std::atomic_thread_fence(std::memory_order_seq_cst);
    return started.load(std::memory_order_relaxed);
  }
  /// Whether no reader can hold what was taken away at `stamp`. As the count wraps, it may say no
  /// of what is 2^31 grace periods old; never yes too early.
  static bool passed(std::uint32_t stamp) noexcept {
    return static_cast<std::int32_t>(completed.load(std::memory_order_acquire) - stamp) > 0;
  }
  /// Waits until no reader can hold what was taken away before. The caller is not in a section.
  /// Cost: about a microsecond, unless a reader was preempted.
  static void wait() noexcept;

 private:
  friend struct leaver;

  static void take_place() noexcept;
  static thread* find_place() noexcept;

  inline static constinit thread_local thread* mine = nullptr;
  inline static constinit thread_local thread* quick = nullptr;  ///< the same, where no barrier is needed
  inline static constinit std::atomic<bool> fenced{true};
  inline static constinit std::atomic<std::uint32_t> started{0};    ///< grace periods
  inline static constinit std::atomic<std::uint32_t> completed{0};  ///< all up to this one
  inline static constinit std::atomic<thread*> all{nullptr};
};

}  // namespace strata::memory
