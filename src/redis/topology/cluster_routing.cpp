/// Where in a cluster a call goes, and goes next when it was sent elsewhere.

#include "async/gather.hpp"
#include "redis/format/key_slot.hpp"
#include "redis/topology/cluster.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace strata::redis {

namespace {

/// More often nobody is sent elsewhere but in circles.
constexpr int most_steps = 5;

/// "NAME KEY".
struct one_name {
  std::string_view name;
  std::string key;
};
/// A command, whole.
using one_command = resp::pipeline;

std::uint16_t slot_of(const one_name& what) {
  return redis::slot_of(what.key);
}
std::uint16_t slot_of(const script_call& what) {
  return redis::slot_of(what.keys.front());
}

void append(resp::pipeline& to, const one_name& what) {
  to.add(what.name).arg(what.key);
}
void append(resp::pipeline& to, const one_command& what) {
  to.add(what);
}

/// Sends all of `what` to one node; with `asking`, each as one that its owner has sent there.
template <class Errand>
task<result<std::vector<reply>>> submit(cluster_node& to, std::vector<Errand> what, bool asking,
                                        request_options how) {
  resp::pipeline all;
  for (const auto& each : what) {
    if (asking) all.add("ASKING");
    append(all, each);
  }
  auto replies = co_await to.over().execute_many(std::move(all), how);
  if (!replies || !asking) co_return replies;
  std::vector<reply> out;
  for (std::size_t i = 1; i < replies->size(); i += 2) out.push_back(std::move((*replies)[i]));
  co_return out;
}
task<result<std::vector<reply>>> submit(cluster_node& to, std::vector<script_call> what, bool asking,
                                        request_options how) {
  return run_many({.over = to.over(), .channel = to.channel(), .asking = asking}, std::move(what), how);
}

}  // namespace

cluster::node cluster::layout::owner(std::uint16_t slot) const {
  const auto index = map.owner(slot);
  return index == cluster_map::nobody ? nullptr : masters[index];
}

cluster::node cluster::layout::at(const redirection& to, const cluster_node& from) const {
  const auto& host = to.host.empty() ? from.who().at.host : to.host;
  const auto is_it = [&](const node& each) { return each->who().is_at(host, to.port); };
  const auto found = std::ranges::find_if(masters, is_it);
  return found == masters.end() ? nullptr : *found;
}

result<cluster::node> cluster::owner_of(std::uint16_t slot) const {
  const auto all = now();
  auto owner = all ? all->owner(slot) : nullptr;
  if (!owner)
    return fail(errc::store_unavailable, "store: nobody is known to have slot " + std::to_string(slot));
  return owner;
}

result<std::optional<cluster::step>> cluster::after(const cluster_node& asked, const reply& said) {
  if (!said.is_error()) return std::nullopt;
  if (said.error().code == "CLUSTERDOWN") ask_anew();
  const auto elsewhere = redirection_of(said.error().message);
  if (!elsewhere) return std::nullopt;
  if (elsewhere->moved) ask_anew();
  const auto all = now();
  auto to = all ? all->at(*elsewhere, asked) : nullptr;
  if (!to) {
    ask_anew();
    return fail(errc::store_unavailable, "store: a slot is at a master that is not known yet");
  }
  return step{.to = std::move(to), .asking = !elsewhere->moved};
}

template <class Errand>
task<result<reply>> cluster::follow(Errand what, step to, request_options how) {
  for (int steps = 0; steps < most_steps; ++steps) {
    auto said = co_await submit(*to.to, std::vector<Errand>{what}, to.asking, how);
    if (!said) co_return std::unexpected(std::move(said.error()));
    auto next = after(*to.to, said->front());
    if (!next) co_return std::unexpected(std::move(next.error()));
    if (!*next) co_return std::move(said->front());
    to = std::move(**next);
  }
  co_return fail(errc::store_unavailable, "store: the nodes of the cluster send us around in circles");
}

/// What is to be done, and what came of it; kept by all who do a part of it.
template <class Errand>
struct cluster::batch {
  std::vector<Errand> all;
  running how;
  std::vector<reply> replies;

  void take(std::size_t i, reply said) {
    replies[i] = std::move(said);
    if (how.note) how.note(i, replies[i]);
  }
};

/// The calls of one slot, in order, of which the first was sent elsewhere by `asked`.
template <class Errand>
task<result<void>> cluster::catch_up(node asked, std::shared_ptr<batch<Errand>> of,
                                     std::vector<std::size_t> which) {
  for (const auto i : which) {
    auto next = after(*asked, of->replies[i]);
    if (!next) co_return std::unexpected(std::move(next.error()));
    // One that was done too early is done again, from the beginning.
    auto from = *next ? std::move(**next) : step{.to = asked};
    auto said = co_await follow(of->all[i], std::move(from), of->how.how);
    if (!said) co_return std::unexpected(std::move(said.error()));
    of->take(i, std::move(*said));
  }
  co_return result<void>();
}

template <class Errand>
task<result<void>> cluster::deliver_to(node to, std::shared_ptr<batch<Errand>> of,
                                       std::vector<std::size_t> which) {
  std::vector<Errand> mine;
  mine.reserve(which.size());
  for (const auto i : which) mine.push_back(of->all[i]);
  auto replies = co_await submit(*to, std::move(mine), false, of->how.how);
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  std::map<std::uint16_t, std::vector<std::size_t>> behind;  // by slot: those that are still to be done
  for (std::size_t n = 0; n < which.size(); ++n) {
    const auto i = which[n];
    auto& said = (*replies)[n];
    const bool elsewhere = said.is_error() && redirection_of(said.error().message);
    const auto slot = slot_of(of->all[i]);
    if (elsewhere || (of->how.in_order && behind.contains(slot))) {
      behind[slot].push_back(i);
      of->replies[i] = std::move(said);
    } else {
      if (said.is_error() && said.error().code == "CLUSTERDOWN") ask_anew();
      of->take(i, std::move(said));
    }
  }
  std::vector<task<result<void>>> rest;
  for (auto& [slot, late] : behind) rest.push_back(catch_up(to, of, std::move(late)));
  for (auto& each : co_await detail::gather(std::move(rest))) {
    if (!each) co_return std::move(each);
  }
  co_return result<void>();
}

template <class Errand>
task<result<std::vector<reply>>> cluster::deliver(std::vector<Errand> all, running how) {
  const auto of = std::make_shared<batch<Errand>>();
  of->all = std::move(all);
  of->how = std::move(how);
  of->replies.resize(of->all.size());
  std::map<node, std::vector<std::size_t>> parts;
  for (std::size_t i = 0; i < of->all.size(); ++i) {
    auto owner = owner_of(slot_of(of->all[i]));
    if (!owner) co_return std::unexpected(std::move(owner.error()));
    parts[std::move(*owner)].push_back(i);
  }
  std::vector<task<result<void>>> deliveries;
  for (auto& [to, which] : parts) deliveries.push_back(deliver_to(to, of, std::move(which)));
  for (auto& each : co_await detail::gather(std::move(deliveries))) {
    if (!each) co_return std::unexpected(std::move(each.error()));
  }
  co_return std::move(of->replies);
}

task<result<reply>> cluster::send(std::string_view key, resp::command what, request_options how) {
  const auto to = owner_of(redis::slot_of(key));
  if (!to) co_return std::unexpected(to.error());
  auto said = co_await (*to)->over().execute(what, how);
  if (!said || !said->is_error()) co_return said;
  auto next = after(**to, *said);
  if (!next) co_return std::unexpected(std::move(next.error()));
  if (!*next) co_return said;
  co_return co_await follow(one_command(std::move(what)), std::move(**next), how);
}

task<result<std::vector<reply>>> cluster::send_each(std::string_view name, std::span<const std::string> keys,
                                                    request_options how) {
  std::vector<one_name> all;
  all.reserve(keys.size());
  for (const auto& each : keys) all.push_back({.name = name, .key = each});
  running as;
  as.how = how;
  co_return co_await deliver(std::move(all), std::move(as));
}

task<result<std::vector<reply>>> cluster::run(std::vector<script_call> calls, running how) {
  const auto during = session();
  auto replies = co_await deliver(std::move(calls), std::move(how));
  if (!replies) co_return replies;
  const auto is_other_view = [](const reply& each) { return each.is_error() && each.error().code == "VIEW"; };
  if (std::ranges::any_of(*replies, is_other_view)) {
    post([this, during] { outdated(during); });
  }
  co_return replies;
}

}  // namespace strata::redis
