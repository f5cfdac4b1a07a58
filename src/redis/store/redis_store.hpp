#pragma once
/// The store port over Redis or Valkey: one server, or a cluster. docs/formats.md says what it writes there.
/// Threads: internally synchronised; every member from any thread.
///
/// A hit is one plain GET. Everything that must not be torn apart is a script (scripts.hpp). Where it is
/// done is `servers`', and what they say by themselves, and whether they may be trusted, `tracking`'s.
///
/// In a cluster a key's script cannot see the clock: who has taken a lease asks for the time, and an
/// invalidation asks for its floor and goes to the keys with it. Why that is enough is in
/// docs/decisions/0015.

#include "redis/coherence/coherence_session.hpp"
#include "redis/connection/client.hpp"
#include "redis/store/orphaned_leases.hpp"
#include "redis/store/store_replies.hpp"
#include "redis/topology/cluster_options.hpp"
#include "redis/topology/sentinels.hpp"
#include "redis/topology/topology.hpp"

#include <strata/network_store.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

struct redis_store_options {
  client_options connection;  ///< its `setup` is ours; to any node of a cluster
  /// If given, they say where the master is, and not `connection.at`.
  std::optional<sentinel_options> found_by;
  /// If given, the store is on the masters of this cluster.
  std::optional<cluster_options> cluster;
  coherence_options tracked;
};

class redis_store final : public network_store {
 public:
  /// Begins to connect; until the server answers, every call fails with store_unavailable.
  /// Throws bad_options.
  redis_store(std::shared_ptr<runtime> on, redis_store_options with);
  ~redis_store() override;

  task<result<std::optional<stored_value>>> get(std::string_view key) override;
  task<result<std::vector<std::optional<stored_value>>>> get_many(std::span<const std::string> keys) override;
  task<result<acquire_result>> acquire(std::string_view key, duration hold, commit_time known) override;
  task<result<std::vector<acquire_result>>> acquire_many(std::span<const std::string> keys, duration hold,
                                                         commit_time known) override;
  task<result<lease_grant>> take_lease(std::string_view key, duration hold, commit_time known) override;
  task<result<lease_grant>> force_lease(std::string_view key, duration hold, commit_time known) override;
  task<result<std::vector<lease_grant>>> force_lease_many(std::span<const std::string> keys, duration hold,
                                                          commit_time known) override;
  task<result<fill_result>> fill(fill_request value) override;
  task<result<std::vector<fill_result>>> fill_many(std::span<const fill_request> fills) override;
  task<result<void>> release(std::string_view key, lease_token lease) override;
  task<result<commit_time>> invalidate(std::span<const std::string> keys, commit_time at_least) override;
  task<result<commit_time>> expire(std::span<const std::string> keys, commit_time at_least) override;
  task<result<sweep_result>> invalidate_matching(std::string_view glob, commit_time at_least) override;
  task<result<bool>> touch(std::string_view key, duration ttl) override;
  task<result<commit_time>> raise(std::span<const floor_entry> floors) override;
  task<result<void>> restore(std::span<const floor_entry> floors) override;
  task<result<std::vector<floor_entry>>> floors() override;
  task<result<void>> put(std::string_view key, std::string_view bytes, duration ttl) override;
  task<result<bool>> remove(std::string_view key) override;
  task<result<commit_time>> clear(commit_time at_least) override;
  task<result<relay_watermark>> read_watermark() override;
  task<result<std::optional<relay_watermark>>> advance_watermark(relay_watermark seen) override;
  void observe(store_observer& observer) override;
  void unobserve(store_observer& observer) override;

  store_health health() const override;

 private:
  result<void> may_use(std::string_view key) const;
  /// The same for all of them.
  result<void> may_use(std::span<const std::string> keys) const;
  /// A value's name, and in our name space.
  bool is_ours(std::string_view key) const {
    return key.starts_with(session_.names().prefix) && !is_beside(key);
  }
  std::optional<stored_value> value_of(resp::value&& reply) const;

  /// What a script about keys is given if it cannot see the clock.
  struct stamp {
    commit_time now = 0;
    std::uint32_t epoch = 0;
  };
  /// Asks the clock of a cluster. `counting`: it counts on, for a floor above all before.
  task<result<stamp>> ask_clock(commit_time known, bool counting = false);

  script_call about(const scripts::of_keys& which, std::vector<std::string> keys) const;
  script_call fill_call(const fill_request& value) const;
  script_call clock_call(const script& which, std::vector<std::string> arguments) const;
  std::vector<script_call> invalidate_calls(std::span<const std::string> keys, const stamp& at,
                                            std::string_view mode) const;
  /// What the lease script answered to who brought `token`.
  result<acquire_result> to_acquired(reply&& said, const std::string& token);
  task<result<std::vector<acquire_result>>> leases(std::vector<std::string> keys, duration hold,
                                                   commit_time known, std::string_view mode);
  /// Adds to `tokens` one for each of `keys`. Errors: some may have been granted.
  task<result<std::vector<acquire_result>>> try_leases(std::span<const std::string> keys, duration hold,
                                                       commit_time known, std::string_view mode,
                                                       std::vector<std::string>& tokens);
  task<result<lease_grant>> lease(std::string_view key, duration hold, commit_time known,
                                  std::string_view mode);
  /// The replies to `fills`. Errors: some may have been done.
  task<result<std::vector<resp::value>>> try_fills(std::span<const fill_request> fills);
  /// Runs fills; notes what was stored in the order of a server's replies.
  task<result<std::vector<resp::value>>> run_fills(std::vector<script_call> calls);
  task<result<commit_time>> change(std::span<const std::string> keys, commit_time at_least,
                                   std::string_view mode, std::size_t* removed);
  task<result<commit_time>> counter_after(script_call call);
  /// Nothing: the mark was another one.
  task<result<std::optional<relay_watermark>>> mark(std::string seen, std::string life, request_options how);
  task<result<void>> unlink_all(std::string pattern, bool leases);
  task<result<void>> sweep(std::string pattern, std::string_view glob, bool leases, sweep_result& done);

  task<> end_orphaned_leases();

  const std::shared_ptr<runtime> runtime_;
  orphaned_leases orphaned_leases_;
  coherence_session session_;
  lease_tokens tokens_;
  std::atomic<commit_time> confirmed_ = 0;  ///< the largest time that the clock is known to have reached
  std::unique_ptr<topology> topology_;      ///< end before what they tell
};

}  // namespace strata::redis
