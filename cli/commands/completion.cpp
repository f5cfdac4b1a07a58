#include "cli/command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace strata::cli {

namespace {

struct completed_command {
  std::string name;
  std::string help;
  std::vector<std::string> flags;
  std::vector<std::string> subcommands = {};
};

/// What may follow a command: its own commands and its flags.
std::vector<std::string> words_of(const completed_command& command) {
  auto words = command.subcommands;
  words.insert(words.end(), command.flags.begin(), command.flags.end());
  return words;
}

void print_bash(const std::vector<completed_command>& commands) {
  fmt::print("_strata() {{\n  local word=\"${{COMP_WORDS[COMP_CWORD]}}\" flags=\"\"\n");
  fmt::print("  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    flags=\"");
  for (const auto& each : commands) fmt::print("{} ", each.name);
  fmt::print("\"\n  else\n    case \"${{COMP_WORDS[1]}}\" in\n");
  for (const auto& each : commands) {
    fmt::print("      {}) flags=\"{}\" ;;\n", each.name, fmt::join(words_of(each), " "));
  }
  fmt::print("    esac\n  fi\n");
  // The shell itself completes other words as files (strata import).
  fmt::print("  COMPREPLY=($(compgen -W \"$flags\" -- \"$word\"))\n}}\n");
  fmt::print("complete -o default -F _strata strata\n");
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char each : text) {
    if (each == '\'') {
      out += "'\\''";
    } else {
      out += each;
    }
  }
  return out + '\'';
}

void print_zsh(const std::vector<completed_command>& commands) {
  fmt::print("#compdef strata\n_strata() {{\n  local -a commands flags\n  commands=(\n");
  for (const auto& each : commands) fmt::print("    {}\n", quoted(each.name + ":" + each.help));
  fmt::print("  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n");
  fmt::print("  case $words[2] in\n");
  for (const auto& each : commands) {
    fmt::print("    {}) flags=({}) ;;\n", each.name, fmt::join(words_of(each), " "));
  }
  fmt::print("  esac\n  compadd -- $flags\n  _files\n}}\n_strata \"$@\"\n");
}

void print_fish(const std::vector<completed_command>& commands) {
  for (const auto& each : commands) {
    fmt::print("complete -c strata -n __fish_use_subcommand -f -a {} -d {}\n", each.name, quoted(each.help));
    for (const auto& word : each.subcommands) {
      fmt::print("complete -c strata -n '__fish_seen_subcommand_from {}' -a {}\n", each.name, word);
    }
    for (const auto& flag : each.flags) {
      fmt::print("complete -c strata -n '__fish_seen_subcommand_from {}' -l {}\n", each.name, flag.substr(2));
    }
  }
}

std::vector<completed_command> commands_of(const CLI::App& app) {
  const auto all = [](const CLI::App*) { return true; };
  std::vector<completed_command> commands;
  for (const auto* each : app.get_subcommands(all)) {
    completed_command found{each->get_name(), each->get_description(), long_flags(*each)};
    for (const auto* below : each->get_subcommands(all)) {
      found.subcommands.push_back(below->get_name());
      std::ranges::copy_if(long_flags(*below), std::back_inserter(found.flags),
                           [](const std::string& flag) { return flag != "--help"; });
    }
    commands.push_back(std::move(found));
  }
  return commands;
}

/// Prints a completion script for bash, zsh or fish.
class completion_command final : public command {
 public:
  completion_command(CLI::App& flags, registry& program) : program_(program) {
    flags.add_option("SHELL", shell_, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  }

  int run() override {
    const auto commands = commands_of(program_.app());
    if (shell_ == "bash") print_bash(commands);
    if (shell_ == "zsh") print_zsh(commands);
    if (shell_ == "fish") print_fish(commands);
    return exit_ok;
  }

 private:
  registry& program_;
  std::string shell_;
};

}  // namespace

void add_completion(registry& to) {
  to.add<completion_command>("completion", "print a completion script");
}

}  // namespace strata::cli
