#include "redis/topology/script_call.hpp"

#include <cstddef>
#include <utility>

namespace strata::redis {

namespace {

void append(resp::pipeline& to, const script_target& target, const script_call& what, bool whole) {
  if (target.asking) to.add("ASKING");
  if (whole) {
    to.add("EVAL").arg(what.which->text);
  } else {
    to.add("EVALSHA").arg(what.which->sha);
  }
  to.arg(what.keys.size());
  for (const auto& each : what.keys) to.arg(each);
  for (const auto& each : what.arguments) to.arg(each);
  if (what.which->tells) to.arg(target.channel);
}

bool is_unknown(const resp::value& reply) {
  return reply.is_error() && reply.error().code == "NOSCRIPT";
}

/// The i-th script's among the replies to all that was appended.
resp::value& reply_of(std::vector<resp::value>& replies, const script_target& target, std::size_t i) {
  return replies[target.asking ? 2 * i + 1 : i];
}

}  // namespace

task<result<std::vector<resp::value>>> run_many(script_target to, std::vector<script_call> what,
                                                request_options how) {
  resp::pipeline first;
  for (const auto& each : what) append(first, to, each, false);
  auto replies = co_await to.over.execute_many(std::move(first), how);
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  std::vector<resp::value> out;
  std::vector<std::size_t> again;
  resp::pipeline second;
  for (std::size_t i = 0; i < what.size(); ++i) {
    out.push_back(std::move(reply_of(*replies, to, i)));
    if (!is_unknown(out.back())) continue;
    again.push_back(i);
    append(second, to, what[i], true);
  }
  if (again.empty()) co_return out;
  auto more = co_await to.over.execute_many(std::move(second), how);
  if (!more) co_return std::unexpected(std::move(more.error()));
  for (std::size_t i = 0; i < again.size(); ++i) out[again[i]] = std::move(reply_of(*more, to, i));
  co_return out;
}

}  // namespace strata::redis
