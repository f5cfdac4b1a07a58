#pragma once
/// The port of the second level (L2): what a shared store must do. The memory store and Redis
/// implement it; `tests/contract/store_contract.hpp` is what they must pass.
/// Threads: every member may be called from any thread; a task resumes on its caller's executor.
///
/// Values are opaque bytes under a key. Each carries an *asof*, the point on the commit clock at
/// which it was true. Four rules keep old values out:
///   1. only the holder of the key's lease may fill it; without a lease nothing is stored;
///   2. a fill older than the lease's floor is refused;
///   3. a fill older than the stored value is refused;
///   4. `invalidate` removes the value and raises the floor of a lease in flight. It stores nothing
///      for an absent key, so there are no tombstones to evict.
///
/// The commit clock is a counter *of the store*, since the clocks of its users cannot be compared. Its rules:
///   a. a call carries its caller's clock (`known`, `at_least`, a fill's asof), and the counter is
///      raised to it: so callers that remember a later time repair a counter that went back (it was
///      flushed, an older replica took over);
///   b. a lease is granted with the counter of that moment, which is the asof of everything that its
///      holder then reads from the source;
///   c. an invalidation takes the floor max(counter + 1, at_least), makes it the counter, and returns
///      it;
///   d. so no stored asof is above the counter, and every floor is above every asof that was leased
///      or stored before it.
/// A store of several nodes may have a counter on each; then (c) holds for the nodes that a call touches,
/// and the call returns the largest of their floors.

#include <strata/error.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

/// The right to fill one key. Zero is no lease.
using lease_token = std::uint64_t;

/// A value as the store holds it.
struct stored_value {
  std::string bytes;
  commit_time asof = 0;
  duration ttl{};        ///< what is left until the store drops it
  bool expired = false;  ///< by `expire`: only for serving stale values
};

/// A lease, or none because another caller holds it.
struct lease_grant {
  lease_token lease = 0;       ///< granted if not 0
  commit_time granted_at = 0;  ///< the counter at that moment; without a lease 0 if the store does not say
};

/// What `acquire` found: a value, or the lease, or neither because another caller holds the lease.
struct acquire_result {
  std::optional<stored_value> value;
  lease_token lease = 0;       ///< granted if not 0
  commit_time granted_at = 0;  ///< as in lease_grant
  bool busy() const noexcept { return !value && lease == 0; }
};

/// How a fill ended.
enum class fill_result { stored, lease_lost, below_floor, older };

/// One value to store; the views outlive the call.
struct fill_request {
  std::string_view key;
  lease_token lease = 0;
  commit_time asof = 0;
  std::string_view bytes;
  duration ttl{};  ///< counts from the call, however long it takes
};

/// A lower bound on asof for every key that carries a tag or prefix.
struct floor_entry {
  std::uint32_t bucket = 0;
  commit_time asof = 0;
  bool soft = false;  ///< a value below it is expired, not removed
};

/// How far the relays of a source have come; the store keeps it for them.
struct relay_watermark {
  std::uint64_t value = 0;  ///< 0: there is none yet
  std::string life;         ///< changes when the store may have lost writes that it had confirmed
  bool operator==(const relay_watermark&) const = default;
};

/// Keys and floors that one call invalidates; the views outlive the call.
struct store_invalidation {
  std::span<const std::string> keys = {};
  std::span<const floor_entry> floors = {};  ///< each asof is a wish, as in `raise`
  bool soft = false;                         ///< the values are marked expired instead of removed
  commit_time at_least = 0;
};

/// What `take` removed.
struct taken_value {
  std::optional<stored_value> value;
  commit_time floor = 0;
};

/// What `invalidate_matching` did.
struct sweep_result {
  std::size_t removed = 0;  ///< values
  commit_time floor = 0;
};

/// Is notified of changes by others. Changes through the observed connection itself are not reported, except
/// `clear`. Called on the store's thread, or inside `observe`: be short, and never call the store from here.
class store_observer {
 public:
  virtual ~store_observer() = default;
  /// `key` was filled (may be left out if this process has not read it), removed or expired, or its lease
  /// ended without a fill.
  virtual void changed(std::string_view key) = 0;
  /// The same, if the store is sure that `key` was not removed: a copy of its old value may stand in while
  /// the store and the source are down. A store that cannot be sure calls `changed`.
  virtual void replaced(std::string_view key) { changed(key); }
  /// A floor was raised.
  virtual void floor_raised(floor_entry floor) = 0;
  /// Changes, floors too, may have been missed: trust nothing read before now. `may_have_forgotten`:
  /// the server was replaced or restored, and may have lost what it had confirmed (values, floors, counter)
  /// or hold older values again. Called before any reply that arrived after the loss is returned.
  virtual void lost(bool may_have_forgotten) = 0;
  /// Until `until` every change arrives in time; after it, copies must not be trusted until the next call.
  /// Each call replaces the one before, also with an earlier time. Before the first call nothing may be
  /// trusted; a store that cannot miss changes calls it with time_point::max() inside `observe`.
  /// `source_watermark`: all commits to the source before this moment were reported, from any writer.
  /// time_point::min() without a relay of the source: then only changes by users of the store are reported.
  virtual void trust_until(time_point until, time_point source_watermark) = 0;
};

/// The arguments of a call (keys, requests) outlive it; the store outlives its calls.
class store {
 public:
  virtual ~store() = default;

  /// The name space whose changes it reports: every key of a cache over it begins with that and a colon.
  /// Empty: any. Valid as long as the store.
  virtual std::string_view name_space() const noexcept = 0;

  /// The value of `key`, or nothing. Errors: timeout, store_unavailable.
  virtual task<result<std::optional<stored_value>>> get(std::string_view key) = 0;

  /// The values of `keys`, in their order. Cost: one round trip a node.
  virtual task<result<std::vector<std::optional<stored_value>>>> get_many(
      std::span<const std::string> keys) = 0;

  /// The value of `key`; on a miss the lease, if it is free. `hold` bounds the lease.
  virtual task<result<acquire_result>> acquire(std::string_view key, duration hold, commit_time known) = 0;

  /// `acquire` for each of `keys`, in their order. Cost: one round trip a node.
  virtual task<result<std::vector<acquire_result>>> acquire_many(std::span<const std::string> keys,
                                                                 duration hold, commit_time known) = 0;

  /// Takes the lease of `key` although it has a value; none if another caller holds it. For a reader that
  /// found a value that it may not serve, or not for long.
  virtual task<result<lease_grant>> take_lease(std::string_view key, duration hold, commit_time known) = 0;

  /// Takes the lease of `key` even if another caller holds it; that caller's fill will be refused. A writer
  /// calls it before it commits.
  virtual task<result<lease_grant>> force_lease(std::string_view key, duration hold, commit_time known) = 0;

  /// `force_lease` for each of `keys`, in their order. Cost: one round trip a node.
  virtual task<result<std::vector<lease_grant>>> force_lease_many(std::span<const std::string> keys,
                                                                  duration hold, commit_time known) = 0;

  /// Stores a value for its ttl if the rules above allow it, and ends the lease.
  virtual task<result<fill_result>> fill(fill_request value) = 0;

  /// `fill` for each of `fills`, in their order. Cost: one round trip a node.
  virtual task<result<std::vector<fill_result>>> fill_many(std::span<const fill_request> fills) = 0;

  /// Ends a lease without a fill, so that the next miss does not wait for it.
  virtual task<result<void>> release(std::string_view key, lease_token lease) = 0;

  /// Lets a lease that is still held last for `hold` from now. Returns whether it is. Its floor stays.
  /// A holder calls it while its factory runs, so that leases can be short, and no caller waits long for a
  /// holder that has died. The default returns false: the leases of such a store end after their first hold.
  virtual task<result<bool>> renew(std::string_view key, lease_token lease, duration hold);

  /// Removes the values and raises the floors of leases in flight. Returns the floor. All calls that return a
  /// floor are idempotent; an error leaves open whether the call took effect.
  virtual task<result<commit_time>> invalidate(std::span<const std::string> keys, commit_time at_least) = 0;

  /// As `invalidate`, but the values stay, marked expired.
  virtual task<result<commit_time>> expire(std::span<const std::string> keys, commit_time at_least) = 0;

  /// As `invalidate` of one key, and returns the value that it removed: of several callers at most one gets
  /// it. An error leaves open whether the value is gone. The default makes two calls, so that two callers may
  /// get the value.
  virtual task<result<taken_value>> take(std::string_view key, commit_time at_least);

  /// Removes every key that matches `glob` (`*`, `?`, `[…]`, `\`) as `invalidate` would.
  /// Cost: O(all keys), in bounded batches.
  virtual task<result<sweep_result>> invalidate_matching(std::string_view glob, commit_time at_least) = 0;

  /// Gives `key` a new time to live. Returns whether it exists.
  virtual task<result<bool>> touch(std::string_view key, duration ttl) = 0;

  /// Raises each of `floors` (their asof is the caller's wish), all to the same floor, and notifies every
  /// observer. Returns the floor.
  virtual task<result<commit_time>> raise(std::span<const floor_entry> floors) = 0;

  /// `invalidate` (soft: `expire`) of the keys and `raise` of the floors. Returns the largest floor of both.
  /// An error leaves open what took effect. Cost: one round trip a node; on a cluster the floors come first.
  /// The default makes the two calls one after the other.
  virtual task<result<commit_time>> apply(store_invalidation what);

  /// Merges floors that were raised before, unchanged (the larger stays), and raises the counter to them:
  /// restores what a store may have lost.
  virtual task<result<void>> restore(std::span<const floor_entry> floors) = 0;

  /// Every floor ever raised.
  virtual task<result<std::vector<floor_entry>>> floors() = 0;

  /// Stores `bytes` without lease or asof: for records that are not copies of a source (sessions, counters).
  virtual task<result<void>> put(std::string_view key, std::string_view bytes, duration ttl) = 0;

  /// Removes a record. Returns whether it existed.
  virtual task<result<bool>> remove(std::string_view key) = 0;

  /// Removes everything except the floors and the counter; leases end. Returns the floor.
  virtual task<result<commit_time>> clear(commit_time at_least) = 0;

  /// The current watermark.
  virtual task<result<relay_watermark>> read_watermark() = 0;

  /// Advances the watermark if it still is `seen`, as one step. Returns the new one, or nothing if it has
  /// changed. So a relay that succeeds has read the previous watermark, and then done its work, since that
  /// one was written, however long the relay was paused.
  virtual task<result<std::optional<relay_watermark>>> advance_watermark(relay_watermark seen) = 0;

  /// Notifies `observer` of every change from now on. It must outlive the store or be removed with
  /// `unobserve`, after which it is not called again.
  virtual void observe(store_observer& observer) = 0;
  virtual void unobserve(store_observer& observer) = 0;
};

/// A store in this process's memory, shared by its connections: the second level of tests and of several
/// caches in one process.
class memory_server;

/// `budget` bounds its bytes; above it, the entries nearest to the end of their life are dropped first.
/// Lifetime: `time` outlives the server.
std::shared_ptr<memory_server> make_memory_server(const clock& time = system_clock(),
                                                  byte_size budget = {256u << 20});

/// A connection to `server`, as a process has one to Redis. Name spaces share its bytes and
/// nothing else: each has its keys, leases, floors, clock and observers.
std::shared_ptr<store> connect(std::shared_ptr<memory_server> server,
                               const std::string& name_space = "strata");

}  // namespace strata
