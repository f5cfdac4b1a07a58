/// The commands of the program and their flags. Long because each command declares its flags here.

#include "cli/program.hpp"

#include "cli/command.hpp"
#include "gateway/gateway.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

namespace strata::cli {

namespace {

void add_commands(registry& to) {
  add_serve(to);
  add_import(to);
  add_get(to);
  add_explain(to);
  add_invalidate(to);
  add_stats(to);
  add_key(to);
  add_edge(to);
  add_db(to);
  add_lint(to);
  add_org(to);
  add_user(to);
  add_sessions(to);
  add_bench(to);
  add_completion(to);
  add_version(to);
  add_help(to);
}

/// The problem with the arguments before the name of a command.
std::string problem_before_command(const registry& program) {
  const auto& arguments = program.input().arguments;
  if (arguments.empty()) return "a command is missing; strata help lists them";
  if (arguments.front().starts_with('-')) {
    return fmt::format("unknown flag {} before a command; strata help lists the commands", arguments.front());
  }
  return program.unknown_command(arguments.front());
}

/// The problem with the arguments of `command`, from CLI11's sentence.
std::string problem_of(const CLI::ParseError& failure, const CLI::App& command) {
  std::string sentence = failure.what();
  const auto colon = sentence.find(": ");
  if (failure.get_exit_code() != static_cast<int>(CLI::ExitCodes::ExtrasError) ||
      colon == std::string::npos) {
    return sentence;
  }
  // CLI11 keeps the arguments themselves in its sentence only.
  const auto rest = sentence.substr(colon + 2);
  const auto flag = rest.substr(0, rest.find_first_of("= "));
  if (!flag.starts_with('-')) return fmt::format("unexpected \"{}\"", flag);
  const auto near = flag.starts_with("--") ? nearest(flag, long_flags(command)) : std::string();
  return "unknown flag " + flag + (near.empty() ? "" : "; did you mean " + near + "?");
}

int refuse(const registry& program, const CLI::App& app, const CLI::ParseError& failure) {
  const auto used = app.get_subcommands();
  if (used.empty()) {
    print_error(problem_before_command(program));
    return exit_wrong_use;
  }
  const CLI::App* innermost = used.front();
  std::string called = innermost->get_name();
  for (auto below = innermost->get_subcommands(); !below.empty(); below = innermost->get_subcommands()) {
    innermost = below.front();
    called += ' ' + innermost->get_name();
  }
  print_error(fmt::format("{}: {}; strata help {} shows its usage", called, problem_of(failure, *innermost),
                          used.front()->get_name()));
  return exit_wrong_use;
}

int run_command(const program_input& input) {
  registry program(input);
  auto& app = program.app();
  app.set_version_flag("--version", gateway::version());
  add_commands(program);
  auto reversed = input.arguments;
  std::ranges::reverse(reversed);
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::Success& wanted) {  // --help, --version
    return app.exit(wanted);
  } catch (const CLI::ParseError& failure) {
    return refuse(program, app, failure);
  }
  return program.run();
}

}  // namespace

int run(const program_input& input) {
  try {
    return run_command(input);
  } catch (const std::exception& failure) {
    print_error(failure.what());
    return exit_failed;
  }
}

}  // namespace strata::cli
