#pragma once
/// The gate that every value passes on its way into memory, and the flights of single-flight.
/// Threads: internally locked, in shards by key.
///
/// A *ticket* is the right to fill one key, taken before its value is read from the source. An
/// invalidation raises the floor of every ticket out for the key; a fill whose asof is below that
/// floor is refused. Nothing is stored for a key without tickets, so there are no tombstones to
/// keep or to lose: a value read before the invalidation has a ticket, or it has no way in.
///
/// Invariant: under the shard's lock of a key, "raise the floor and erase" and "check the floor
/// and insert" exclude each other. So after `invalidate` returns no older value is in memory,
/// and none can come in.
///
/// A *flight* is one factory call that others wait for. It hangs on the key's slot; an
/// invalidation takes it off, so that whoever comes later starts a new one.

#include "engine/mutation.hpp"
#include "engine/record.hpp"

#include <strata/task.hpp>

#include <array>
#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace strata::detail {

/// One factory call and what came of it. Written by its leader before `done` is set.
struct flight {
  explicit flight(time_point at) : began(at) {}
  const time_point began;
  async_latch done;
  any_lookup outcome;
  std::exception_ptr thrown;
  bool usable = false;                        ///< followers may take the outcome, …
  time_point good_until = time_point::max();  ///< … if their reads began before it ended
};

class gate {
  struct slot {
    commit_time floor = 0;
    unsigned tickets = 0;
    std::uint64_t changes = 0;            ///< how often another process has changed the key
    std::uint64_t last_writer = 0;        ///< the number of the last that came
    std::uint64_t passed = 0;             ///< the highest number of those that had their lease
    std::shared_ptr<async_latch> pushed;  ///< set by the next change; made when somebody waits for it
    std::shared_ptr<flight> current;
  };
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return hash_of(text); }
  };
  struct shard {
    std::mutex mutex;
    std::unordered_map<std::string, slot, text_hash, std::equal_to<>> slots;
  };

 public:
  /// The right to fill one key; given back when destroyed.
  class ticket {
   public:
    ticket() = default;
    ticket(ticket&& other) noexcept;
    ticket& operator=(ticket&& other) noexcept;
    ~ticket();

   private:
    friend class gate;
    ticket(gate& owner, std::string key, std::shared_ptr<flight> led)
        : owner_(&owner), key_(std::move(key)), led_(std::move(led)) {}
    gate* owner_ = nullptr;
    std::string key_;
    std::shared_ptr<flight> led_;
    std::uint64_t seen_ = 0;
    std::uint64_t number_ = 0;  ///< of a writer
  };

  struct joined {
    std::shared_ptr<flight> way;  ///< the flight to lead or to follow
    ticket lead;
    bool leads = false;
  };

  /// Joins the key's flight, or starts one at `now` and leads it.
  joined join(const key& where, time_point now);

  /// A ticket without a flight, for a writer.
  ticket enter(const key& where);

  /// A writer has its lease, and its value was known, as of `asof`, when it came. Returns whether it is too
  /// late: another process has changed the key since, something as of `asof` is older than an invalidation,
  /// or a writer with a newer value has had its lease.
  bool overtaken(const ticket& held, commit_time asof);
  /// A writer has its lease, and its value will be newer than those of all that have come so far.
  void pass(const ticket& held);

  /// Says that `held` reads the second level from now on: only later changes by others count.
  void renew(ticket& held);
  /// Is set by the next change that another process makes to the ticket's key.
  std::shared_ptr<async_latch> next_change(const ticket& held);

  enum class verdict {
    entered,
    fenced,   ///< older than an invalidation
    changed,  ///< another process has changed the key since the ticket was taken or renewed
  };

  /// Runs `insert` if `valid()` and a value as of `asof` may enter under the ticket's key. From
  /// then on the ticket's flight takes no followers: who joined before, joined before this check.
  template <class Valid, class Insert>
  verdict admit(const ticket& held, commit_time asof, Valid valid, Insert insert) {
    auto& part = shard_of(held.key_);
    std::lock_guard lock(part.mutex);
    auto& at = part.slots.find(held.key_)->second;
    if (held.led_ != nullptr && at.current == held.led_) at.current.reset();
    if ((asof < at.floor || !valid()) && !mutated(mutation::ticket_ignored)) return verdict::fenced;
    if (at.changes != held.seen_ && !mutated(mutation::sequence_ignored)) return verdict::changed;
    insert();
    return verdict::entered;
  }

  /// As `admit` for a writer: nothing must have been invalidated since `asof`, and every other
  /// ticket out for the key is fenced below `floor`.
  template <class Insert>
  verdict admit_write(const ticket& held, commit_time asof, commit_time floor, Insert insert) {
    auto& part = shard_of(held.key_);
    std::lock_guard lock(part.mutex);
    auto& at = part.slots.find(held.key_)->second;
    const bool overtaken = asof < at.floor;
    at.floor = std::max(at.floor, floor);
    at.current.reset();
    const bool changed = at.changes != held.seen_;
    insert(!overtaken && !changed);
    return overtaken ? verdict::fenced : changed ? verdict::changed : verdict::entered;
  }

  /// Ends the flight that `held` leads: no more followers, and those there are wake.
  void land(const ticket& held);

  /// Lets nobody follow `way` any more; it goes on.
  void abandon(const key& where, const std::shared_ptr<flight>& way);

  /// Raises the floor of every ticket out for `where` and runs `erase`, as one step.
  template <class Erase>
  void invalidate(std::string_view where, commit_time floor, Erase erase) {
    auto& part = shard_of(where);
    std::lock_guard lock(part.mutex);
    if (const auto at = part.slots.find(where); at != part.slots.end()) fence(at->second, floor);
    erase();
  }

  /// Another process has changed the key: voids the tickets out for it and runs `erase`, as one
  /// step, then wakes who waits for the change.
  template <class Erase>
  void note_change(std::string_view where, Erase erase) {
    std::shared_ptr<async_latch> pushed;
    {
      auto& part = shard_of(where);
      std::lock_guard lock(part.mutex);
      if (const auto at = part.slots.find(where); at != part.slots.end()) pushed = change(at->second);
      erase();
    }
    if (pushed != nullptr) pushed->set();
  }

  /// Wakes who waits for a change of `where`: this process's own lease on it has ended, which the
  /// store tells to others only.
  void wake(std::string_view where);

  /// As note_change, for every key that has a ticket out. Their flights go on, and take followers, who
  /// join another one if this one's value turns out to be from before the change.
  void note_change_of_all();

  /// As `invalidate`, for every key with a ticket out for which `matches(key)` is true.
  void invalidate_if(const std::function<bool(std::string_view)>& matches, commit_time floor);

  bool in_flight(std::string_view where) const;
  std::uint64_t flights() const noexcept { return flights_.load(std::memory_order_relaxed); }

 private:
  static void fence(slot& at, commit_time floor) {
    at.floor = std::max(at.floor, floor);
    at.current.reset();
  }
  static std::shared_ptr<async_latch> change(slot& at) {
    ++at.changes;
    return std::exchange(at.pushed, nullptr);
  }
  shard& shard_of(std::string_view where) noexcept { return shards_[hash_of(where) >> 58]; }
  void leave(const ticket& held) noexcept;

  mutable std::array<shard, 64> shards_;
  std::atomic<std::uint64_t> flights_ = 0;
};

}  // namespace strata::detail
