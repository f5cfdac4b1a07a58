// help and version: the commands about the program itself.

#include "cli/command.hpp"
#include "gateway/gateway.hpp"

#include <fmt/format.h>

namespace strata::cli {

namespace {

class version_command final : public command {
 public:
  version_command(CLI::App&, const registry&) {}

  int run() override {
    fmt::print("strata {}\n", gateway::version());
    return exit_ok;
  }
};

class help_command final : public command {
 public:
  help_command(CLI::App& flags, registry& program) : program_(program) {
    flags.add_option("COMMAND", name_, "a command");
  }

  int run() override {
    auto& app = program_.app();
    if (name_.empty()) {
      fmt::print("{}", app.get_formatter()->make_help(&app, "strata", CLI::AppFormatMode::Normal));
      return exit_ok;
    }
    const auto known = app.get_subcommands([&](const CLI::App* each) { return each->get_name() == name_; });
    if (known.empty()) {
      print_error(program_.unknown_command(name_));
      return exit_wrong_use;
    }
    fmt::print("{}", known.front()->help("strata", CLI::AppFormatMode::All));
    return exit_ok;
  }

 private:
  registry& program_;
  std::string name_;  // empty: the program's own help
};

}  // namespace

void add_version(registry& to) {
  to.add<version_command>("version", "print the version");
}

void add_help(registry& to) {
  to.add<help_command>("help", "print how the program or a command is used");
}

}  // namespace strata::cli
