#pragma once
/// Where a server is and how it is reached, from `postgres_options` to libpq's keywords.
/// Threads: immutable once made.

#include <strata/database.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace strata::detail {

class server_address {
 public:
  enum class role { reading, writing };

  /// Requires: `problems_of(options)` is empty.
  explicit server_address(const postgres_options& options);

  /// libpq's keywords and their values for a connection that reads or writes, each ended by null.
  struct keywords {
    std::vector<const char*> names;
    std::vector<const char*> values;
  };
  keywords for_role(role as) const;

  /// `text` without the password, should a message of libpq ever quote it.
  std::string without_password(std::string text) const;

 private:
  void set(std::string_view name, std::string value);

  std::vector<std::pair<std::string, std::string>> settings_;
  std::string reading_options_;
  std::string writing_options_;
  std::string reading_target_;  ///< empty: as given
  std::string password_;
};

/// Everything that is wrong with `options`, without quoting what may hold a password.
std::vector<std::string> problems_of(const postgres_options& options);

}  // namespace strata::detail
