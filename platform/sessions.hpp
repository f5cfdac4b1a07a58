#pragma once
/// The sessions of one process, in its memory.
/// Threads: internally locked, in shards; a `session` is immutable but for its last use and its end.
///
/// Sessions are not shared: a restart ends them all, and another gateway does not accept their tokens. Behind
/// a load balancer all requests of a session must reach the gateway of its login.
///
/// A token is 256 random bits. The table stores only its keyed BLAKE2b hash, so that neither memory nor the
/// time of a look-up reveals anything about a valid token.

#include <strata/time.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace strata::platform {

struct session_settings {
  strata::duration idle = std::chrono::hours(24);          ///< a session's life, from its last use
  strata::duration lifetime = std::chrono::hours(24 * 7);  ///< its end, however used
  std::size_t limit = 100'000;  ///< held at once, about; above it the least recently used end
};

struct session {
  session(std::string of, strata::time_point from, strata::wall_time at)
      : user_id(std::move(of)), started(from), created_at(at), used_(from) {}

  const std::string user_id;
  const strata::time_point started;
  const strata::wall_time created_at;

 private:
  friend class session_table;
  mutable std::atomic<strata::time_point> used_;
  mutable std::atomic<bool> over_ = false;
};

class session_table {
 public:
  /// Lifetime: `time` outlives it.
  session_table(session_settings settings, const strata::clock& time);
  ~session_table();

  struct begun {
    std::string token;  ///< returned only here
    std::shared_ptr<const session> held;
  };
  begun begin(std::string user_id);

  /// The session of `token`, used now; null if there is none or it has ended.
  /// Cost: one hash, one lock; no allocation.
  std::shared_ptr<const session> use(std::string_view token);

  /// True if `of` has not ended and was used a moment ago, so that `use` need not be called. An ended session
  /// is false here at once. False is no proof of an end; call `use`. Cost: two loads.
  bool holds(const session& of) const noexcept;

  /// When a session used now will end.
  strata::wall_time expires_at(const session& of) const;

  /// Ends the session of `token`. Returns whether there was one.
  bool end(std::string_view token);

  /// Ends every session of `user_id` and returns how many there were.
  std::size_t end_all(std::string_view user_id);

  /// Removes ended sessions; call it from time to time.
  void sweep();

  std::size_t size() const;

 private:
  using digest = std::array<unsigned char, 32>;
  struct digest_hash {
    std::size_t operator()(const digest& of) const noexcept;
  };
  struct entry {
    digest id;
    std::shared_ptr<const session> held;
  };
  // In order of last use: the front was used last.
  using entries = std::list<entry>;
  struct shard;
  struct index;

  static void close(const session& of) noexcept;
  /// Requires: `token` has a token's length.
  digest digest_of(std::string_view token) const;
  shard& shard_of(const digest& id) const;
  bool ended(const session& of, strata::time_point now) const;
  void forget(const digest& id, std::string_view user_id);

  static constexpr std::size_t shards = 16;

  session_settings settings_;
  const strata::clock* time_;
  std::array<unsigned char, 32> hash_key_;
  std::unique_ptr<shard[]> shards_;
  std::unique_ptr<index> index_;
};

}  // namespace strata::platform
