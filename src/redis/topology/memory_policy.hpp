#pragma once
/// Checks that a server runs scripts, and keeps the clock, the floors and every other key without a TTL.
/// Threads: pure functions.

#include "redis/connection/client.hpp"

namespace strata::redis {

/// Rejects a server that is too old to run scripts while memory is full.
result<void> check_version(const connection_info& about);

/// Rejects a server that may evict keys without a TTL, or that runs no scripts. Accepts one that forbids the
/// question.
/// Errors: invalid_argument, with what to set; as `client::execute`.
task<result<void>> check_server(client& of);

/// Whether `reply` to EVAL says that the server has no scripts.
bool has_no_scripts(const resp::value& reply);

}  // namespace strata::redis
