#pragma once
/// What `--database` says: which database it is.
/// Threads: pure functions.

#include <string_view>

namespace strata::gateway {

/// True if `url` names a PostgreSQL server.
bool is_postgres(std::string_view url);

}  // namespace strata::gateway
