#include <strata/open_database.hpp>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace strata {

namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";

/// SQLite's own error does not say that the folder is missing.
result<void> check_folder(const std::string& file) {
  const auto folder = std::filesystem::path(file).parent_path();
  std::error_code ignored;
  if (folder.empty() || std::filesystem::is_directory(folder, ignored)) return {};
  return fail(errc::database_unavailable, "the folder " + folder.string() + " does not exist");
}

}  // namespace

result<database_kind> database_kind_of(std::string_view url) {
  if (url.starts_with(sqlite_scheme) && url.size() > sqlite_scheme.size()) return database_kind::sqlite;
  if (url.starts_with("postgres://") || url.starts_with("postgresql://")) return database_kind::postgres;
  return fail(errc::invalid_argument,
              "is not a known database; known are sqlite:FILE, e.g. sqlite:strata.db, and "
              "postgres://USER@HOST/DATABASE");
}

result<std::shared_ptr<database>> open_database(std::string_view url, database_options options) {
  const auto kind = database_kind_of(url);
  if (!kind) return fail(kind.error().code, "the URL " + kind.error().detail);
  if (*kind == database_kind::postgres) {
    options.postgres.url = url;
    return open_postgres(std::move(options.postgres));
  }
  options.sqlite.file = url.substr(sqlite_scheme.size());
  if (auto found = check_folder(options.sqlite.file); !found)
    return std::unexpected(std::move(found.error()));
  return open_sqlite(std::move(options.sqlite));
}

}  // namespace strata
