#include "redis/topology/cluster.hpp"

#include "async/gather.hpp"
#include "redis/topology/cluster_scan.hpp"
#include "redis/topology/memory_policy.hpp"

#include <utility>

namespace strata::redis {

namespace {

task<result<void>> check_unchanged(cluster_node& of) {
  const auto unchanged = co_await of.is_unchanged();
  if (!unchanged) co_return std::unexpected(unchanged.error());
  if (!*unchanged) {
    co_return fail(errc::store_unavailable, "store: the masters of the cluster may have changed");
  }
  co_return result<void>();
}

/// Asks `question` of each master. Returns the first error, if there is one.
template <class Question>
task<result<void>> ask_each(const cluster_membership& members, Question question) {
  const auto layout = members.current_layout();
  if (!layout) co_return fail(errc::store_unavailable, "the store is closed");
  std::vector<task<result<void>>> questions;
  for (const auto& each : layout->masters) questions.push_back(question(*each));
  for (auto& each : co_await detail::gather(std::move(questions))) {
    if (!each) co_return std::move(each);
  }
  co_return result<void>();
}

}  // namespace

cluster::cluster(runtime& on, cluster_options with, client_options connection, push_subscription subscription,
                 topology_observer& observer, const clock& time)
    : members_(on, std::move(with), std::move(connection), std::move(subscription), observer, time),
      router_(members_) {
}

task<result<reply>> cluster::send(std::string_view key, resp::command command, request_options how) {
  return router_.send(key, std::move(command), how);
}

task<result<std::vector<reply>>> cluster::send_each(std::string_view name, std::span<const std::string> keys,
                                                    request_options how) {
  return router_.send_each(name, keys, how);
}

task<result<std::vector<reply>>> cluster::run(std::vector<script_call> calls, batch_options how) {
  return router_.run(std::move(calls), std::move(how));
}

task<result<void>> cluster::scan(std::string pattern, key_visitor each) {
  return scan_cluster(members_, std::move(pattern), std::move(each));
}

task<result<void>> cluster::check_configuration() {
  return ask_each(members_, [](cluster_node& each) { return check_server(each.connection()); });
}

task<result<std::vector<reply>>> cluster::send_to_all(resp::command command, request_options how) {
  std::vector<reply> out;
  detail::mutex mutex;
  auto asking = ask_each(members_, [&](cluster_node& each) -> task<result<void>> {
    auto answer = co_await each.connection().execute(command, how);
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    const detail::scoped_lock lock(mutex);
    out.push_back(std::move(*answer));
    co_return result<void>();
  });
  auto asked = co_await std::move(asking);
  if (!asked) co_return std::unexpected(std::move(asked.error()));
  co_return out;
}

task<result<void>> cluster::ping_all() {
  auto unchanged = co_await ask_each(members_, check_unchanged);
  if (!unchanged) members_.refresh();
  co_return unchanged;
}

}  // namespace strata::redis
