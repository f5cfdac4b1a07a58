#pragma once
/// Admission to memory: every value passes here on its way in. Also the flights of single-flight.
/// Threads: internally locked, in shards by key.
///
/// A *ticket* is the right to fill one key, taken before its value is read from the source. An
/// invalidation raises the floor of every outstanding ticket for the key; a fill whose asof is below that
/// floor is refused. Nothing is stored for a key without tickets, so there are no tombstones to
/// keep or to lose: a value read before the invalidation has a ticket, or it has no way in.
///
/// Invariant: under a key's shard lock, "raise the floor and erase" and "check the floor and insert"
/// exclude each other. So after `invalidate` returns no older value is in memory, and none can come in.
///
/// A *flight* is one factory call that others wait for. It belongs to the key's slot; an
/// invalidation detaches it, so that later readers start a new one. A refresh detaches a flight that may have
/// read the source already.
///
/// Reads of a source are numbered (`next_read`) in the order in which they begin. A value does not enter once
/// a later read of its key has: it may be older, though no invalidation says so.

#include "core/mutex.hpp"
#include "core/text_hash.hpp"
#include "engine/mutation.hpp"
#include "engine/record.hpp"

#include <strata/task.hpp>

#include <array>
#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace strata::detail {

/// One factory call and its outcome. Written by its leader before `done` is set.
struct flight {
  explicit flight(time_point at) : began(at) {}
  const time_point began;
  std::atomic<bool> reads_source = false;  ///< its factory has begun
  async_latch done;
  any_lookup outcome;
  std::exception_ptr thrown;
  bool usable = false;  ///< followers whose reads began by `good_until` may return the outcome
  time_point good_until = time_point::max();
  bool refreshes = false;  ///< it reads the source, whatever L2 has

  /// Whether a follower whose read began at `read_began`, and accepts nothing older than `required_asof`, may
  /// return the outcome.
  bool usable_for(time_point read_began, commit_time required_asof) const noexcept {
    const bool behind = outcome.info.from != layer::none && outcome.info.asof < required_asof;
    return usable && read_began <= good_until && !behind;
  }
};

class fill_admission {
  struct slot {
    commit_time floor = 0;
    unsigned tickets = 0;
    std::uint64_t changes = 0;                 ///< how often another process has changed the key
    std::uint64_t last_writer = 0;             ///< number of the latest writer
    std::uint64_t last_leased = 0;             ///< highest number of a writer that has had its lease
    std::shared_ptr<async_latch> next_change;  ///< set by the next change; made for the first that waits
    std::shared_ptr<flight> current;
    std::pair<commit_time, std::uint64_t> latest_read{};  ///< asof and number of the latest that entered
  };
  struct shard {
    detail::mutex mutex;
    text_map<std::string, slot> slots STRATA_GUARDED_BY(mutex);
  };

 public:
  /// The right to fill one key; returned when destroyed.
  class ticket {
   public:
    ticket() = default;
    ticket(ticket&& other) noexcept;
    ticket& operator=(ticket&& other) noexcept;
    ~ticket();

   private:
    friend class fill_admission;
    ticket(fill_admission& owner, std::string key, std::shared_ptr<flight> led)
        : owner_(&owner), key_(std::move(key)), led_(std::move(led)) {}
    fill_admission* owner_ = nullptr;
    std::string key_;
    std::shared_ptr<flight> led_;
    std::uint64_t seen_changes_ = 0;
    std::uint64_t writer_ = 0;  ///< number of a writer
    std::uint64_t read_ = 0;    ///< number of the read of L2 that the ticket is for
  };

  struct joined {
    std::shared_ptr<flight> to;  ///< the flight to lead or to follow
    ticket lead;
    bool leads = false;
    std::shared_ptr<flight> after{};  ///< a refresh under way, which the led flight waits for
  };

  /// The number of a read that begins now.
  std::uint64_t next_read() noexcept { return reads_.fetch_add(1, std::memory_order_relaxed) + 1; }

  /// Joins the key's flight, or starts one at `now` and leads it.
  joined join(const key& key, time_point now);

  /// As `join` for a refresh: it follows only a refresh whose read of the source has not begun. Another
  /// flight is detached. So at most one refresh reads while one more waits, however many are asked for.
  joined join_refresh(const key& key, time_point now);

  /// Returns a ticket without a flight, for a writer or a plain read of L2.
  ticket enter(const key& key);

  /// Called when a writer obtains its L2 lease. Returns true if its value is out of date: another process
  /// changed the key, the key was invalidated after `asof`, or a later writer got its lease first.
  bool overtaken(const ticket& held, commit_time asof);
  /// Called when a writer obtains its L2 lease and will choose its value only now: that value is newer than
  /// those of all writers so far.
  void lead_writers(const ticket& held);

  /// The holder of the ticket reads L2 from now on: only later changes by other processes count.
  void renew(ticket& held);
  /// A latch that the next change of the ticket's key by another process sets.
  std::shared_ptr<async_latch> next_change(const ticket& held);

  enum class verdict {
    entered,
    fenced,   ///< older than an invalidation
    changed,  ///< another process has changed the key since the ticket was taken or renewed
    late,     ///< a read of the source that began later has entered
  };

  /// Runs `insert` if `valid()` and a value as of `asof` may enter under the ticket's key. From
  /// then on the ticket's flight takes no followers: those it has joined before this check. `read` is the
  /// number of the value's read of the source; 0 if the value comes from L2.
  template <class Valid, class Insert>
  verdict admit(const ticket& held, commit_time asof, std::uint64_t read, Valid valid, Insert insert) {
    auto& part = shard_of(held.key_);
    const scoped_lock lock(part.mutex);
    auto& at = part.slots.find(held.key_)->second;
    if (held.led_ != nullptr && at.current == held.led_) at.current.reset();
    if ((asof < at.floor || !valid()) && !mutated(mutation::ticket_ignored)) return verdict::fenced;
    if (at.changes != held.seen_changes_ && !mutated(mutation::sequence_ignored)) return verdict::changed;
    const std::pair age(asof, read != 0 ? read : held.read_);
    if (age < at.latest_read) return verdict::late;
    if (read != 0) at.latest_read = age;
    insert();
    return verdict::entered;
  }

  /// As `admit` for a writer: nothing may have been invalidated since `asof`, and every other
  /// outstanding ticket for the key is fenced below `floor`. `insert(may_enter)` runs in either case.
  template <class Insert>
  verdict admit_write(const ticket& held, commit_time asof, commit_time floor, Insert insert) {
    auto& part = shard_of(held.key_);
    const scoped_lock lock(part.mutex);
    auto& at = part.slots.find(held.key_)->second;
    const bool overtaken = asof < at.floor;
    at.floor = std::max(at.floor, floor);
    at.current.reset();
    const bool changed = at.changes != held.seen_changes_;
    insert(!overtaken && !changed);
    return overtaken ? verdict::fenced : changed ? verdict::changed : verdict::entered;
  }

  /// Ends the flight with `outcome`: it takes no more followers, and those it has wake. These may return a
  /// `usable` outcome if their reads began by `good_until`.
  void land(const joined& flight, any_lookup outcome, bool usable, time_point good_until = time_point::max());

  /// A read of the source has ended, by the flight `reader` or by none, and its value will be returned.
  /// Detaches the key's flight if it is another one whose factory has begun: it may have read earlier, and
  /// later readers must not go back in time.
  void detach_older(const key& key, const flight* reader);

  /// Detaches `flight` from its key: it takes no more followers, but goes on.
  void abandon(const key& key, const std::shared_ptr<flight>& flight);

  /// Raises the floor of every outstanding ticket for `key` and runs `erase`, as one step.
  template <class Erase>
  void invalidate(std::string_view key, commit_time floor, Erase erase) {
    auto& part = shard_of(key);
    const scoped_lock lock(part.mutex);
    if (const auto at = part.slots.find(key); at != part.slots.end()) fence(at->second, floor);
    erase();
  }

  /// Another process has changed the key: voids its outstanding tickets and runs `erase`, as one
  /// step, then wakes those who wait for the change.
  template <class Erase>
  void note_change(std::string_view key, Erase erase) {
    std::shared_ptr<async_latch> waiting;
    {
      auto& part = shard_of(key);
      const scoped_lock lock(part.mutex);
      if (const auto at = part.slots.find(key); at != part.slots.end()) waiting = change(at->second);
      erase();
    }
    if (waiting != nullptr) waiting->set();
  }

  /// Wakes those who wait for a change of `key`: this process's own lease on it has ended, which the
  /// store reports to other processes only.
  void wake(std::string_view key);

  /// As note_change, for every key that has a ticket out. Their flights go on and take followers; these
  /// join another flight if the value turns out to be from before the change.
  void note_change_of_all();

  /// As `invalidate`, for every key with a ticket out for which `matches(key)` is true.
  void invalidate_if(const std::function<bool(std::string_view)>& matches, commit_time floor);

  bool in_flight(std::string_view key) const;
  std::uint64_t flights() const noexcept { return flights_.load(std::memory_order_relaxed); }

 private:
  static void fence(slot& at, commit_time floor) {
    at.floor = std::max(at.floor, floor);
    at.current.reset();
  }
  static std::shared_ptr<async_latch> change(slot& at) {
    ++at.changes;
    return std::exchange(at.next_change, nullptr);
  }
  /// Starts a flight of `at`, the slot of `key`.
  joined lead(slot& at, const key& key, time_point now);
  void land(const ticket& held);
  shard& shard_of(std::string_view key) const noexcept { return shards_[hash_of(key) >> 58]; }
  void leave(const ticket& held) noexcept;

  mutable std::array<shard, 64> shards_;
  std::atomic<std::uint64_t> flights_ = 0;
  std::atomic<std::uint64_t> reads_ = 0;
};

}  // namespace strata::detail
