#pragma once
/// The store port over Redis or Valkey: one server, or a cluster. docs/formats.md says what it writes there.
/// Threads: internally synchronised; every member from any thread.
///
/// A hit is one plain GET. Each step that must be atomic is a script (scripts.hpp). The `topology` finds the
/// server of a key; the `coherence_session` handles pushes and decides how long the servers may be trusted.
///
/// In a cluster a key's script cannot reach the clock. So a caller that has taken a lease then reads the
/// clock, and an invalidation fetches its floor from the clock and passes it to the keys. docs/decisions/0015
/// says why that is enough.

#include "redis/coherence/coherence_session.hpp"
#include "redis/connection/client.hpp"
#include "redis/store/orphaned_leases.hpp"
#include "redis/store/store_replies.hpp"
#include "redis/store/write_refusal.hpp"
#include "redis/topology/cluster_options.hpp"
#include "redis/topology/sentinels.hpp"
#include "redis/topology/topology.hpp"

#include <strata/network_store.hpp>
#include <strata/rate_limit_store.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

struct redis_store_options {
  client_options connection;  ///< to the server, or to any node of a cluster; its `setup` is replaced
  /// If set, the sentinels name the master, and `connection.at` is ignored.
  std::optional<sentinel_options> found_by;
  /// If set, the store is on the masters of this cluster.
  std::optional<cluster_options> cluster;
  coherence_options coherence;
};

class redis_store final : public network_store, public rate_limit_store {
 public:
  /// Begins to connect. Until the server answers, every call fails with store_unavailable.
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
  task<result<bool>> renew(std::string_view key, lease_token lease, duration hold) override;
  task<result<commit_time>> invalidate(std::span<const std::string> keys, commit_time at_least) override;
  task<result<commit_time>> expire(std::span<const std::string> keys, commit_time at_least) override;
  task<result<taken_value>> take(std::string_view key, commit_time at_least) override;
  task<result<sweep_result>> invalidate_matching(std::string_view glob, commit_time at_least) override;
  task<result<bool>> touch(std::string_view key, duration ttl) override;
  task<result<commit_time>> raise(std::span<const floor_entry> floors) override;
  task<result<commit_time>> apply(store_invalidation what) override;
  task<result<void>> restore(std::span<const floor_entry> floors) override;
  task<result<std::vector<floor_entry>>> floors() override;
  task<result<void>> put(std::string_view key, std::string_view bytes, duration ttl) override;
  task<result<bool>> remove(std::string_view key) override;
  task<result<commit_time>> clear(commit_time at_least) override;
  task<result<relay_watermark>> read_watermark() override;
  task<result<std::optional<relay_watermark>>> advance_watermark(relay_watermark seen) override;
  void observe(store_observer& observer) override;
  void unobserve(store_observer& observer) override;
  task<result<rate_standing>> charge(rate_charge what) override;

  std::string_view name_space() const noexcept override { return session_.name_space(); }
  store_health health() const override;
  task<result<std::map<std::uint32_t, std::uint64_t>>> count_keys() override;
  task<result<store_inspection>> inspect(std::size_t most_values) override;

 private:
  result<void> may_use(std::string_view key) const;
  result<void> may_use(std::span<const std::string> keys) const;
  /// Whether `key` names a value of this name space.
  bool is_ours(std::string_view key) const {
    return key.starts_with(session_.names().prefix) && !is_beside(key);
  }
  std::optional<stored_value> value_of(resp::value&& reply) const;

  /// What a script about keys needs if it cannot reach the clock.
  struct clock_reading {
    commit_time now = 0;
    std::uint32_t epoch = 0;
  };
  /// Reads the clock of a cluster. `increment`: as a floor, above every time before.
  task<result<clock_reading>> read_clock(commit_time known, bool increment = false);
  /// Runs a script that returns the clock's time and epoch.
  task<result<clock_reading>> run_on_clock(script_call call);

  script_call key_call(const scripts::of_keys& which, std::vector<std::string> keys) const;
  script_call fill_call(const fill_request& value) const;
  script_call clock_call(const script& which, std::vector<std::string> arguments) const;
  std::vector<script_call> invalidate_calls(std::span<const std::string> keys, const clock_reading& at,
                                            std::string_view mode) const;
  /// Reads the reply to script lease that was called with `token`.
  result<acquire_result> to_acquire_result(reply&& answer, const std::string& token);
  task<result<std::vector<acquire_result>>> acquire_leases(std::vector<std::string> keys, duration hold,
                                                           commit_time known, std::string_view mode);
  /// Appends a token for each of `keys` to `tokens`. Errors: some leases may have been granted.
  task<result<std::vector<acquire_result>>> try_acquire(std::span<const std::string> keys, duration hold,
                                                        commit_time known, std::string_view mode,
                                                        std::vector<std::string>& tokens);
  task<result<lease_grant>> acquire_lease(std::string_view key, duration hold, commit_time known,
                                          std::string_view mode);
  /// Returns the replies to `fills`. Errors: some may have been stored.
  task<result<std::vector<resp::value>>> try_fills(std::span<const fill_request> fills);
  /// Runs fills and registers those that were stored, in the order of a server's replies.
  task<result<std::vector<resp::value>>> run_fills(std::vector<script_call> calls);
  task<result<commit_time>> change(std::span<const std::string> keys, commit_time at_least,
                                   std::string_view mode, std::size_t* removed);
  /// Runs scripts that return a floor and a count. Returns the largest floor, and adds the counts to
  /// `removed`.
  task<result<commit_time>> run_changes(std::vector<script_call> calls, std::size_t* removed = nullptr);
  script_call raise_call(std::span<const floor_entry> floors, commit_time at_least) const;
  task<result<commit_time>> counter_after(script_call call);
  /// Returns nothing if the watermark is not `seen`.
  task<result<std::optional<relay_watermark>>> call_watermark(std::string seen, std::string life,
                                                              request_options how);
  task<result<void>> unlink_all(std::string pattern, bool leases);
  task<result<void>> sweep(std::string pattern, std::string_view glob, bool leases, sweep_result& done);

  task<> release_orphaned_leases();

  const std::shared_ptr<runtime> runtime_;
  orphaned_leases orphaned_leases_;
  coherence_session session_;
  lease_tokens tokens_;
  write_refusal refusal_;
  std::atomic<commit_time> confirmed_ = 0;  ///< the clock is known to have reached it
  std::unique_ptr<topology> topology_;      ///< ends before the session that it notifies
};

}  // namespace strata::redis
