#include "cli/opened_platform.hpp"
#include "platform/accounts.hpp"

#include <fmt/format.h>
#include <strata/json.hpp>

#include <boost/describe.hpp>

namespace strata::cli {

namespace {

/// An organization in the output of --json.
struct shown_organization {
  std::string id, name, plan;
  bool is_active = true;
  std::string created_at;
};
BOOST_DESCRIBE_STRUCT(shown_organization, (), (id, name, plan, is_active, created_at))

shown_organization shown(const platform::organization& from) {
  return {from.id, from.name, from.plan, from.is_active, from.created_at};
}

int failed(const std::string& what) {
  print_error("org: " + what);
  return exit_failed;
}

/// Adds and lists organizations: `strata org add|list`.
class org_command final : public command {
 public:
  org_command(CLI::App& flags, const registry& program) : program_(program) {
    add_ = flags.add_subcommand("add", "add an organization");
    add_->add_option("NAME", name_, "its name")->required();
    add_->add_option("--plan", plan_, "free, pro or enterprise")->capture_default_str();
    list_ = flags.add_subcommand("list", "list organizations");
    for (auto* each : {add_, list_}) {
      config_.add_config_file(*each);
      config_.add_settings(*each, program, is_database_setting);
      add_json_flag(*each, json_);
    }
    flags.require_subcommand(1);
  }

  int run() override {
    const auto loaded = config_.load(program_);
    if (!loaded) return exit_wrong_use;
    auto opened = opened_platform::open(loaded->values);
    if (!opened) return failed(opened.error().detail);
    auto& app = (*opened)->app();
    return add_->parsed() ? add(app) : list(app);
  }

 private:
  int add(platform::app& app) const {
    const auto made = sync_wait(platform::add_organization(app, name_, plan_));
    if (!made) return failed(made.error().detail);
    if (json_) {
      fmt::print("{}\n", json::text_of(shown(*made)));
    } else {
      fmt::print("organization {} added\n", made->id);
    }
    return exit_ok;
  }

  int list(platform::app& app) const {
    const auto found = sync_wait(platform::list_organizations(app));
    if (!found) return failed(found.error().detail);
    if (json_) {
      std::vector<shown_organization> all;
      for (const auto& each : *found) all.push_back(shown(each));
      fmt::print("{}\n", json::text_of(all));
      return exit_ok;
    }
    for (const auto& each : *found) {
      fmt::print("{}  {}{}  {}\n", each.id, each.plan, each.is_active ? "" : " (inactive)", each.name);
    }
    return exit_ok;
  }

  const registry& program_;
  config_flags config_;
  CLI::App* add_ = nullptr;
  CLI::App* list_ = nullptr;
  std::string name_, plan_ = "free";
  bool json_ = false;
};

}  // namespace

void add_org(registry& to) {
  to.add<org_command>("org", "add and list organizations");
}

}  // namespace strata::cli
