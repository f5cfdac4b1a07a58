#pragma once
/// Which database a suite that runs on both is to use: SQLite, or, with STRATA_TEST_DATABASE=postgres,
/// a database of the shared server for each file that SQLite would have had.
/// Threads: one.

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

/// The name of the database that stands for `file`.
inline const std::string& postgres_database_of(const std::string& file) {
  static std::map<std::string, std::string> names;
  auto& name = names[file];
  if (name.empty()) name = shared_postgres().create_database();
  return name;
}

/// What `--database` is for `file`.
inline std::string chosen_url(const std::string& file) {
  return postgres_chosen() ? shared_postgres().url(postgres_database_of(file)) : "sqlite:" + file;
}

/// Opens the chosen database that stands for `file`.
inline result<std::shared_ptr<database>> open_chosen(const std::string& file) {
  return postgres_chosen() ? open_postgres({.url = chosen_url(file)}) : open_sqlite({.file = file});
}

}  // namespace strata::test
