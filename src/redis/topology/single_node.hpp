#pragma once
/// One server, or the master that sentinels name.
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

  task<result<reply>> send(std::string_view key, resp::command command, request_options how) override;
  task<result<std::vector<reply>>> send_each(std::string_view name, std::span<const std::string> keys,
                                             request_options how) override;
  task<result<std::vector<reply>>> run(std::vector<script_call> calls, batch_options how) override;
  task<result<std::vector<reply>>> send_to_all(resp::command command, request_options how) override;
  task<result<void>> scan(std::string pattern, key_visitor each) override;
  bool has_remote_clock() const noexcept override { return false; }
  std::string view() const override { return {}; }

  task<result<void>> check_configuration() override;
  task<result<void>> ping_all() override { return result<void>(); }
  void tick() override {}
  std::optional<std::string> unreachable_reason() const override;
  executor& get_executor() const override { return client_->get_executor(); }

  std::string address_text() const override { return to_text(client_->at()); }
  void add_counts(store_health& health) const override { add_client_counts(*client_, health); }
  void stop() override;

 private:
  result<void> connected(const connection_info& about) override;
  void lost(std::uint64_t generation, const error& why) override;
  void pushed(resp::value message) override;

  const push_subscription subscription_;
  topology_observer& observer_;
  std::unique_ptr<sentinels> sentinels_;  ///< null: the server's address is fixed
  std::unique_ptr<client> client_;
};

}  // namespace strata::redis
