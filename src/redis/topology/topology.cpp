#include "redis/topology/topology.hpp"

#include <utility>

namespace strata::redis {

resp::pipeline push_subscription::setup(std::string_view own_channel) const {
  resp::pipeline out = tracking;
  out.add("SUBSCRIBE").arg(own_channel);
  return out;
}

task<result<reply>> run_one(topology& servers, script_call call, request_options how) {
  std::vector<script_call> calls;
  calls.push_back(std::move(call));
  batch_options batch;
  batch.request = how;
  auto replies = co_await servers.run(std::move(calls), std::move(batch));
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  co_return std::move(replies->front());
}

task<result<void>> scan_server(client& server, std::string pattern, key_visitor each) {
  std::string cursor = "0";
  do {
    auto page = resp::command("SCAN").arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg("500");
    const auto found = co_await server.execute(std::move(page), idempotent);
    if (!found) co_return std::unexpected(found.error());
    if (found->is_error()) co_return std::unexpected(to_error(*found));
    if (found->items().size() != 2) co_return std::unexpected(unexpected_reply("SCAN"));
    cursor = found->items()[0].text();
    std::vector<std::string> names;
    for (const auto& name : found->items()[1].items()) names.emplace_back(name.text());
    if (names.empty()) continue;
    auto visited = co_await each(std::move(names));
    if (!visited) co_return std::unexpected(std::move(visited.error()));
  } while (cursor != "0");
  co_return result<void>();
}

void add_client_counts(const client& of, store_health& health) {
  const auto counts = of.stats();
  health.requests += counts.requests;
  health.timeouts += counts.timeouts;
  health.connections += counts.connections;
  health.failures += counts.failures;
  health.pending += counts.pending;
}

}  // namespace strata::redis
