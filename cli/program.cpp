/// The commands of the program and their flags. Long because each command declares its flags here.

#include "cli/program.hpp"

#include "cli/commands.hpp"
#include "cli/load.hpp"
#include "cli/settings.hpp"
#include "gateway/endpoint.hpp"
#include "gateway/gateway.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <strata/trace.hpp>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <map>
#include <optional>

namespace strata::cli {

namespace {

void complain(const std::string& line) {
  fmt::print(stderr, "strata: {}\n", line);
}

/// The flags of some settings on one command, and what was given for them.
class setting_flags {
 public:
  template <class Wanted>
  setting_flags(CLI::App& command, const std::vector<setting>& table, Wanted wanted) {
    for (const auto& each : table) {
      if (!wanted(each)) continue;
      auto& given = given_.emplace_back(each.key, std::string());
      CLI::Option* option = each.kind == setting_kind::yes_no
                                ? command.add_flag(each.flag(), given.second, each.help)
                                : command.add_option(each.flag(), given.second, each.help)->type_name("TEXT");
      option->take_last();
      // Forty more lines would hide the rest; `help` names them in its footer.
      if (each.of_an_entity()) option->group("");
      options_.push_back(option);
    }
  }

  std::vector<std::pair<std::string, std::string>> given() const {
    std::vector<std::pair<std::string, std::string>> out;
    for (std::size_t i = 0; i < options_.size(); ++i) {
      if (options_[i]->count() > 0) out.push_back(given_[i]);
    }
    return out;
  }

 private:
  std::deque<std::pair<std::string, std::string>> given_;  // CLI11 keeps references
  std::vector<CLI::Option*> options_;
};

class program {
 public:
  explicit program(const program_input& input) : input_(input) {
    app_.name("strata");
    app_.require_subcommand(1);
    app_.set_version_flag("--version", gateway::version());
    define_serve();
    define_import();
    define_get();
    define_explain();
    define_invalidate();
    define_stats();
    define_key();
    define_db();
    define_bench();
    define_completion();
    command("version", "print the version", [] {
      fmt::print("strata {}\n", gateway::version());
      return exit_ok;
    });
    define_help();
  }

  int run() {
    auto reversed = input_.arguments;
    std::ranges::reverse(reversed);
    try {
      app_.parse(std::move(reversed));
    } catch (const CLI::Success& wanted) {  // --help, --version
      return app_.exit(wanted);
    } catch (const CLI::ParseError& wrong) {
      return refuse(wrong);
    }
    for (const auto& [name, action] : actions_) {
      if (app_.got_subcommand(name)) return action();
    }
    return exit_wrong_use;
  }

 private:
  CLI::App& command(const std::string& name, const std::string& help, std::function<int()> action) {
    actions_.emplace_back(name, std::move(action));
    return *app_.add_subcommand(name, help);
  }

  std::optional<loaded_config> configured(std::vector<std::pair<std::string, std::string>> flags) {
    config_sources sources{.environment = input_.environment, .flags = std::move(flags)};
    if (!config_file_.empty()) sources.file = config_file_;
    auto loaded = load(defaults_, sources);
    if (loaded) return std::move(*loaded);
    for (const auto& each : loaded.error()) complain(each);
    return std::nullopt;
  }

  void add_config_file(CLI::App& to) {
    to.add_option("--config", config_file_, "configuration file; default strata.toml, if it is there")
        ->type_name("FILE");
  }

  void define_serve() {
    auto& serve_command = command("serve", "serve the platform's API", [this] {
      const auto loaded = configured(serve_flags_->given());
      if (!loaded) return int{exit_wrong_use};
      if (print_config_) {
        fmt::print("{}", json_ ? print_config_json(*loaded) : print_config(*loaded));
        return int{exit_ok};
      }
      return serve(*loaded);
    });
    add_config_file(serve_command);
    serve_flags_.emplace(serve_command, table_, [](const setting&) { return true; });
    serve_command.add_flag("--print-config", print_config_,
                           "print what is in force and where it came from, and end");
    add_json(serve_command)->needs("--print-config");
    serve_command.footer(
        "Each flag is also a key of strata.toml and a variable: --limits-body, "
        "[limits] body, "
        "STRATA_LIMITS_BODY.\n"
        "Entities' policies: --entity-NAME-ttl, -fail-safe, -hard-timeout and "
        "more; see --print-config for "
        "the names.");
  }

  void define_import() {
    auto& import_command = command("import", "write the records of a file into the database", [this] {
      const auto loaded = configured(import_flags_->given());
      return loaded ? import_records(*loaded, {.file = argument_, .json = json_}) : int{exit_wrong_use};
    });
    import_command
        .add_option("FILE", argument_,
                    "JSON Lines of entities, or an MCP registry export; - is "
                    "standard input")
        ->required();
    add_config_file(import_command);
    import_flags_.emplace(import_command, table_, of_database);
    add_json(import_command);
  }

  void define_get() {
    auto& get_command = command("get", "show what the cache holds under a key", [this] {
      return with_admin([&](const admin_address& admin) { return get_key(admin, argument_, json_); });
    });
    get_command.add_option("KEY", argument_, "e.g. agent:agt_1")->required();
    add_admin(get_command);
  }

  void define_explain() {
    auto& explain_command =
        command("explain", "show where a key stands and what the next read will do", [this] {
          return with_admin([&](const admin_address& admin) { return explain_key(admin, argument_, json_); });
        });
    explain_command.add_option("KEY", argument_, "e.g. agent:agt_1")->required();
    add_admin(explain_command);
  }

  void define_invalidate() {
    auto& invalidate_command = command("invalidate", "remove keys from every cache layer", [this] {
      const auto& what = removed_;
      if (what.keys.empty() && what.tags.empty() && what.prefixes.empty() && what.patterns.empty()) {
        complain(
            "invalidate: nothing is named; give --key, --tag, "
            "--prefix or --pattern");
        return int{exit_wrong_use};
      }
      return with_admin([&](const admin_address& admin) {
        removed_.json = json_;
        return invalidate(admin, removed_);
      });
    });
    invalidate_command.add_option("--key", removed_.keys, "keys to remove")->type_name("KEY");
    invalidate_command.add_option("--tag", removed_.tags, "every key that carries the tag")->type_name("TAG");
    invalidate_command
        .add_option("--prefix", removed_.prefixes, "every key that is the prefix or continues it at a :")
        ->type_name("PREFIX");
    invalidate_command.add_option("--pattern", removed_.patterns, "every key that matches the glob")
        ->type_name("GLOB");
    invalidate_command.add_flag("--soft", removed_.soft,
                                "expire instead of remove: what may be served stale still is; of patterns "
                                "only * and PREFIX:*");
    add_admin(invalidate_command);
  }

  void define_stats() {
    auto& stats_command = command("stats", "show hits, misses and sizes", [this] {
      return with_admin([&](const admin_address& admin) {
        stats_request what{.json = json_};
        if (watch_option_->count() > 0) what.watch = watch_interval_ == "true" ? "1s" : watch_interval_;
        return show_stats(admin, what);
      });
    });
    watch_option_ =
        stats_command.add_flag("--watch", watch_interval_, "show again every second, or --watch=5s");
    add_admin(stats_command);
  }

  void define_key() {
    auto& key_command =
        command("key", "make a key that encrypts sensitive values", [this] { return new_key(key_); });
    auto& new_command = *key_command.add_subcommand("new", "make a key: 32 random bytes with an id");
    new_command.add_option("FILE", key_.file,
                           "encryption.keys_file to add it to, made if it is not there; none: print it");
    new_command.add_option("--id", key_.id, "its id; default one more than the largest in FILE, or 1")
        ->check(CLI::PositiveNumber);
    key_command.require_subcommand(1);
    key_command.footer(
        "The first key of a file writes, all of them read. To rotate: add a key, start every gateway anew,\n"
        "then let it write with encryption.active, or by moving it to the file's first line.");
  }

  void define_db() {
    auto& db = command("db", "have PostgreSQL write down what is changed in its tables", [this] {
      const auto loaded = configured(db_flags_->given());
      if (!loaded) return int{exit_wrong_use};
      installed_.json = uninstalled_.json = json_;
      if (db_install_->parsed()) return install_outbox(*loaded, installed_);
      if (db_uninstall_->parsed()) return uninstall_outbox(*loaded, uninstalled_);
      return show_outbox(*loaded, json_);
    });
    db.require_subcommand(1);
    db.fallthrough();
    add_config_file(db);
    db_flags_.emplace(db, table_,
                      [](const setting& each) { return of_database(each) || each.key == "outbox.limit"; });
    add_json(db);
    db_install_ = db.add_subcommand("install", "make the triggers of a table, or change what they say");
    db_install_->fallthrough();
    auto& rule = installed_.rule;
    db_install_->add_option("TABLE", rule.table, "as in SQL: agents, sales.orders");
    db_install_->add_flag("--platform", installed_.platform, "the platform's own tables, as serve does");
    db_install_->add_option("--key", rule.keys, "keys that a change removes, e.g. agent:{id}")
        ->type_name("PATTERN");
    db_install_
        ->add_option("--prefix", rule.prefixes, "every key below, e.g. api:agents:list:{organization_id}")
        ->type_name("PATTERN");
    db_install_
        ->add_option("--tag", rule.tags, "every key that carries it, e.g. organization-{organization_id}")
        ->type_name("PATTERN");
    db_install_
        ->add_option("--event", rule.event, "also an event: agent makes agent.created, .updated, .deleted")
        ->type_name("NAME");
    db_install_
        ->add_option("--level", rule.level, "when triggers run; default by statement where that sees all")
        ->transform(CLI::CheckedTransformer(levels_of_triggers()));
    db_uninstall_ = db.add_subcommand("uninstall", "remove the triggers of a table");
    db_uninstall_->fallthrough();
    db_uninstall_->add_option("TABLE", uninstalled_.table, "as in SQL");
    db_uninstall_->add_flag("--all", uninstalled_.all, "of every table, and the outbox itself");
    db.add_subcommand("status", "show which tables are installed, and who relays")->fallthrough();
    db.footer(
        "Patterns name the table's columns in braces. What others write then reaches every cache: a relay "
        "in\n"
        "each gateway reads what was written down.");
  }

  static std::map<std::string, trigger_level> levels_of_triggers() {
    std::map<std::string, trigger_level> out;
    for (const auto each : {trigger_level::automatic, trigger_level::row, trigger_level::statement}) {
      out.emplace(name(each), each);
    }
    return out;
  }

  static bool of_database(const setting& each) {
    return each.key == "database" || each.key.starts_with("sqlite.") || each.key.starts_with("postgres.");
  }

  void define_bench() {
    auto& bench_command = command("bench", "measure: what a cache would make of a trace", [this] {
      traced_.json = json_;
      return bench_trace(traced_);
    });
    bench_command.require_subcommand(1);
    auto& trace = *bench_command.add_subcommand("trace", "replay a file of requests, to size a cache");
    trace.add_option("FILE", traced_.file, "lines of time,key[,size[,ttl]], plain or gzip")->required();
    auto* memory =
        trace
            .add_option("--memory", traced_.memory, "the cache's size, all counted that it uses; e.g. 64MiB")
            ->type_name("SIZE");
    trace
        .add_option("--capacity", traced_.capacity,
                    "the cache's size in the trace's own sizes alone, as published figures count; objects "
                    "if it has none")
        ->type_name("N")
        ->excludes(memory);
    trace.add_option("--policy", traced_.policy, "who is evicted; default s3camp, and all for --sweep")
        ->check(CLI::IsMember(names_of_policies()));
    trace.add_option("--objective", traced_.objective, "what is to hit, requests or bytes; default objects")
        ->check(CLI::IsMember({"objects", "bytes"}));
    trace.add_flag("--ignore-ttl", traced_.ignore_ttl, "as if the trace had no times to live");
    auto* sweep = trace.add_flag("--sweep", traced_.sweep, "try sizes from 0.1 % of all objects to 100 %");
    trace.add_option("--svg", traced_.svg, "also draw the curve")->type_name("FILE")->needs(sweep);
    add_json(trace);
  }

  static std::vector<std::string> names_of_policies() {
    std::vector<std::string> names;
    for (const auto each : eviction_policies) names.emplace_back(name(each));
    return names;
  }

  void define_completion() {
    auto& completion_command = command("completion", "print a completion script", [this] {
      std::vector<completed_command> commands;
      for (const auto* each : app_.get_subcommands([](const CLI::App*) { return true; })) {
        completed_command found{each->get_name(), each->get_description(), flags_of(*each)};
        for (const auto* below : each->get_subcommands([](const CLI::App*) { return true; })) {
          found.subcommands.push_back(below->get_name());
          std::ranges::copy_if(flags_of(*below), std::back_inserter(found.flags),
                               [](const std::string& flag) { return flag != "--help"; });
        }
        commands.push_back(std::move(found));
      }
      return print_completion(argument_, commands);
    });
    completion_command.add_option("SHELL", argument_, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  }

  void define_help() {
    auto& help_command = command("help", "print how the program or a command is used", [this] {
      if (argument_.empty()) {
        fmt::print("{}", app_.get_formatter()->make_help(&app_, "strata", CLI::AppFormatMode::Normal));
        return int{exit_ok};
      }
      const auto known =
          app_.get_subcommands([&](const CLI::App* each) { return each->get_name() == argument_; });
      if (known.empty()) {
        complain(unknown_command(argument_));
        return int{exit_wrong_use};
      }
      fmt::print("{}", known.front()->help("strata", CLI::AppFormatMode::All));
      return int{exit_ok};
    });
    help_command.add_option("COMMAND", argument_, "a command");
  }

  CLI::Option* add_json(CLI::App& to) { return to.add_flag("--json", json_, "print JSON, for programs"); }

  void add_admin(CLI::App& to) {
    to.add_option("--admin", admin_url_,
                  "the gateway's admin listener; default as configured, 127.0.0.1:9090")
        ->type_name("URL");
    to.add_option("--admin-token", admin_token_,
                  "its bearer token; better set STRATA_ADMIN_TOKEN, which ps "
                  "does not show")
        ->type_name("TEXT");
    add_config_file(to);
    add_json(to);
  }

  template <class Action>
  int with_admin(Action action) {
    std::vector<std::pair<std::string, std::string>> flags;
    if (!admin_token_.empty()) flags.emplace_back("admin_token", admin_token_);
    std::optional<gateway::endpoint> given;
    if (!admin_url_.empty()) {
      const auto parsed = gateway::parse_url(admin_url_);
      if (!parsed) {
        complain("--admin: " + parsed.error().detail);
        return exit_wrong_use;
      }
      given = *parsed;
    }
    const auto loaded = configured(std::move(flags));
    if (!loaded) return exit_wrong_use;
    return action(
        {.url = given ? to_text(*given) : loaded->values.admin, .token = loaded->values.admin_token});
  }

  static std::vector<std::string> flags_of(const CLI::App& of) {
    std::vector<std::string> names;
    for (const auto* each : of.get_options()) {
      for (const auto& name : each->get_lnames()) names.push_back("--" + name);
    }
    return names;
  }

  std::string unknown_command(const std::string& text) {
    std::vector<std::string> names;
    for (const auto& each : actions_) names.push_back(each.first);
    const auto near = nearest(text, names);
    return fmt::format("there is no command \"{}\"{}; strata help lists them", text,
                       near.empty() ? "" : fmt::format("; did you mean {}?", near));
  }

  int refuse(const CLI::ParseError& wrong) {
    const auto used = app_.get_subcommands();
    if (used.empty()) {
      const auto& arguments = input_.arguments;
      if (arguments.empty()) {
        complain("a command is missing; strata help lists them");
      } else if (arguments.front().starts_with('-')) {
        complain(fmt::format("unknown flag {} before a command; strata help lists the commands",
                             arguments.front()));
      } else {
        complain(unknown_command(arguments.front()));
      }
      return exit_wrong_use;
    }
    const CLI::App* innermost = used.front();
    std::string called = innermost->get_name();
    for (auto below = innermost->get_subcommands(); !below.empty(); below = innermost->get_subcommands()) {
      innermost = below.front();
      called += ' ' + innermost->get_name();
    }
    const auto& command = *innermost;
    std::string what = wrong.what();
    if (const auto colon = what.find(": ");
        wrong.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) &&
        colon != std::string::npos) {
      // CLI11 keeps the arguments themselves in its sentence only.
      const auto rest = what.substr(colon + 2);
      const auto flag = rest.substr(0, rest.find_first_of("= "));
      const auto near = flag.starts_with("--") ? nearest(flag, flags_of(command)) : std::string();
      what = flag.starts_with('-') ? "unknown flag " + flag : fmt::format("unexpected \"{}\"", flag);
      if (!near.empty()) what += "; did you mean " + near + "?";
    }
    complain(
        fmt::format("{}: {}; strata help {} tells how it is used", called, what, used.front()->get_name()));
    return exit_wrong_use;
  }

  const program_input& input_;
  const gateway::config defaults_ = gateway::default_config();
  const std::vector<setting> table_ = settings(defaults_);
  CLI::App app_{
      "Layered caching, and the gateway of an AI agent platform that "
      "proves it."};
  std::vector<std::pair<std::string, std::function<int()>>> actions_;
  std::optional<setting_flags> serve_flags_;
  std::optional<setting_flags> import_flags_;
  std::optional<setting_flags> db_flags_;
  CLI::App* db_install_ = nullptr;
  CLI::App* db_uninstall_ = nullptr;
  outbox_install_request installed_;
  outbox_uninstall_request uninstalled_;
  std::string config_file_;
  std::string argument_;
  std::string admin_url_;
  std::string admin_token_;
  std::string watch_interval_;
  CLI::Option* watch_option_ = nullptr;
  invalidate_request removed_;
  key_request key_;
  trace_bench_request traced_;
  bool json_ = false;
  bool print_config_ = false;
};

}  // namespace

int run(const program_input& input) {
  try {
    return program(input).run();
  } catch (const std::exception& failure) {
    complain(failure.what());
    return exit_failed;
  }
}

}  // namespace strata::cli
