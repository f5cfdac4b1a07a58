#pragma once
/// The port of the second level (L2): what a shared store must do. The memory store and Redis
/// implement it; `tests/contract/store_contract.hpp` is what they must pass.
/// Threads: every member may be called from any thread; a task resumes on its caller's executor.
///
/// Values are opaque bytes under a key. Each carries an *asof*, the point on the commit clock at
/// which it was true. The four rules that keep an old value out:
///   1. only the holder of the key's lease may fill it; a missing lease means: do not fill;
///   2. a fill older than the lease's floor is refused;
///   3. a fill older than what is stored is refused;
///   4. `invalidate` removes the value and raises the floor of a lease in flight. It stores nothing
///      for an absent key, so there are no tombstones to evict.
///
/// The commit clock is a counter *of the store*, since those of its users do not compare. Its rules:
///   a. a call brings its caller's clock (`known`, `at_least`, a fill's asof), and the counter is
///      raised to that: a counter that went back (it was flushed, an older replica took over) is
///      lifted again by whoever remembers;
///   b. a lease is granted with the counter of that moment, and what its holder then reads from the
///      source is as of that;
///   c. an invalidation takes the floor max(counter + 1, at_least), makes it the counter, and returns
///      it;
///   d. so no stored asof is above the counter, and every floor is above every asof that was leased
///      or stored before it.
/// A store of several nodes may count on each; then (c) holds for the nodes that a call touches, and
/// what it returns is the largest of their floors.

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
  duration ttl{};        ///< what is left until the store forgets it
  bool expired = false;  ///< by `expire`: only for stale serving
};

/// A lease, or that somebody else holds it.
struct lease_grant {
  lease_token lease = 0;       ///< granted if not 0
  commit_time granted_at = 0;  ///< the counter at that moment
};

/// What `acquire` found: a value, or the lease, or that somebody else holds the lease.
struct acquire_result {
  std::optional<stored_value> value;
  lease_token lease = 0;       ///< granted if not 0
  commit_time granted_at = 0;  ///< the counter at that moment
  bool busy() const noexcept { return !value && lease == 0; }
};

/// How a fill ended.
enum class fill_result { stored, lease_lost, below_floor, older };

/// One value to be stored; the views outlive the call.
struct fill_request {
  std::string_view key;
  lease_token lease = 0;
  commit_time asof = 0;
  std::string_view bytes;
  duration ttl{};  ///< from the call on, however long it takes
};

/// A lower bound on asof for every key that carries a tag or prefix.
struct floor_entry {
  std::uint32_t bucket = 0;
  commit_time asof = 0;
  bool soft = false;  ///< below it a value is expired, not gone
};

/// How far those who relay a source have come: what the store is told to remember for them.
struct relay_watermark {
  std::uint64_t value = 0;  ///< 0: there was none yet
  std::string life;         ///< another one than before: what the store had confirmed may be forgotten
  bool operator==(const relay_watermark&) const = default;
};

/// Keys and floors that one call invalidates; the views outlive the call.
struct store_invalidation {
  std::span<const std::string> keys = {};
  std::span<const floor_entry> floors = {};  ///< each asof is a wish, as in `raise`
  bool soft = false;                         ///< the values are marked expired instead of removed
  commit_time at_least = 0;
};

/// What `invalidate_matching` did.
struct sweep_result {
  std::size_t removed = 0;  ///< values
  commit_time floor = 0;
};

/// Told by the store what others changed: changes made through the observed connection itself
/// are not told, but for `clear`. Called on the store's thread, or inside `observe`: be short, never
/// call the store from here.
class store_observer {
 public:
  virtual ~store_observer() = default;
  /// `key` was filled (who has not read it need not be told), removed, expired, or its lease ended unfilled.
  virtual void changed(std::string_view key) = 0;
  /// A floor was raised.
  virtual void floor_raised(floor_entry floor) = 0;
  /// Changes, floors too, may have been missed: trust nothing read before now. `may_have_forgotten`:
  /// the server is another one than before or was restored, and may have lost what it had confirmed
  /// (values, floors, counter), or have got older values back. Said before any answer is given that
  /// came after the loss.
  virtual void lost(bool may_have_forgotten) = 0;
  /// Until `until` every change is told in time; after it, copies are not to be trusted until this is
  /// said again. Each call replaces the one before, also by an earlier time. Before the first
  /// nothing is trusted; a store that cannot miss says time_point::max() inside `observe`.
  /// `source_watermark`: all that was committed to the source before this moment has been told, whoever wrote
  /// it. time_point::min() where no relay speaks for the source: then only what users of the store change is
  /// told.
  virtual void trust_until(time_point until, time_point source_watermark) = 0;
};

/// What a call is given (keys, requests) outlives it; the store outlives its calls.
class store {
 public:
  virtual ~store() = default;

  /// The value of `key`, or nothing. Errors: timeout, store_unavailable.
  virtual task<result<std::optional<stored_value>>> get(std::string_view key) = 0;

  /// The values of `keys`, in their order. Cost: one round trip a node.
  virtual task<result<std::vector<std::optional<stored_value>>>> get_many(
      std::span<const std::string> keys) = 0;

  /// The value of `key`; on a miss the lease, if nobody holds it. `hold` bounds the lease.
  virtual task<result<acquire_result>> acquire(std::string_view key, duration hold, commit_time known) = 0;

  /// `acquire` for each of `keys`, in their order. Cost: one round trip a node.
  virtual task<result<std::vector<acquire_result>>> acquire_many(std::span<const std::string> keys,
                                                                 duration hold, commit_time known) = 0;

  /// Takes the lease of `key` though a value is there; none if somebody else holds it. What a reader
  /// calls who found a value that it may not serve, or not for long.
  virtual task<result<lease_grant>> take_lease(std::string_view key, duration hold, commit_time known) = 0;

  /// Takes the lease of `key` even if somebody else holds it; the other holder's fill will be
  /// refused. What a writer calls before it commits.
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

  /// Removes the values and raises the floors of leases in flight. Returns the floor. All calls that
  /// return a floor may be repeated: an error leaves open whether the call was done.
  virtual task<result<commit_time>> invalidate(std::span<const std::string> keys, commit_time at_least) = 0;

  /// As `invalidate`, but the values stay, marked expired.
  virtual task<result<commit_time>> expire(std::span<const std::string> keys, commit_time at_least) = 0;

  /// Removes every key that matches `glob` (`*`, `?`, `[…]`, `\`) as `invalidate` would.
  /// Cost: O(all keys), in bounded batches.
  virtual task<result<sweep_result>> invalidate_matching(std::string_view glob, commit_time at_least) = 0;

  /// Gives `key` a new time to live. Returns whether it was there.
  virtual task<result<bool>> touch(std::string_view key, duration ttl) = 0;

  /// Raises each of `floors` (their asof is the caller's wish), all to the same floor, and tells every
  /// observer. Returns the floor.
  virtual task<result<commit_time>> raise(std::span<const floor_entry> floors) = 0;

  /// `invalidate` (soft: `expire`) of the keys and `raise` of the floors. Returns the largest floor of both.
  /// An error leaves open what was done. Cost: one round trip a node; on a cluster the floors come first.
  /// The default makes the two calls one after the other.
  virtual task<result<commit_time>> apply(store_invalidation what);

  /// Merges floors that were raised before, as they are (the larger stays), and raises the counter to
  /// them: what a store may have forgotten.
  virtual task<result<void>> restore(std::span<const floor_entry> floors) = 0;

  /// Every floor ever raised.
  virtual task<result<std::vector<floor_entry>>> floors() = 0;

  /// Stores `bytes` without lease or asof: for records that are nobody's copy (sessions, counters).
  virtual task<result<void>> put(std::string_view key, std::string_view bytes, duration ttl) = 0;

  /// Removes a record. Returns whether it was there.
  virtual task<result<bool>> remove(std::string_view key) = 0;

  /// Removes everything but the floors and the counter; leases end. Returns the floor.
  virtual task<result<commit_time>> clear(commit_time at_least) = 0;

  /// The mark as it is.
  virtual task<result<relay_watermark>> read_watermark() = 0;

  /// Makes the mark a larger one if it still is `seen`, as one step. Returns the new one, or nothing if
  /// it was another: so whoever writes a mark has, since the one before was written, read that one and done
  /// all he did after that, however long he was paused.
  virtual task<result<std::optional<relay_watermark>>> advance_watermark(relay_watermark seen) = 0;

  /// Tells `observer` of every change from now on. It must outlive the store or be taken back
  /// with `unobserve`, after which it is not called again.
  virtual void observe(store_observer& observer) = 0;
  virtual void unobserve(store_observer& observer) = 0;
};

/// A store in this process's memory, shared by its connections: the second level of tests and of
/// several caches in one process, and where sessions live without Redis.
class memory_server;

/// `budget` bounds its bytes; over it, the entries nearest to their end of life go first.
/// Lifetime: `time` outlives the server.
std::shared_ptr<memory_server> make_memory_server(const clock& time = system_clock(),
                                                  byte_size budget = {256u << 20});

/// One user's connection to `server`, as a process has one to Redis. Name spaces share its bytes and
/// nothing else: each has its keys, leases, floors, clock and observers.
std::shared_ptr<store> connect(std::shared_ptr<memory_server> server,
                               const std::string& name_space = "strata");

}  // namespace strata
