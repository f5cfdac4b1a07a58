#pragma once
/// What a Redis Sentinel is asked, and what it says.
/// Threads: pure functions.
///
/// Every failover has a number, the *configuration epoch*, which only grows. The sentinel that does a
/// failover counts it as soon as the new master has taken over, and names that master from then on; the
/// others hear of it up to two seconds later. So of several answers the one with the highest number
/// counts, whoever gave it.

#include "redis/connection/address.hpp"
#include "resp/command.hpp"
#include "resp/value.hpp"

#include <strata/error.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace strata::redis {

/// What a sentinel knows of the servers called `group`.
struct sentinel_answer {
  address master;
  std::uint64_t epoch = 0;      ///< of the configuration in which it is master
  std::vector<address> others;  ///< sentinels that watch it, too
};

/// Asks for all that a `sentinel_answer` holds.
resp::pipeline sentinel_question(std::string_view group);

/// Reads the replies to it. Errors: store_unavailable.
result<sentinel_answer> read_answer(std::span<const resp::value> replies, std::string_view group);

/// Subscribes to what a sentinel says by itself when another server becomes master.
resp::pipeline sentinel_subscription();

/// True if `push` says that, of `group`.
bool tells_of_failover(const resp::value& push, std::string_view group);

}  // namespace strata::redis
