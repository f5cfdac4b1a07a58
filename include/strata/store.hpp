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
///   4. `invalidate` removes an older value and raises the floor of a lease in flight. It stores
///      nothing for an absent key, so there are no tombstones to evict.

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

/// What `acquire` found: a value, or the lease, or that somebody else holds the lease.
struct acquired {
  std::optional<stored_value> value;
  lease_token lease = 0;  ///< granted if not 0
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
  duration ttl{};
};

/// A lower bound on asof for every key that carries a tag or prefix.
struct floor_entry {
  std::uint32_t bucket = 0;
  commit_time asof = 0;
  bool soft = false;  ///< below it a value is expired, not gone
};

/// Told by the store what others changed: changes made through the observed connection itself
/// are not told, but for `clear`. Called on the store's thread: be short, never
/// call the store from here.
class store_observer {
 public:
  virtual ~store_observer() = default;
  /// The value of `key` was filled, removed or expired, or its lease ended without a fill.
  virtual void changed(std::string_view key) = 0;
  /// A floor was raised.
  virtual void floor_raised(floor_entry floor) = 0;
  /// Changes may have been missed: trust nothing read before now.
  virtual void lost() = 0;
};

class store {
 public:
  virtual ~store() = default;

  /// The value of `key`, or nothing. Errors: timeout, store_unavailable.
  virtual task<result<std::optional<stored_value>>> get(std::string_view key) = 0;

  /// The values of `keys`, in their order. Cost: one round trip a node.
  virtual task<result<std::vector<std::optional<stored_value>>>> get_many(
      std::span<const std::string> keys) = 0;

  /// The value of `key`; on a miss the lease, if nobody holds it. `hold` bounds the lease.
  virtual task<result<acquired>> acquire(std::string_view key, duration hold) = 0;

  /// `acquire` for each of `keys`, in their order. Cost: one round trip a node.
  virtual task<result<std::vector<acquired>>> acquire_many(std::span<const std::string> keys,
                                                           duration hold) = 0;

  /// Takes the lease of `key` though a value is there; 0 if somebody else holds it. What a reader
  /// calls who found a value that it may not serve, or not for long.
  virtual task<result<lease_token>> take_lease(std::string_view key, duration hold) = 0;

  /// Takes the lease of `key` even if somebody else holds it; the other holder's fill will be
  /// refused. What a writer calls before it commits.
  virtual task<result<lease_token>> force_lease(std::string_view key, duration hold) = 0;

  /// Stores a value for its ttl if the rules above allow it, and ends the lease.
  virtual task<result<fill_result>> fill(fill_request value) = 0;

  /// `fill` for each of `fills`, in their order. Cost: one round trip a node.
  virtual task<result<std::vector<fill_result>>> fill_many(std::span<const fill_request> fills) = 0;

  /// Ends a lease without a fill, so that the next miss does not wait for it.
  virtual task<result<void>> release(std::string_view key, lease_token lease) = 0;

  /// Removes the value if its asof is below `floor`, and raises the floor of a lease in flight.
  virtual task<result<void>> invalidate(std::span<const std::string> keys, commit_time floor) = 0;

  /// As `invalidate`, but the value stays, marked expired.
  virtual task<result<void>> expire(std::span<const std::string> keys, commit_time floor) = 0;

  /// Removes every key that matches `glob` (`*`, `?`, `[…]`, `\`) as `invalidate` would.
  /// Cost: O(all keys), in bounded batches. Returns how many values were removed.
  virtual task<result<std::size_t>> invalidate_matching(std::string_view glob, commit_time floor) = 0;

  /// Gives `key` a new time to live. Returns whether it was there.
  virtual task<result<bool>> touch(std::string_view key, duration ttl) = 0;

  /// Raises floors (max-merge) and tells every observer.
  virtual task<result<void>> raise(std::span<const floor_entry> floors) = 0;

  /// Every floor ever raised.
  virtual task<result<std::vector<floor_entry>>> floors() = 0;

  /// Stores `bytes` without lease or asof: for records that are nobody's copy (sessions, counters).
  virtual task<result<void>> put(std::string_view key, std::string_view bytes, duration ttl) = 0;

  /// Removes a record. Returns whether it was there.
  virtual task<result<bool>> remove(std::string_view key) = 0;

  /// Removes everything.
  virtual task<result<void>> clear() = 0;

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

/// One user's connection to `server`, as a process has one to Redis.
std::shared_ptr<store> connect(std::shared_ptr<memory_server> server);

}  // namespace strata
