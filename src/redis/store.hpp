#pragma once
/// The store port over one Redis or Valkey server. docs/formats.md says what it writes there.
/// Threads: internally synchronised; every member from any thread.
///
/// A hit is one plain GET. Everything that must not be torn apart is a script (scripts.hpp). What the
/// server says by itself, and whether it may be trusted, is `tracking`'s.

#include "redis/client.hpp"
#include "redis/left_leases.hpp"
#include "redis/sentinels.hpp"
#include "redis/store_replies.hpp"
#include "redis/tracking.hpp"

#include <strata/network_store.hpp>

#include <memory>
#include <optional>

namespace strata::redis {

struct redis_store_options {
  client_options connection;  ///< its `setup` is ours
  /// If given, they say where the master is, and not `connection.at`.
  std::optional<sentinel_options> found_by;
  tracking_options tracked;
};

class redis_store final : public network_store {
 public:
  /// Begins to connect; until the server answers, every call fails with store_unavailable.
  /// Throws bad_options.
  redis_store(std::shared_ptr<runtime> on, redis_store_options with);
  ~redis_store() override;

  task<result<std::optional<stored_value>>> get(std::string_view key) override;
  task<result<std::vector<std::optional<stored_value>>>> get_many(std::span<const std::string> keys) override;
  task<result<acquired>> acquire(std::string_view key, duration hold, commit_time known) override;
  task<result<std::vector<acquired>>> acquire_many(std::span<const std::string> keys, duration hold,
                                                   commit_time known) override;
  task<result<granted>> take_lease(std::string_view key, duration hold, commit_time known) override;
  task<result<granted>> force_lease(std::string_view key, duration hold, commit_time known) override;
  task<result<fill_result>> fill(fill_request value) override;
  task<result<std::vector<fill_result>>> fill_many(std::span<const fill_request> fills) override;
  task<result<void>> release(std::string_view key, lease_token lease) override;
  task<result<commit_time>> invalidate(std::span<const std::string> keys, commit_time at_least) override;
  task<result<commit_time>> expire(std::span<const std::string> keys, commit_time at_least) override;
  task<result<swept>> invalidate_matching(std::string_view glob, commit_time at_least) override;
  task<result<bool>> touch(std::string_view key, duration ttl) override;
  task<result<commit_time>> raise(std::span<const floor_entry> floors) override;
  task<result<void>> restore(std::span<const floor_entry> floors) override;
  task<result<std::vector<floor_entry>>> floors() override;
  task<result<void>> put(std::string_view key, std::string_view bytes, duration ttl) override;
  task<result<bool>> remove(std::string_view key) override;
  task<result<commit_time>> clear(commit_time at_least) override;
  task<result<relay_mark>> read_mark() override;
  task<result<std::optional<relay_mark>>> advance_mark(relay_mark seen) override;
  void observe(store_observer& observer) override;
  void unobserve(store_observer& observer) override;

  store_health health() const override;

 private:
  result<void> may_use(std::string_view key) const;
  /// The same for all of them.
  result<void> may_use(std::span<const std::string> keys) const;
  std::optional<stored_value> value_of(resp::value&& reply) const;
  std::string new_token() noexcept;

  script_call lease_call(std::string_view key, duration hold, commit_time known, std::string_view mode);
  script_call fill_call(const fill_request& value) const;
  script_call invalidate_call(commit_time at_least, std::string_view mode) const;
  void add_key(script_call& to, std::string_view key) const;

  task<result<granted>> lease(std::string_view key, duration hold, commit_time known, std::string_view mode);
  /// Runs fills; notes what was stored in the order of the server's replies.
  task<result<std::vector<resp::value>>> run_fills(std::vector<script_call> calls);
  task<result<commit_time>> change(std::span<const std::string> keys, commit_time at_least,
                                   std::string_view mode, std::size_t* removed);
  task<result<commit_time>> counter_after(script_call call);
  /// Nothing: the mark was another one.
  task<result<std::optional<relay_mark>>> mark(std::string seen, std::string life, request_options how);
  /// One page of SCAN: the keys, and the cursor to go on with ("0": done).
  task<result<std::vector<std::string>>> scan(std::string_view pattern, std::string& cursor);
  task<result<void>> unlink_all(std::string pattern, bool leases);
  task<result<void>> sweep(std::string pattern, std::string_view glob, bool leases, swept& done);

  task<> end_left_leases();

  const std::shared_ptr<runtime> runtime_;
  left_leases left_leases_;
  tracking tracking_;
  lease_tokens tokens_;
  std::unique_ptr<sentinels> sentinels_;  ///< null: the server stays where it is
  std::unique_ptr<client> client_;        ///< ends before what it tells
};

}  // namespace strata::redis
