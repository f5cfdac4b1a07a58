#pragma once
/// What a server must be like to keep the clock, the floors and all that lives for ever.
/// Threads: pure functions.

#include "redis/connection/client.hpp"

namespace strata::redis {

/// Refuses a server that is too old to run scripts while memory is full.
result<void> check_version(const connection_info& about);

/// Refuses a server that may evict what has no time to live. One that does not let us ask is believed.
/// Errors: store_unavailable, with what to set; as `client::execute`.
task<result<void>> check_memory_policy(client& of);

}  // namespace strata::redis
