#pragma once
/// The platform over the configured database, for commands that change it directly.
/// Threads: one.

#include "cli/command.hpp"
#include "platform/app.hpp"

#include <strata/database.hpp>
#include <strata/error.hpp>

#include <memory>
#include <string>

namespace strata::cli {

/// Running gateways learn of its changes as of any other program's: by the relay of PostgreSQL, or by looking
/// at SQLite's file.
class opened_platform {
 public:
  /// Opens the database and brings its tables up to date. Errors: what to mend.
  static result<std::unique_ptr<opened_platform>> open(const gateway::config& values);
  ~opened_platform();

  platform::app& app() noexcept { return *app_; }

 private:
  opened_platform() = default;
  std::shared_ptr<database> source_;
  std::shared_ptr<cache> cache_;
  std::unique_ptr<platform::app> app_;
};

/// Selects what opens the database and what hashes passwords.
bool is_account_setting(const setting& each);

/// The first line of standard input. On a terminal, asks for it and does not show it.
/// Errors: invalid_argument if there is none.
result<std::string> read_password();

}  // namespace strata::cli
