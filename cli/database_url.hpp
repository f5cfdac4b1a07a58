#pragma once
/// What `--database` says: which database it is, and how it may be shown.
/// Threads: pure functions.

#include <string>
#include <string_view>

namespace strata::cli {

/// True if `url` names a PostgreSQL server.
bool is_postgres(std::string_view url);

/// `url` as it may be shown: `********` for every password in it.
std::string without_password(std::string url);

}  // namespace strata::cli
