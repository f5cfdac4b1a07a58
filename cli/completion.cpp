#include "cli/commands.hpp"
#include "cli/program.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace strata::cli {

namespace {

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
  // Words that are no flag are files (strata import) as the shell completes them itself.
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

}  // namespace

int print_completion(const std::string& shell, const std::vector<completed_command>& commands) {
  if (shell == "bash") print_bash(commands);
  if (shell == "zsh") print_zsh(commands);
  if (shell == "fish") print_fish(commands);
  return exit_ok;
}

}  // namespace strata::cli
