#pragma once
/// The options of a cluster.
/// Threads: values.

#include "redis/connection/address.hpp"

#include <strata/time.hpp>

#include <chrono>
#include <vector>

namespace strata::redis {

struct cluster_options {
  std::vector<address> seeds;                          ///< nodes of the cluster, at least one
  duration patience = std::chrono::milliseconds(300);  ///< how long a node may take to return the map
  /// The least time between two requests for the map.
  duration refresh = std::chrono::milliseconds(50);
};

}  // namespace strata::redis
