#pragma once
/// Asks the servers of a store about themselves, for network_store::inspect.
/// Threads: any.

#include "redis/topology/topology.hpp"

#include <strata/network_store.hpp>

#include <cstddef>
#include <string>

namespace strata::redis {

/// The servers, and about `most_values` of the values whose keys begin with `prefix`.
/// Lifetime: `servers` outlives the call.
task<result<store_inspection>> inspect_servers(topology& servers, std::string prefix,
                                               std::size_t most_values);

}  // namespace strata::redis
