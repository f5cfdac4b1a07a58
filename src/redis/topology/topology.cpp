#include "redis/topology/topology.hpp"

#include <utility>

namespace strata::redis {

resp::pipeline push_subscription::setup(std::string_view own_channel) const {
  resp::pipeline out = tracking;
  out.add("SUBSCRIBE").arg(own_channel);
  return out;
}

task<result<reply>> run_one(topology& on, script_call what, request_options how) {
  std::vector<script_call> one;
  one.push_back(std::move(what));
  running alone;
  alone.how = how;
  auto replies = co_await on.run(std::move(one), std::move(alone));
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  co_return std::move(replies->front());
}

task<result<void>> walk_one(client& of, std::string pattern, visitor each) {
  std::string cursor = "0";
  do {
    auto page = resp::command("SCAN").arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg("500");
    const auto found = co_await of.execute(std::move(page), idempotent);
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

}  // namespace strata::redis
