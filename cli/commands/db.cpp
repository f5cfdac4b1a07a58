#include "cli/command.hpp"
#include "cli/outbox_view.hpp"
#include "gateway/gateway.hpp"
#include "platform/changes.hpp"

#include <fmt/format.h>
#include <strata/json.hpp>
#include <strata/outbox.hpp>
#include <strata/task.hpp>

#include <boost/describe.hpp>

#include <map>
#include <string_view>
#include <utility>

namespace strata::cli {

namespace {

struct installed_table {
  std::string table;
  bool changed = false;
};
BOOST_DESCRIBE_STRUCT(installed_table, (), (table, changed))

int failed(std::string_view subcommand, const error& why) {
  print_error(fmt::format("db {}: {}", subcommand, why.detail));
  return why.code == errc::invalid_argument ? exit_wrong_use : exit_failed;
}

std::map<std::string, trigger_level> trigger_levels() {
  std::map<std::string, trigger_level> out;
  for (const auto each : {trigger_level::automatic, trigger_level::row, trigger_level::statement}) {
    out.emplace(name(each), each);
  }
  return out;
}

/// Installs, removes and shows the outbox's triggers.
class db_command final : public command {
 public:
  db_command(CLI::App& flags, const registry& program) : program_(program) {
    flags.require_subcommand(1);
    flags.fallthrough();
    config_.add_config_file(flags);
    config_.add_settings(flags, program, [](const setting& each) {
      return is_database_setting(each) || each.key == "outbox.limit";
    });
    add_json_flag(flags, json_);
    add_install(flags);
    add_uninstall(flags);
    flags.add_subcommand("status", "show which tables are installed, and which relays are active")
        ->fallthrough();
    flags.footer(
        "Patterns name the table's columns in braces. Every cache then sees what other programs write: a\n"
        "relay in each gateway reads the recorded changes.");
  }

  int run() override {
    const auto loaded = config_.load(program_);
    if (!loaded) return exit_wrong_use;
    if (install_->parsed()) return install(loaded->values);
    if (uninstall_->parsed()) return uninstall(loaded->values);
    return show(loaded->values);
  }

 private:
  void add_install(CLI::App& flags) {
    install_ = flags.add_subcommand("install", "make the triggers of a table, or change what they record");
    install_->fallthrough();
    install_->add_option("TABLE", rule_.table, "as in SQL: agents, sales.orders");
    install_->add_flag("--platform", platform_, "the platform's own tables, as serve does");
    install_->add_option("--key", rule_.keys, "keys that a change removes, e.g. agent:{id}")
        ->type_name("PATTERN");
    install_
        ->add_option("--prefix", rule_.prefixes, "every key below, e.g. api:agents:list:{organization_id}")
        ->type_name("PATTERN");
    install_
        ->add_option("--tag", rule_.tags, "every key that carries it, e.g. organization-{organization_id}")
        ->type_name("PATTERN");
    install_
        ->add_option("--event", rule_.event,
                     "also publish an event: agent gives agent.created, .updated, .deleted")
        ->type_name("NAME");
    install_
        ->add_option("--level", rule_.level,
                     "when triggers run; default by statement, where a statement trigger sees every change")
        ->transform(CLI::CheckedTransformer(trigger_levels()));
  }

  void add_uninstall(CLI::App& flags) {
    uninstall_ = flags.add_subcommand("uninstall", "remove the triggers of a table");
    uninstall_->fallthrough();
    uninstall_->add_option("TABLE", removed_table_, "as in SQL");
    uninstall_->add_flag("--all", remove_all_, "of every table, and the outbox itself");
  }

  /// The rules to install. Errors: invalid_argument.
  result<std::vector<outbox_rule>> rules() const {
    if (platform_) {
      if (!rule_.table.empty()) {
        return fail(errc::invalid_argument, "--platform installs the platform's own tables; name no other");
      }
      return platform::outbox_rules();
    }
    if (rule_.table.empty()) {
      return fail(errc::invalid_argument, "name a table, or --platform for the platform's own");
    }
    return std::vector<outbox_rule>{rule_};
  }

  int install(const gateway::config& values) const {
    auto wanted = rules();
    if (!wanted) return failed("install", wanted.error());
    const outbox_options options{.limit = values.outbox.limit};
    auto target = gateway::open_database(values);
    if (!target) return failed("install", target.error());
    std::vector<installed_table> installed;
    for (auto& rule : *wanted) {
      auto table = rule.table;
      auto done = sync_wait(install_outbox(**target, std::move(rule), options));
      if (!done) {
        return failed("install",
                      error{.code = done.error().code, .detail = table + ": " + done.error().detail});
      }
      installed.push_back({std::move(table), *done});
    }
    if (json_) {
      fmt::print("{}\n", json::text_of(installed));
      return exit_ok;
    }
    for (const auto& each : installed) {
      fmt::print("{}: {}\n", each.table,
                 each.changed ? "installed" : "is installed already; nothing changed");
    }
    return exit_ok;
  }

  int uninstall(const gateway::config& values) const {
    if (removed_table_.empty() != remove_all_) {
      return failed("uninstall", error{.code = errc::invalid_argument, .detail = "name a table, or --all"});
    }
    auto target = gateway::open_database(values);
    if (!target) return failed("uninstall", target.error());
    const auto done =
        sync_wait(remove_all_ ? uninstall_outbox(**target) : uninstall_outbox(**target, removed_table_));
    if (!done) return failed("uninstall", done.error());
    if (json_) {
      std::string out = R"({"table":)";
      if (remove_all_) {
        out += "null";
      } else {
        out += json::text_of(removed_table_);
      }
      fmt::print("{},\"removed\":true}}\n", out);
    } else {
      fmt::print("{}\n", remove_all_ ? "removed the whole outbox" : removed_table_ + ": removed");
    }
    return exit_ok;
  }

  int show(const gateway::config& values) const {
    auto target = gateway::open_database(values);
    if (!target) return failed("status", target.error());
    const auto found = sync_wait(status_of_outbox(**target));
    if (!found) return failed("status", found.error());
    fmt::print("{}\n", json_ ? outbox_json(*found) : outbox_view(*found));
    return exit_ok;
  }

  const registry& program_;
  config_flags config_;
  CLI::App* install_ = nullptr;
  CLI::App* uninstall_ = nullptr;
  outbox_rule rule_;
  bool platform_ = false;  // the platform's own tables instead
  std::string removed_table_;
  bool remove_all_ = false;  // every table, and the outbox itself
  bool json_ = false;
};

}  // namespace

void add_db(registry& to) {
  to.add<db_command>("db", "have PostgreSQL record changes to its tables");
}

}  // namespace strata::cli
