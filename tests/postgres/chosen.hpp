#pragma once
/// The database of a suite that runs on both: SQLite, or PostgreSQL if STRATA_TEST_DATABASE is `postgres`.
/// There each SQLite file becomes a database of the shared server. Threads: one.

#include "tests/postgres/server.hpp"

#include <strata/database.hpp>

#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace strata::test {

inline bool postgres_chosen() {
  const char* const chosen = std::getenv("STRATA_TEST_DATABASE");
  return chosen != nullptr && std::string_view(chosen) == "postgres";
}

/// The name of the PostgreSQL database in place of `file`.
inline const std::string& postgres_database_of(const std::string& file) {
  static std::map<std::string, std::string> names;
  auto& name = names[file];
  if (name.empty()) name = shared_postgres().create_database();
  return name;
}

/// The value of `--database` for `file`.
inline std::string chosen_url(const std::string& file) {
  return postgres_chosen() ? shared_postgres().url(postgres_database_of(file)) : "sqlite:" + file;
}

/// Opens `file`, or the database in its place.
inline result<std::shared_ptr<database>> open_chosen(const std::string& file) {
  return postgres_chosen() ? open_postgres({.url = chosen_url(file)}) : open_sqlite({.file = file});
}

}  // namespace strata::test
