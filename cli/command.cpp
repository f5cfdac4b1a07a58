#include "cli/command.hpp"

#include "gateway/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace strata::cli {

registry::registry(const program_input& input) : input_(input) {
  app_.require_subcommand(1);
}

std::optional<loaded_config> registry::load_config(
    const std::string& file, std::vector<std::pair<std::string, std::string>> flags) const {
  auto loaded = read_config(file, std::move(flags));
  if (loaded) return std::move(*loaded);
  for (const auto& each : loaded.error()) print_error(each);
  return std::nullopt;
}

std::expected<loaded_config, config_problems> registry::read_config(
    const std::string& file, std::vector<std::pair<std::string, std::string>> flags) const {
  config_sources sources{.environment = input_.environment, .flags = std::move(flags)};
  if (!file.empty()) sources.file = file;
  return strata::cli::load(defaults_, sources);
}

std::string registry::unknown_command(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& each : commands_) names.push_back(each.first->get_name());
  const auto near = nearest(name, names);
  return fmt::format("there is no command \"{}\"{}; strata help lists them", name,
                     near.empty() ? "" : fmt::format("; did you mean {}?", near));
}

int registry::run() {
  const auto given = std::ranges::find_if(commands_, [](const auto& each) { return each.first->parsed(); });
  return given == commands_.end() ? int{exit_wrong_use} : given->second->run();
}

void config_flags::add_config_file(CLI::App& to) {
  add_config_flag(to, file_);
}

void config_flags::add_settings(CLI::App& to, const registry& program, const filter& selects) {
  for (const auto& each : program.settings()) {
    if (!selects(each)) continue;
    auto& value = values_.emplace_back(each.key, std::string());
    CLI::Option* option = each.kind == setting_kind::yes_no
                              ? to.add_flag(each.flag(), value.second, each.help)
                              : to.add_option(each.flag(), value.second, each.help)->type_name("TEXT");
    option->take_last();
    // Forty more lines would hide the rest; `help` names them in its footer.
    if (each.of_an_entity()) option->group("");
    options_.push_back(option);
  }
}

std::optional<loaded_config> config_flags::load(const registry& program) const {
  return program.load_config(file_, given());
}

std::expected<loaded_config, config_problems> config_flags::read(const registry& program) const {
  return program.read_config(file_, given());
}

std::vector<std::pair<std::string, std::string>> config_flags::given() const {
  std::vector<std::pair<std::string, std::string>> found;
  for (std::size_t i = 0; i < options_.size(); ++i) {
    if (options_[i]->count() > 0) found.push_back(values_[i]);
  }
  return found;
}

bool is_database_setting(const setting& each) {
  return each.key == "database" || each.key.starts_with("sqlite.") || each.key.starts_with("postgres.");
}

void admin_flags::add(CLI::App& to) {
  to.add_option("--admin", url_, "the gateway's admin listener; default as configured, 127.0.0.1:9090")
      ->type_name("URL");
  to.add_option("--admin-token", token_,
                "its bearer token; better set STRATA_ADMIN_TOKEN, which ps does not show")
      ->type_name("TEXT");
  add_config_flag(to, file_);
}

std::optional<admin_address> admin_flags::resolve(const registry& program) const {
  std::vector<std::pair<std::string, std::string>> flags;
  if (!token_.empty()) flags.emplace_back("admin_token", token_);
  std::optional<gateway::endpoint> given;
  if (!url_.empty()) {
    const auto parsed = gateway::parse_url(url_);
    if (!parsed) {
      print_error("--admin: " + parsed.error().detail);
      return std::nullopt;
    }
    given = *parsed;
  }
  const auto loaded = program.load_config(file_, std::move(flags));
  if (!loaded) return std::nullopt;
  return admin_address{.url = given ? to_text(*given) : loaded->values.admin,
                       .token = loaded->values.admin_token};
}

CLI::Option* add_config_flag(CLI::App& to, std::string& file) {
  return to.add_option("--config", file, "configuration file; default strata.toml, if it is there")
      ->type_name("FILE");
}

CLI::Option* add_json_flag(CLI::App& to, bool& json) {
  return to.add_flag("--json", json, "print JSON, for programs");
}

std::vector<std::string> long_flags(const CLI::App& of) {
  std::vector<std::string> names;
  for (const auto* each : of.get_options()) {
    for (const auto& name : each->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

void print_error(std::string_view line) {
  fmt::print(stderr, "strata: {}\n", line);
}

}  // namespace strata::cli
