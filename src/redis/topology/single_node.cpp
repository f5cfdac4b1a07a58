#include "redis/topology/single_node.hpp"

#include "redis/topology/memory_policy.hpp"

#include <utility>

namespace strata::redis {

single_node::single_node(runtime& on, client_options with, std::optional<sentinel_options> found_by,
                         push_subscription subscription, topology_observer& observer, const clock& time)
    : subscription_(std::move(subscription)), observer_(observer) {
  if (found_by) {
    sentinels_ = std::make_unique<sentinels>(on, std::move(*found_by), time);
    with.locate = [of = sentinels_.get()] { return of->master(); };
  }
  with.setup = subscription_.setup(subscription_.channel);
  client_observer* const me = this;
  client_ = std::make_unique<client>(on, std::move(with), me, time);
  if (sentinels_) sentinels_->guide(*client_);
}

void single_node::stop() {
  if (sentinels_) sentinels_->stop();  // before the client, which they guide
  client_->close();
}

task<result<reply>> single_node::send(std::string_view, resp::command command, request_options how) {
  return client_->execute(std::move(command), how);
}

task<result<std::vector<reply>>> single_node::send_each(std::string_view name,
                                                        std::span<const std::string> keys,
                                                        request_options how) {
  resp::pipeline all;
  for (const auto& each : keys) all.add(name).arg(each);
  return client_->execute_many(std::move(all), how);
}

task<result<std::vector<reply>>> single_node::run(std::vector<script_call> calls, batch_options how) {
  auto replies =
      co_await run_many({.over = *client_, .channel = subscription_.channel}, std::move(calls), how.request);
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  for (std::size_t i = 0; i < replies->size(); ++i) {
    const auto& each = (*replies)[i];
    if (how.on_reply) how.on_reply(i, each);
    // The server has become a replica. A new connection finds that out, or finds the master.
    if (each.is_error() && each.error().code == "READONLY") client_->renew(to_error(each));
  }
  co_return std::move(*replies);
}

task<result<void>> single_node::scan(std::string pattern, key_visitor each) {
  return scan_server(*client_, std::move(pattern), std::move(each));
}

task<result<void>> single_node::check_configuration() {
  return check_server(*client_);
}

task<result<std::vector<reply>>> single_node::send_to_all(resp::command command, request_options how) {
  auto answer = co_await client_->execute(std::move(command), how);
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  std::vector<reply> out;
  out.push_back(std::move(*answer));
  co_return out;
}

std::optional<std::string> single_node::unreachable_reason() const {
  if (client_->state() != client_state::down) return std::nullopt;
  return client_->trouble();
}

result<void> single_node::connected(const connection_info& about) {
  const auto refused = [&](std::string why) -> result<void> {
    observer_.refused(why);
    return fail(errc::store_unavailable, std::move(why));
  };
  if (auto fit = check_version(about); !fit) return refused(fit.error().detail);
  if (about.role != "master" && !about.role.empty()) {
    return refused("store: the server is a " + about.role +
                   ", which takes no writes and may be behind; the store needs the master");
  }
  if (about.mode == "cluster") {
    return refused("store: the server is a node of a cluster; use the scheme redis+cluster://");
  }
  observer_.session_began(about.generation, about.run_id);
  return {};
}

void single_node::lost(std::uint64_t generation, const error& why) {
  observer_.session_lost(generation, why);
}

void single_node::pushed(resp::value message) {
  observer_.pushed(std::move(message));
}

}  // namespace strata::redis
