#pragma once
/// Checks that a server keeps the clock, the floors and every other key without a TTL.
/// Threads: pure functions.

#include "redis/connection/client.hpp"

namespace strata::redis {

/// Rejects a server that is too old to run scripts while memory is full.
result<void> check_version(const connection_info& about);

/// Rejects a server that may evict keys without a TTL. Accepts one that forbids the question.
/// Errors: invalid_argument, with what to set; as `client::execute`.
task<result<void>> check_memory_policy(client& of);

}  // namespace strata::redis
