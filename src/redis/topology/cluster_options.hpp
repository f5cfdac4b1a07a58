#pragma once
/// Where a cluster is asked for, and how patiently.
/// Threads: values.

#include "redis/connection/address.hpp"

#include <strata/time.hpp>

#include <chrono>
#include <vector>

namespace strata::redis {

struct cluster_options {
  std::vector<address> seeds;  ///< nodes of it, at least one
  duration patience =
      std::chrono::milliseconds(300);  ///< until a node that does not tell the map is done without
  /// How often the map is asked for while the cluster cannot be used, and how seldom at most else.
  duration refresh = std::chrono::milliseconds(50);
};

}  // namespace strata::redis
