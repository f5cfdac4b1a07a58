#pragma once
/// Sends calls to the masters that have their slots, and follows redirections.
/// Threads: any.
///
/// Redirections to masters of the layout are followed at once. Nothing is sent to any other master, since
/// its pushes do not reach us: the call fails, and works again with the session that knows that master.

#include "redis/topology/cluster_membership.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

class cluster_router {
 public:
  /// Lifetime: `members` outlives it.
  explicit cluster_router(cluster_membership& members) : members_(members) {}

  // As those of `topology`.
  task<result<reply>> send(std::string_view key, resp::command command, request_options how);
  task<result<std::vector<reply>>> send_each(std::string_view name, std::span<const std::string> keys,
                                             request_options how);
  task<result<std::vector<reply>>> run(std::vector<script_call> calls, batch_options how);

 private:
  struct destination {
    node_ptr node;
    bool asking = false;  ///< the owner of the slot sent us there for this request only
  };
  template <class Call>
  struct batch;
  template <class Call>
  task<result<std::vector<reply>>> deliver(std::vector<Call> calls, batch_options how);
  template <class Call>
  task<result<void>> deliver_to(node_ptr node, std::shared_ptr<batch<Call>> of,
                                std::vector<std::size_t> indices);
  template <class Call>
  task<result<void>> catch_up(node_ptr asked, std::shared_ptr<batch<Call>> of,
                              std::vector<std::size_t> indices);
  template <class Call>
  task<result<reply>> follow(Call call, destination to, request_options how);
  /// Where `answer` of `asked` redirects the call to; nothing if it is the answer.
  result<std::optional<destination>> redirected(const cluster_node& asked, const reply& answer);
  result<node_ptr> owner_of(std::uint16_t slot) const;

  cluster_membership& members_;
};

}  // namespace strata::redis
