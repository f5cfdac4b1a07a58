#include "cli/commands.hpp"
#include "cli/outbox_view.hpp"
#include "cli/program.hpp"
#include "gateway/gateway.hpp"
#include "platform/changes.hpp"

#include <fmt/format.h>
#include <strata/json.hpp>
#include <strata/outbox.hpp>
#include <strata/task.hpp>

#include <boost/describe.hpp>

#include <string_view>
#include <utility>

namespace strata::cli {

namespace {

struct told_install {
  std::string table;
  bool changed = false;
};
BOOST_DESCRIBE_STRUCT(told_install, (), (table, changed))

int failed(std::string_view command, const error& why) {
  fmt::print(stderr, "strata: db {}: {}\n", command, why.detail);
  return why.code == errc::invalid_argument ? exit_wrong_use : exit_failed;
}

/// The rules that `what` asks for. Errors: invalid_argument.
result<std::vector<outbox_rule>> rules_of(const outbox_install_request& what) {
  if (what.platform) {
    if (!what.rule.table.empty()) {
      return fail(errc::invalid_argument, "--platform installs the platform's own tables; name no other");
    }
    return platform::outbox_rules();
  }
  if (what.rule.table.empty()) {
    return fail(errc::invalid_argument, "name a table, or --platform for the platform's own");
  }
  return std::vector<outbox_rule>{what.rule};
}

}  // namespace

int install_outbox(const loaded_config& loaded, const outbox_install_request& what) {
  auto rules = rules_of(what);
  if (!rules) return failed("install", rules.error());
  const outbox_options options{.limit = loaded.values.outbox.limit};
  auto target = open_database(loaded.values);
  if (!target) return failed("install", target.error());
  std::vector<told_install> told;
  for (auto& rule : *rules) {
    auto table = rule.table;
    auto done = sync_wait(strata::install_outbox(**target, std::move(rule), options));
    if (!done) {
      return failed("install",
                    error{.code = done.error().code, .detail = table + ": " + done.error().detail});
    }
    told.push_back({std::move(table), *done});
  }
  if (what.json) {
    fmt::print("{}\n", json::text_of(told));
    return exit_ok;
  }
  for (const auto& each : told) {
    fmt::print("{}: {}\n", each.table, each.changed ? "installed" : "is installed already; nothing changed");
  }
  return exit_ok;
}

int uninstall_outbox(const loaded_config& loaded, const outbox_uninstall_request& what) {
  if (what.table.empty() != what.all) {
    return failed("uninstall", error{.code = errc::invalid_argument, .detail = "name a table, or --all"});
  }
  auto target = open_database(loaded.values);
  if (!target) return failed("uninstall", target.error());
  const auto done = sync_wait(what.all ? strata::uninstall_outbox(**target)
                                       : strata::uninstall_outbox(**target, what.table));
  if (!done) return failed("uninstall", done.error());
  if (what.json) {
    std::string out = R"({"table":)";
    if (what.all) {
      out += "null";
    } else {
      json::append_string(out, what.table);
    }
    fmt::print("{},\"removed\":true}}\n", out);
  } else {
    fmt::print("{}\n", what.all ? "removed everything of the outbox" : what.table + ": removed");
  }
  return exit_ok;
}

int show_outbox(const loaded_config& loaded, bool as_json) {
  auto target = open_database(loaded.values);
  if (!target) return failed("status", target.error());
  const auto found = sync_wait(status_of_outbox(**target));
  if (!found) return failed("status", found.error());
  fmt::print("{}\n", as_json ? outbox_json(*found) : outbox_view(*found));
  return exit_ok;
}

}  // namespace strata::cli
