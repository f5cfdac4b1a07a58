#pragma once
/// Calls of scripts (format/scripts.hpp) on one server: EVALSHA first, EVAL for those it does not know.
/// Threads: any.

#include "redis/connection/client.hpp"
#include "redis/format/scripts.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

/// One call of a script. A value, since it may have to be sent twice.
struct script_call {
  const script* which;
  std::vector<std::string> keys;
  std::vector<std::string> arguments;
};

/// Where scripts are sent, and how.
struct script_target {
  client& over;
  std::string_view channel;  ///< on which scripts publish there
  bool asking = false;       ///< the owner of the slot sent us there for this call only
};

/// Calls scripts in one round trip, or two if the server does not know one of them.
/// Errors: as `client::execute_many`; each reply may be an error.
/// Lifetime: what `to` refers to outlives the call.
task<result<std::vector<resp::value>>> run_many(script_target to, std::vector<script_call> calls,
                                                request_options how = {});

}  // namespace strata::redis
