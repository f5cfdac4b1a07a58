#pragma once
/// The masters of a Redis Cluster as one topology: their membership, the router of calls, and scans.
/// Threads: internally synchronised; any.

#include "redis/topology/cluster_membership.hpp"
#include "redis/topology/cluster_router.hpp"
#include "redis/topology/topology.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

class cluster final : public topology {
 public:
  /// As the constructor of `cluster_membership`.
  cluster(runtime& on, cluster_options with, client_options connection, push_subscription subscription,
          topology_observer& observer, const clock& time);

  task<result<reply>> send(std::string_view key, resp::command command, request_options how) override;
  task<result<std::vector<reply>>> send_each(std::string_view name, std::span<const std::string> keys,
                                             request_options how) override;
  task<result<std::vector<reply>>> run(std::vector<script_call> calls, batch_options how) override;
  task<result<std::vector<reply>>> send_to_all(resp::command command, request_options how) override;
  task<result<void>> scan(std::string pattern, key_visitor each) override;
  bool has_remote_clock() const noexcept override { return true; }
  std::string view() const override { return members_.view(); }

  task<result<void>> check_configuration() override;
  task<result<void>> ping_all() override;
  void tick() override { members_.tick(); }
  std::optional<std::string> unreachable_reason() const override { return members_.unreachable_reason(); }
  executor& get_executor() const override { return members_.get_executor(); }

  std::string address_text() const override { return members_.address_text(); }
  void add_counts(store_health& health) const override { members_.add_counts(health); }
  void stop() override { members_.stop(); }

 private:
  cluster_membership members_;
  cluster_router router_;
};

}  // namespace strata::redis
