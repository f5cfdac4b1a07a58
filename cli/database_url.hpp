#pragma once
/// What `--database` says: which database it is.
/// Threads: pure functions.

#include <string_view>

namespace strata::cli {

/// True if `url` names a PostgreSQL server.
bool is_postgres(std::string_view url);

}  // namespace strata::cli
