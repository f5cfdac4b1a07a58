#include "redis/topology/script_call.hpp"

#include <cstddef>
#include <utility>

namespace strata::redis {

namespace {

void append(resp::pipeline& to, const script_target& target, const script_call& call, bool with_text) {
  if (target.asking) to.add("ASKING");
  if (with_text) {
    to.add("EVAL").arg(call.which->text);
  } else {
    to.add("EVALSHA").arg(call.which->sha);
  }
  to.arg(call.keys.size());
  for (const auto& each : call.keys) to.arg(each);
  for (const auto& each : call.arguments) to.arg(each);
  if (call.which->publishes) to.arg(target.channel);
}

bool is_unknown(const resp::value& reply) {
  return reply.is_error() && reply.error().code == "NOSCRIPT";
}

/// The reply to the i-th script.
resp::value& reply_of(std::vector<resp::value>& replies, const script_target& target, std::size_t i) {
  return replies[target.asking ? 2 * i + 1 : i];
}

}  // namespace

task<result<std::vector<resp::value>>> run_many(script_target to, std::vector<script_call> calls,
                                                request_options how) {
  resp::pipeline first;
  for (const auto& each : calls) append(first, to, each, false);
  auto replies = co_await to.over.execute_many(std::move(first), how);
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  std::vector<resp::value> out;
  std::vector<std::size_t> unknown;
  resp::pipeline second;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    out.push_back(std::move(reply_of(*replies, to, i)));
    if (!is_unknown(out.back())) continue;
    unknown.push_back(i);
    append(second, to, calls[i], true);
  }
  if (unknown.empty()) co_return out;
  auto more = co_await to.over.execute_many(std::move(second), how);
  if (!more) co_return std::unexpected(std::move(more.error()));
  for (std::size_t i = 0; i < unknown.size(); ++i) out[unknown[i]] = std::move(reply_of(*more, to, i));
  co_return out;
}

}  // namespace strata::redis
