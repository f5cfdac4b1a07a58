#pragma once
/// Base of the commands that change the platform in the configured database: `strata org|user|sessions`.
/// Threads: one; blocking.

#include "cli/command.hpp"
#include "cli/opened_platform.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

namespace strata::cli {

class platform_command : public command {
 public:
  /// Reads the configuration, prepares, opens the database and runs.
  int run() final;

 protected:
  /// Lifetime: `name` is static text.
  platform_command(std::string_view name, const registry& program) : name_(name), program_(program) {}

  /// Gives each of `subcommands` the configuration's file, the settings that `wanted` selects, and --json;
  /// one of them must be given.
  void add_flags(CLI::App& flags, std::initializer_list<CLI::App*> subcommands,
                 bool (*wanted)(const setting& each));

  /// What comes before the database is opened. Errors: what is wrong.
  virtual result<void> prepare() { return {}; }
  virtual int run_on(platform::app& app) = 0;

  /// Prints why the command failed.
  int failed(std::string_view why) const;
  /// Prints one of the two lines.
  int print(const std::string& as_json, const std::string& as_text) const;
  bool wants_json() const noexcept { return json_; }

 private:
  const std::string_view name_;
  const registry& program_;
  config_flags config_;
  bool json_ = false;
};

}  // namespace strata::cli
