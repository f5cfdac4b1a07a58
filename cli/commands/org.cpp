#include "cli/platform_command.hpp"
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

/// Adds and lists organizations: `strata org add|list`.
class org_command final : public platform_command {
 public:
  org_command(CLI::App& flags, const registry& program) : platform_command("org", program) {
    add_ = flags.add_subcommand("add", "add an organization");
    add_->add_option("NAME", name_, "its name")->required();
    add_->add_option("--plan", plan_, "free, pro or enterprise")->capture_default_str();
    list_ = flags.add_subcommand("list", "list organizations");
    add_flags(flags, {add_, list_}, is_database_setting);
  }

 private:
  int run_on(platform::app& app) override { return add_->parsed() ? add(app) : list(app); }

  int add(platform::app& app) const {
    const auto made = sync_wait(platform::add_organization(app, name_, plan_));
    if (!made) return failed(made.error().detail);
    return print(json::text_of(shown(*made)), fmt::format("organization {} added", made->id));
  }

  int list(platform::app& app) const {
    const auto found = sync_wait(platform::list_organizations(app));
    if (!found) return failed(found.error().detail);
    if (wants_json()) {
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

  CLI::App* add_ = nullptr;
  CLI::App* list_ = nullptr;
  std::string name_, plan_ = "free";
};

}  // namespace

void add_org(registry& to) {
  to.add<org_command>("org", "add and list organizations");
}

}  // namespace strata::cli
