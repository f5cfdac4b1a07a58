#include "redis/topology/cluster_node.hpp"

#include "redis/connection/info_field.hpp"
#include "redis/topology/memory_policy.hpp"

#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace strata::redis {

namespace {

client_options for_node(client_options with, const cluster_master& master) {
  with.at = master.at;
  if (with.tls.enabled && with.tls.server_name.empty()) with.tls.server_name = master.hostname;
  with.setup.add("CLUSTER MYID");
  return with;
}

}  // namespace

resp::pipeline node_question() {
  resp::pipeline out;
  out.add("CLUSTER INFO");
  out.add("CLUSTER NODES");
  return out;
}

result<std::uint64_t> read_cluster_epoch(const reply& info) {
  if (info.is_error()) return std::unexpected(to_error(info));
  const auto digits = info_field(info.text(), "cluster_current_epoch");
  std::uint64_t out = 0;
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (wrong != std::errc() || end != digits.data() + digits.size()) {
    return std::unexpected(unexpected_reply("CLUSTER INFO"));
  }
  return out;
}

result<node_answer> read_node_answer(const std::vector<reply>& replies, const address& asked) {
  if (replies.size() != 2) return std::unexpected(unexpected_reply("CLUSTER INFO and CLUSTER NODES"));
  const auto epoch = read_cluster_epoch(replies[0]);
  if (!epoch) return std::unexpected(epoch.error());
  if (replies[1].is_error()) return std::unexpected(to_error(replies[1]));
  auto map = cluster_map::read(replies[1].text(), asked);
  if (!map) return std::unexpected(std::move(map.error()));
  return node_answer{.map = std::move(*map), .epoch = *epoch};
}

cluster_node::cluster_node(runtime& on, client_options with, const cluster_master& master,
                           std::string channel, node_observer& observer, const clock& time)
    : identity_(master),
      channel_(std::move(channel)),
      observer_(observer),
      client_(on, for_node(std::move(with), identity_), this, time) {
}

std::optional<std::string> cluster_node::run_id() const {
  detail::scoped_lock lock(mutex_);
  return run_id_;
}

task<result<node_answer>> cluster_node::ask(time_point deadline) {
  auto replies = co_await client_.execute_many(node_question(), {.deadline = deadline, .retryable = true});
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  co_return read_node_answer(*replies, identity_.at);
}

task<result<bool>> cluster_node::is_unchanged() {
  // Not retryable: the answer must come on the connection whose pushes we have read.
  const auto info = co_await client_.execute(resp::command("CLUSTER INFO"));
  if (!info) co_return std::unexpected(info.error());
  const auto epoch = read_cluster_epoch(*info);
  if (!epoch) co_return std::unexpected(epoch.error());
  if (info_field(info->text(), "cluster_state") == "fail") {
    co_return fail(errc::store_unavailable,
                   "store: the cluster is down, according to its node at " + to_text(identity_.at));
  }
  co_return *epoch == epoch_;
}

result<void> cluster_node::connected(const connection_info& about) {
  const auto refused = [&](std::string_view why) -> result<void> {
    return fail(errc::store_unavailable, fmt::format("Redis at {} {}", to_text(identity_.at), why));
  };
  if (auto fit = check_version(about); !fit) return refused("cannot be used: " + fit.error().detail);
  if (about.mode != "cluster") return refused("is not a node of a cluster; use the scheme redis://");
  if (about.run_id.empty()) {
    return refused("does not allow INFO, and without its run id a loss of data goes unnoticed; allow +info");
  }
  if (about.setup.empty() || about.setup.back().text() != identity_.id) return refused("is now another node");
  if (about.role != "master") return refused("is a " + about.role);
  {
    detail::scoped_lock lock(mutex_);
    run_id_ = about.run_id;
  }
  observer_.node_changed();
  return {};
}

void cluster_node::lost(std::uint64_t, const error&) {
  {
    detail::scoped_lock lock(mutex_);
    run_id_.reset();
  }
  observer_.node_changed();
}

}  // namespace strata::redis
