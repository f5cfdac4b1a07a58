#pragma once
/// Databases from a URL, as open.hpp opens stores.
/// Threads: any.
///
///   auto source = strata::open_database("sqlite:strata.db");

#include <strata/database.hpp>
#include <strata/error.hpp>

#include <memory>
#include <string_view>

namespace strata {

enum class database_kind { sqlite, postgres };

/// The kind of database that `url` names. Errors: invalid_argument with the forms that are known.
result<database_kind> database_kind_of(std::string_view url);

/// Options for each kind of database; `open_database` uses those of the kind that the URL names.
struct database_options {
  sqlite_options sqlite;      ///< `file` comes from the URL
  postgres_options postgres;  ///< `url` comes from the URL
};

/// Opens the database at `url`.
///
///   sqlite:FILE                                       created if missing; its folder must exist
///   postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE    as libpq reads it; postgresql:// is the same
///
/// Throws bad_options that names every problem of the options used.
/// Errors: invalid_argument for any other URL; as `open_sqlite` and `open_postgres`.
result<std::shared_ptr<database>> open_database(std::string_view url, database_options options = {});

}  // namespace strata
