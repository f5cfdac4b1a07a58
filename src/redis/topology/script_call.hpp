#pragma once
/// Calls of scripts (format/scripts.hpp) on one server: EVALSHA first, EVAL for those it does not know.
/// Threads: any.

#include "redis/connection/client.hpp"
#include "redis/format/scripts.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace strata::redis {

/// One call of a script, with all it needs: it may have to be sent twice.
struct script_call {
  const script* which;
  std::vector<std::string> keys;
  std::vector<std::string> arguments;
};

/// Where scripts are sent, and how.
struct script_target {
  client& over;
  std::string_view channel;  ///< on which they tell there
  bool asking = false;       ///< the server sent us there for this once
};

/// Calls scripts in one round trip, two if the server knew one of them not.
/// Errors: as `client::execute_many`; each reply may be an error.
/// Lifetime: what `to` names outlives the call.
task<result<std::vector<resp::value>>> run_many(script_target to, std::vector<script_call> what,
                                                request_options how = {});

}  // namespace strata::redis
