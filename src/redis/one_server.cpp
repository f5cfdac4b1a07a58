#include "redis/one_server.hpp"

#include "redis/memory_policy.hpp"
#include "redis/store_replies.hpp"
#include "redis/tracking.hpp"

#include <algorithm>
#include <utility>

namespace strata::redis {

one_server::one_server(runtime& on, client_options with, std::optional<sentinel_options> found_by,
                       tracking& told, const clock& time)
    : told_(told) {
  if (found_by) {
    sentinels_ = std::make_unique<sentinels>(on, std::move(*found_by), time);
    with.locate = [of = sentinels_.get()] { return of->master(); };
  }
  with.setup = told.setup(told.names().channel);
  client_observer* const me = this;
  client_ = std::make_unique<client>(on, std::move(with), me, time);
  if (sentinels_) sentinels_->guide(*client_);
}

void one_server::stop() {
  if (sentinels_) sentinels_->stop();  // before the client, which they guide
  client_->close();
}

task<result<reply>> one_server::send(std::string_view, resp::command what, request_options how) {
  return client_->execute(std::move(what), how);
}

task<result<std::vector<reply>>> one_server::send_each(std::string_view name,
                                                       std::span<const std::string> keys,
                                                       request_options how) {
  resp::pipeline all;
  for (const auto& each : keys) all.add(name).arg(each);
  return client_->execute_many(std::move(all), how);
}

task<result<std::vector<reply>>> one_server::run(std::vector<script_call> calls, running how) {
  auto replies =
      co_await run_many({.over = *client_, .channel = told_.names().channel}, std::move(calls), how.how);
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  for (std::size_t i = 0; i < replies->size(); ++i) {
    const auto& each = (*replies)[i];
    if (how.note) how.note(i, each);
    // It has become a replica, and a new connection finds that out, or the master.
    if (each.is_error() && each.error().code == "READONLY") client_->renew(to_error(each));
  }
  co_return std::move(*replies);
}

task<result<void>> one_server::walk(std::string pattern, visitor each) {
  return walk_one(*client_, std::move(pattern), std::move(each));
}

task<result<void>> one_server::are_fit() {
  return check_memory_policy(*client_);
}

std::optional<std::string> one_server::away() const {
  if (client_->state() != client_state::down) return std::nullopt;
  return client_->trouble();
}

void add_counts(const client& of, store_health& into) {
  const auto counts = of.stats();
  into.requests += counts.requests;
  into.timeouts += counts.timeouts;
  into.connections += counts.connections;
  into.failures += counts.failures;
  into.pending += counts.pending;
}

void one_server::count(store_health& into) const {
  add_counts(*client_, into);
}

result<void> one_server::connected(const connection_info& about) {
  const auto refused = [&](std::string why) -> result<void> {
    told_.refuse(why);
    return fail(errc::store_unavailable, std::move(why));
  };
  if (auto fit = check_version(about); !fit) return refused(fit.error().detail);
  if (about.role != "master" && !about.role.empty()) {
    return refused("store: the server is a " + about.role +
                   ", which takes no writes and may be behind; the store needs the master");
  }
  if (about.mode == "cluster") {
    return refused("store: the server is a node of a cluster; the scheme for it is redis+cluster://");
  }
  told_.begin(about.generation, about.run_id);
  return {};
}

void one_server::lost(std::uint64_t generation, const error& why) {
  told_.lost(generation, why);
}

void one_server::pushed(resp::value message) {
  told_.pushed(std::move(message));
}

}  // namespace strata::redis
