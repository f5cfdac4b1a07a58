#include "redis/topology/cluster_router.hpp"

#include "async/gather.hpp"
#include "redis/format/key_slot.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace strata::redis {

namespace {

/// More redirections than that go in circles.
constexpr int max_redirections = 5;

/// "NAME KEY".
struct key_command {
  std::string_view name;
  std::string key;
};
/// A whole command.
using encoded_command = resp::pipeline;

std::uint16_t slot_of(const key_command& call) {
  return redis::slot_of(call.key);
}
std::uint16_t slot_of(const script_call& call) {
  return redis::slot_of(call.keys.front());
}

void append(resp::pipeline& to, const key_command& call) {
  to.add(call.name).arg(call.key);
}
void append(resp::pipeline& to, const encoded_command& call) {
  to.add(call);
}

/// Sends all of `calls` to one node; with `asking`, each as one that the owner of its slot sent there.
template <class Call>
task<result<std::vector<reply>>> submit(cluster_node& to, std::vector<Call> calls, bool asking,
                                        request_options how) {
  resp::pipeline all;
  for (const auto& each : calls) {
    if (asking) all.add("ASKING");
    append(all, each);
  }
  auto replies = co_await to.connection().execute_many(std::move(all), how);
  if (!replies || !asking) co_return replies;
  std::vector<reply> out;
  for (std::size_t i = 1; i < replies->size(); i += 2) out.push_back(std::move((*replies)[i]));
  co_return out;
}
task<result<std::vector<reply>>> submit(cluster_node& to, std::vector<script_call> calls, bool asking,
                                        request_options how) {
  return run_many({.over = to.connection(), .channel = to.channel(), .asking = asking}, std::move(calls),
                  how);
}

bool is_cluster_down(const reply& answer) {
  return answer.is_error() && answer.error().code == "CLUSTERDOWN";
}

}  // namespace

result<node_ptr> cluster_router::owner_of(std::uint16_t slot) const {
  const auto all = members_.current_layout();
  auto owner = all ? all->owner(slot) : nullptr;
  if (!owner) {
    return fail(errc::store_unavailable, "store: no known master has slot " + std::to_string(slot));
  }
  return owner;
}

result<std::optional<cluster_router::destination>> cluster_router::redirected(const cluster_node& asked,
                                                                              const reply& answer) {
  if (!answer.is_error()) return std::nullopt;
  if (is_cluster_down(answer)) members_.refresh();
  const auto elsewhere = redirection_of(answer.error().message);
  if (!elsewhere) return std::nullopt;
  if (elsewhere->moved) members_.refresh();
  const auto all = members_.current_layout();
  auto node = all ? all->find(*elsewhere, asked) : nullptr;
  if (!node) {
    members_.refresh();
    return fail(errc::store_unavailable, "store: a slot moved to a master that is not known yet");
  }
  return destination{.node = std::move(node), .asking = !elsewhere->moved};
}

template <class Call>
task<result<reply>> cluster_router::follow(Call call, destination to, request_options how) {
  for (int hop = 0; hop < max_redirections; ++hop) {
    auto answer = co_await submit(*to.node, std::vector<Call>{call}, to.asking, how);
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    auto next = redirected(*to.node, answer->front());
    if (!next) co_return std::unexpected(std::move(next.error()));
    if (!*next) co_return std::move(answer->front());
    to = std::move(**next);
  }
  co_return fail(errc::store_unavailable, "store: the nodes of the cluster redirect each other in circles");
}

/// The calls and their replies; kept alive by every part that is being delivered.
template <class Call>
struct cluster_router::batch {
  std::vector<Call> calls;
  batch_options how;
  std::vector<reply> replies;

  void take(std::size_t i, reply answer) {
    replies[i] = std::move(answer);
    if (how.on_reply) how.on_reply(i, replies[i]);
  }
};

/// The calls of one slot, in order, of which `asked` redirected the first.
template <class Call>
task<result<void>> cluster_router::catch_up(node_ptr asked, std::shared_ptr<batch<Call>> of,
                                            std::vector<std::size_t> indices) {
  for (const auto i : indices) {
    auto next = redirected(*asked, of->replies[i]);
    if (!next) co_return std::unexpected(std::move(next.error()));
    // A call that ran too early runs again, in its place.
    auto to = *next ? std::move(**next) : destination{.node = asked};
    auto answer = co_await follow(of->calls[i], std::move(to), of->how.request);
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    of->take(i, std::move(*answer));
  }
  co_return result<void>();
}

template <class Call>
task<result<void>> cluster_router::deliver_to(node_ptr node, std::shared_ptr<batch<Call>> of,
                                              std::vector<std::size_t> indices) {
  std::vector<Call> calls;
  calls.reserve(indices.size());
  for (const auto i : indices) calls.push_back(of->calls[i]);
  auto replies = co_await submit(*node, std::move(calls), false, of->how.request);
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  std::map<std::uint16_t, std::vector<std::size_t>> behind;  // by slot: the calls that must run again
  for (std::size_t n = 0; n < indices.size(); ++n) {
    const auto i = indices[n];
    auto& answer = (*replies)[n];
    const bool elsewhere = answer.is_error() && redirection_of(answer.error().message);
    const auto slot = slot_of(of->calls[i]);
    if (elsewhere || (of->how.in_order && behind.contains(slot))) {
      behind[slot].push_back(i);
      of->replies[i] = std::move(answer);
    } else {
      if (is_cluster_down(answer)) members_.refresh();
      of->take(i, std::move(answer));
    }
  }
  std::vector<task<result<void>>> rest;
  for (auto& [slot, late] : behind) rest.push_back(catch_up(node, of, std::move(late)));
  for (auto& each : co_await detail::gather(std::move(rest))) {
    if (!each) co_return std::move(each);
  }
  co_return result<void>();
}

template <class Call>
task<result<std::vector<reply>>> cluster_router::deliver(std::vector<Call> calls, batch_options how) {
  const auto of = std::make_shared<batch<Call>>();
  of->calls = std::move(calls);
  of->how = std::move(how);
  of->replies.resize(of->calls.size());
  std::map<node_ptr, std::vector<std::size_t>> parts;
  for (std::size_t i = 0; i < of->calls.size(); ++i) {
    auto owner = owner_of(slot_of(of->calls[i]));
    if (!owner) co_return std::unexpected(std::move(owner.error()));
    parts[std::move(*owner)].push_back(i);
  }
  std::vector<task<result<void>>> deliveries;
  for (auto& [node, indices] : parts) deliveries.push_back(deliver_to(node, of, std::move(indices)));
  for (auto& each : co_await detail::gather(std::move(deliveries))) {
    if (!each) co_return std::unexpected(std::move(each.error()));
  }
  co_return std::move(of->replies);
}

task<result<reply>> cluster_router::send(std::string_view key, resp::command command, request_options how) {
  const auto owner = owner_of(redis::slot_of(key));
  if (!owner) co_return std::unexpected(owner.error());
  auto answer = co_await (*owner)->connection().execute(command, how);
  if (!answer || !answer->is_error()) co_return answer;
  auto next = redirected(**owner, *answer);
  if (!next) co_return std::unexpected(std::move(next.error()));
  if (!*next) co_return answer;
  co_return co_await follow(encoded_command(std::move(command)), std::move(**next), how);
}

task<result<std::vector<reply>>> cluster_router::send_each(std::string_view name,
                                                           std::span<const std::string> keys,
                                                           request_options how) {
  std::vector<key_command> calls;
  calls.reserve(keys.size());
  for (const auto& each : keys) calls.push_back({.name = name, .key = each});
  batch_options batch;
  batch.request = how;
  co_return co_await deliver(std::move(calls), std::move(batch));
}

task<result<std::vector<reply>>> cluster_router::run(std::vector<script_call> calls, batch_options how) {
  const auto session = members_.session();
  auto replies = co_await deliver(std::move(calls), std::move(how));
  if (!replies) co_return replies;
  const auto is_other_view = [](const reply& each) { return each.is_error() && each.error().code == "VIEW"; };
  if (std::ranges::any_of(*replies, is_other_view)) members_.view_is_outdated(session);
  co_return replies;
}

}  // namespace strata::redis
