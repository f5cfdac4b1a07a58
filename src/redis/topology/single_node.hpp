#pragma once
/// A single server, or the master that sentinels name.
/// Threads: internally synchronised; any.

#include "redis/connection/client.hpp"
#include "redis/topology/sentinels.hpp"
#include "redis/topology/topology.hpp"

#include <memory>
#include <optional>
#include <string>

namespace strata::redis {

class single_node final : public topology, private client_observer {
 public:
  /// Begins to connect. Throws bad_options. Lifetime: `on`, `observer` and `time` outlive it.
  single_node(runtime& on, client_options with, std::optional<sentinel_options> found_by,
              push_subscription subscription, topology_observer& observer, const clock& time);
  ~single_node() override { stop(); }

  task<result<reply>> send(std::string_view key, resp::command what, request_options how) override;
  task<result<std::vector<reply>>> send_each(std::string_view name, std::span<const std::string> keys,
                                             request_options how) override;
  task<result<std::vector<reply>>> run(std::vector<script_call> calls, running how) override;
  task<result<void>> walk(std::string pattern, visitor each) override;
  bool clock_is_apart() const noexcept override { return false; }
  std::string view() const override { return {}; }

  task<result<void>> are_fit() override;
  task<result<void>> all_answer() override { return result<void>(); }
  void tick() override {}
  std::optional<std::string> away() const override;
  executor& where() const override { return client_->where(); }

  std::string address_text() const override { return to_text(client_->at()); }
  void count(store_health& into) const override;
  void stop() override;

 private:
  result<void> connected(const connection_info& about) override;
  void lost(std::uint64_t generation, const error& why) override;
  void pushed(resp::value message) override;

  const push_subscription subscription_;
  topology_observer& observer_;
  std::unique_ptr<sentinels> sentinels_;  ///< null: the server stays where it is
  std::unique_ptr<client> client_;
};

/// Adds what one client counts.
void add_counts(const client& of, store_health& into);

}  // namespace strata::redis
