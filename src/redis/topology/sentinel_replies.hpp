#pragma once
/// Questions to a Redis Sentinel, and its answers.
/// Threads: pure functions.
///
/// Every failover has a number, the *configuration epoch*, which only grows. The sentinel that runs a
/// failover raises it as soon as the new master has taken over, and names that master from then on; the
/// others follow up to two seconds later. So of several answers the one with the highest epoch counts.

#include "redis/connection/address.hpp"
#include "resp/command.hpp"
#include "resp/value.hpp"

#include <strata/error.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace strata::redis {

/// What a sentinel knows about a group of servers.
struct sentinel_answer {
  address master;
  std::uint64_t epoch = 0;      ///< of the configuration in which it is master
  std::vector<address> others;  ///< other sentinels that watch the group
};

/// Asks for all that a `sentinel_answer` holds.
resp::pipeline sentinel_question(std::string_view group);

/// Reads the replies to it. Errors: store_unavailable.
result<sentinel_answer> read_answer(std::span<const resp::value> replies, std::string_view group);

/// Subscribes to what a sentinel publishes when another server becomes master.
resp::pipeline sentinel_subscription();

/// True if `push` reports that for `group`.
bool is_failover(const resp::value& push, std::string_view group);

}  // namespace strata::redis
