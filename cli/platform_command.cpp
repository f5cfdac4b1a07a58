#include "cli/platform_command.hpp"

#include <fmt/format.h>

namespace strata::cli {

void platform_command::add_flags(CLI::App& flags, std::initializer_list<CLI::App*> subcommands,
                                 bool (*wanted)(const setting& each)) {
  for (auto* each : subcommands) {
    config_.add_config_file(*each);
    config_.add_settings(*each, program_, wanted);
    add_json_flag(*each, json_);
  }
  flags.require_subcommand(1);
}

int platform_command::run() {
  const auto loaded = config_.load(program_);
  if (!loaded) return exit_wrong_use;
  if (const auto prepared = prepare(); !prepared) return failed(prepared.error().detail);
  auto opened = opened_platform::open(loaded->values);
  if (!opened) return failed(opened.error().detail);
  return run_on((*opened)->app());
}

int platform_command::failed(std::string_view why) const {
  print_error(fmt::format("{}: {}", name_, why));
  return exit_failed;
}

int platform_command::print(const std::string& as_json, const std::string& as_text) const {
  fmt::print("{}\n", json_ ? as_json : as_text);
  return exit_ok;
}

}  // namespace strata::cli
