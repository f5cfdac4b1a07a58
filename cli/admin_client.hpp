#pragma once
/// How the commands ask a running gateway, through its admin listener.
/// Threads: one; blocking.

#include "cli/command.hpp"

#include <strata/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace strata::cli {

/// Calls the admin listener for one command. Problems are printed under the command's name.
class admin_client {
 public:
  /// Lifetime: `command` is static text.
  admin_client(std::string_view command, admin_address address);

  /// The body of a 200; nothing for any other answer, which is printed.
  std::optional<std::string> get(std::string target) const;
  std::optional<std::string> post(std::string target, std::string json) const;

  /// `body` as a T; nothing, and a printed problem, if it is not one.
  template <class T>
  std::optional<T> parse(std::string_view body) const {
    auto parsed = json::read<T>(body);
    if (parsed) return std::move(*parsed);
    report_unreadable(parsed.error());
    return std::nullopt;
  }

  /// Prints `body` as it is if `json`, else calls `print` with it as a T. Returns the exit status.
  template <class T, class Print>
  int show(const std::optional<std::string>& body, bool json, Print print) const {
    if (!body) return exit_failed;
    if (json) {
      print_line(*body);
      return exit_ok;
    }
    const auto value = parse<T>(*body);
    if (!value) return exit_failed;
    print(*value);
    return exit_ok;
  }

  /// Prints "strata: COMMAND: PROBLEM" to stderr.
  void report(std::string_view problem) const;

 private:
  std::optional<std::string> call(std::string method, std::string target, std::string json) const;
  void report_unreadable(const error& why) const;
  static void print_line(const std::string& text);

  std::string_view command_;
  admin_address address_;
};

}  // namespace strata::cli
