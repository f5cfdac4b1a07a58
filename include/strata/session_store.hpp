#pragma once
/// `session_store`: logins that survive a restart and hold in every process with the same database.
/// Threads: any; internally locked. A `session` is an immutable value.
///
///   strata::session_store sessions(database, cache, {.encryption = keys});
///   auto login = co_await sessions.create({.user_id = "usr_1", .device = "Firefox", .address = "::1"});
///   send_cookie(login->token);                          // the only time that the token is readable
///   auto found = co_await sessions.find(token);         // counts as a use
///   co_await sessions.end_all("usr_1");                 // "log out everywhere"
///
/// The database is the truth. So an ended session cannot return with a server of the second level that lacked
/// its end. The cache holds copies: a process serves a session from its own memory without a round trip, and
/// drops it when another process ends it (docs/decisions/0017-sessions-live-in-the-database.md).
///
/// A token is 256 random bits. Its BLAKE2b-256 hash is the session's id and key; the token is stored nowhere.
/// Device and address are encrypted at rest if there are keys, and copies in the second level as their policy
/// says.

#include <strata/cache.hpp>
#include <strata/database.hpp>
#include <strata/encryption.hpp>
#include <strata/entity.hpp>
#include <strata/session_stats.hpp>
#include <strata/unit_of_work.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

class session_store;

namespace detail {

/// Until when a copy of a session in this process needs no further check. Copies of it start anew.
class session_mark {
 public:
  session_mark() = default;
  session_mark(const session_mark&) noexcept {}
  session_mark& operator=(const session_mark&) noexcept { return *this; }
  time_point get() const noexcept { return until_.load(std::memory_order_relaxed); }
  void set(time_point until) const noexcept { until_.store(until, std::memory_order_relaxed); }

 private:
  mutable std::atomic<time_point> until_{time_point::min()};
};

}  // namespace detail

/// A login.
struct session {
  std::string id;  ///< the hash of its token; not secret
  std::string user_id;
  std::string device;         ///< as given to `create`
  std::string address;        ///< likewise
  wall_time created_at{};     ///< of the login; a rotated session keeps it
  wall_time used_at{};        ///< its last recorded use, up to `write_interval` old
  wall_time ends_at{};        ///< at the latest, however often it is used
  bool rotation_due = false;  ///< its user has gained rights: see `require_rotation`

 private:
  friend class session_store;
  detail::session_mark checked_;
};

/// Stored as JSON.
template <>
struct codec<session> {
  static void encode(const session& value, std::string& out);
  static result<session> decode(std::string_view bytes);
  static std::size_t size(const session& value);
};

using session_entity = entity<session, "session:{id}">;

struct session_options {
  duration idle = std::chrono::hours(24);           ///< a session ends so long after its last use
  duration lifetime = std::chrono::hours(24 * 30);  ///< and so long after its login, however used
  /// A use is recorded in the database at most once in this time, or in an eighth of `idle`.
  duration write_interval = std::chrono::minutes(1);
  /// How long the old token of a rotated session still counts, for requests that are on their way.
  duration rotation_grace = std::chrono::seconds(30);
  /// Of the copies in the cache. Sensitive: without keys they stay out of the second level.
  strata::policy copies{
      .ttl = std::chrono::hours(1), .hard_timeout = std::chrono::seconds(2), .sensitive = true};
  /// Encrypts device and address in the database. Null or empty: they are stored in clear.
  std::shared_ptr<const key_ring> encryption;
  const clock* time = &system_clock();
};

/// What a login begins with. Longer texts are cut to 256 bytes.
struct new_session {
  std::string user_id;
  std::string device;
  std::string address;
};

/// A session and its token, which is returned only here.
struct started_session {
  std::string token;
  std::shared_ptr<const session> value;
};

/// Sessions in a database, read through a cache.
/// Errors of all members: those of the database. After an error of a member that ends sessions, it is open
/// whether they ended; repeat the call.
class session_store {
 public:
  using key_type = typed_key<session>;

  /// The script of a migration: the tables `sessions` and `session_uses`. `users` names the table whose `id`
  /// `sessions.user_id` refers to; its rows take their sessions with them. Empty: none.
  static std::string schema(std::string_view users = {});

  /// Throws bad_options that names every problem.
  /// Lifetime: both and `options.time` outlive it; it outlives its tasks and the cache's background reads.
  session_store(database& source, cache& target, session_options options = {});
  ~session_store();
  session_store(const session_store&) = delete;
  session_store& operator=(const session_store&) = delete;

  /// Begins a session.
  task<result<started_session>> create(new_session of);
  /// The same inside `work`, so that it begins only if what `work` has read still holds. Lifetime: `work`
  /// outlives the task.
  task<result<started_session>> create_in(unit_of_work& work, new_session of);

  /// The key of the session with `token`. Nothing if `token` cannot be one. A caller that keeps the key saves
  /// the hash at the next `find`.
  std::optional<key_type> key_of(std::string_view token) const;

  /// The session of `token`, used now. Absent if there is none, or it has ended.
  /// Returns:  value | stale value (options.copies) | absent | error
  /// Cost:     hit O(1), no I/O, no coroutine frame; miss one query.
  task<lookup<session>> find(std::string_view token);
  /// The same by key. Lifetime: the key outlives the task.
  task<lookup<session>> find(const key_type& key);

  /// When a session that is used now ends.
  wall_time expires_at(const session& of) const;

  /// Ends the session of `token`. When the task ends, this process refuses it, and every other one after the
  /// push of one invalidation. Returns whether there was one.
  task<result<bool>> end(std::string_view token);
  /// Ends one session of `user_id` by its id. Returns whether there was one.
  task<result<bool>> end_one(std::string user_id, std::string id);
  /// Ends every session of `user_id` but the one with the id `except`. Returns how many there were.
  /// Cost: one statement and one invalidation, whatever their number.
  task<result<std::size_t>> end_all(std::string user_id, std::string except = {});
  /// The same inside `work`. After the commit, call `forget`. Lifetime: `work` outlives the task.
  task<result<std::size_t>> end_all_in(unit_of_work& work, std::string user_id, std::string except = {});
  /// Drops every copy of the sessions of `user_id`, in all processes.
  task<void> forget(std::string user_id);

  /// The sessions of `user_id`, the last used first; at most 1000.
  task<result<std::vector<session>>> list(std::string user_id);

  /// Gives the session of `token` a new token, and ends the old one at once. Nothing if there is none.
  task<result<std::optional<started_session>>> rotate(std::string_view token);
  /// The same if its rotation is due, and the old token still counts for `rotation_grace`. Of several calls
  /// at once, one returns a session.
  task<result<std::optional<started_session>>> rotate_if_due(std::string_view token);
  /// Marks every session of `user_id`: its rotation is due. Call it inside the transaction that gives the
  /// user more rights, and `forget` after the commit. Lifetime: `work` outlives the task.
  task<result<void>> require_rotation_in(unit_of_work& work, std::string user_id);

  /// Records the uses since the last call, and deletes ended sessions, a bounded number each time. Call it
  /// about every `write_interval`, and once at the end.
  task<result<void>> maintain();

  session_stats stats() const noexcept;
  const session_options& options() const noexcept;

 private:
  struct state;
  class loader;

  task<lookup<session>> judge(lookup<session> found, key_type key);
  task<lookup<session>> judge_later(task<lookup<session>> pending, key_type key);
  task<result<std::optional<session>>> load(std::string id, fill_context& context);
  task<result<std::optional<started_session>>> rotate(std::string_view token, bool if_due);
  task<result<std::optional<started_session>>> rotate_in(unit_of_work work, std::string id, bool if_due);
  task<result<void>> record_uses();
  task<result<void>> delete_ended();

  std::unique_ptr<state> state_;
};

}  // namespace strata
