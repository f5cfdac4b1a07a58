#pragma once
/// A scan of all keys of a cluster, although slots may move meanwhile.
/// Threads: any.
///
/// A scan can miss a key that moves: it had not come up on its old master, and its new master was scanned
/// before. So after a scan during which a slot was moving or has moved, there is another scan. A key that
/// both missed has moved twice: its slot has changed masters twice since the beginning, or has changed once
/// and is moving again. No such slot may be left at the end.

#include "redis/topology/cluster_membership.hpp"

#include <string>

namespace strata::redis {

/// As `topology::scan`. Lifetime: `members` outlives the call.
task<result<void>> scan_cluster(cluster_membership& members, std::string pattern, key_visitor each);

}  // namespace strata::redis
