#pragma once
/// A command of the program, and what commands share: settings, flags, the address of a running gateway.
/// Threads: one.

#include "cli/load.hpp"
#include "cli/program.hpp"
#include "cli/settings.hpp"

#include <CLI/CLI.hpp>

#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::cli {

/// One command. Its constructor adds its flags, which write into its members.
class command {
 public:
  command() = default;
  virtual ~command() = default;
  command(const command&) = delete;
  command& operator=(const command&) = delete;

  /// Runs it with the flags that were given. Returns the exit status.
  virtual int run() = 0;
};

/// The program's commands, and the input that they all read.
class registry {
 public:
  /// Lifetime: `input` outlives the registry.
  explicit registry(const program_input& input);

  /// Adds a command; help lists them in the order added. `Command` is constructed with its own CLI::App and
  /// this registry.
  template <class Command>
  void add(const std::string& name, const std::string& help) {
    auto& flags = *app_.add_subcommand(name, help);
    commands_.emplace_back(&flags, std::make_unique<Command>(flags, *this));
  }

  CLI::App& app() noexcept { return app_; }
  const program_input& input() const noexcept { return input_; }
  const std::vector<setting>& settings() const noexcept { return settings_; }

  /// The configuration in force with these flags; nothing if it has problems, which are printed.
  std::optional<loaded_config> load_config(const std::string& file,
                                           std::vector<std::pair<std::string, std::string>> flags) const;

  /// The same, with the problems as lines instead of printing them.
  std::expected<loaded_config, config_problems> read_config(
      const std::string& file, std::vector<std::pair<std::string, std::string>> flags) const;

  /// The sentence about a command that does not exist, with the nearest one that does.
  std::string unknown_command(const std::string& name) const;

  /// Runs the command that was given. Requires: the arguments are parsed.
  int run();

 private:
  const program_input& input_;
  const gateway::config defaults_ = gateway::default_config();
  const std::vector<setting> settings_ = strata::cli::settings(defaults_);
  CLI::App app_{"Layered caching, and the gateway of an AI agent platform that proves it.", "strata"};
  std::vector<std::pair<CLI::App*, std::unique_ptr<command>>> commands_;
};

/// `--config FILE` and the flags of some settings.
class config_flags {
 public:
  /// Selects the settings that have flags.
  using filter = std::function<bool(const setting&)>;

  void add_config_file(CLI::App& to);
  void add_settings(CLI::App& to, const registry& program, const filter& selects);
  std::optional<loaded_config> load(const registry& program) const;
  /// The same, with the problems as lines instead of printing them.
  std::expected<loaded_config, config_problems> read(const registry& program) const;

 private:
  std::vector<std::pair<std::string, std::string>> given() const;

  std::string file_;
  std::deque<std::pair<std::string, std::string>> values_;  // CLI11 keeps references
  std::vector<CLI::Option*> options_;
};

/// Selects what opens the database.
bool is_database_setting(const setting& each);

/// A running gateway's admin listener.
struct admin_address {
  std::string url;
  std::string token;
};

/// `--admin`, `--admin-token` and `--config`.
class admin_flags {
 public:
  void add(CLI::App& to);
  /// Nothing if a flag or the configuration has a problem, which is printed.
  std::optional<admin_address> resolve(const registry& program) const;

 private:
  std::string url_;
  std::string token_;
  std::string file_;
};

CLI::Option* add_config_flag(CLI::App& to, std::string& file);
CLI::Option* add_json_flag(CLI::App& to, bool& json);

/// "--listen" of every option that has a long name.
std::vector<std::string> long_flags(const CLI::App& of);

/// Prints "strata: LINE" to stderr.
void print_error(std::string_view line);

// What commands/ holds, one file each.
void add_serve(registry& to);
void add_import(registry& to);
void add_get(registry& to);
void add_explain(registry& to);
void add_invalidate(registry& to);
void add_stats(registry& to);
void add_key(registry& to);
void add_edge(registry& to);
void add_db(registry& to);
void add_lint(registry& to);
void add_org(registry& to);
void add_user(registry& to);
void add_sessions(registry& to);
void add_bench(registry& to);
void add_completion(registry& to);
void add_version(registry& to);
void add_help(registry& to);

}  // namespace strata::cli
