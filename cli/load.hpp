#pragma once
/// From strata.toml, environment and flags to what is in force: flag before environment before
/// file before default. Strict: what is not known or not valid is a problem, and all problems
/// are told, each with its place.
/// Threads: pure functions, but for reading the file.

#include "gateway/config.hpp"

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace strata::cli {

/// What a configuration is made from.
struct config_sources {
  /// The file to read; none: strata.toml in the current folder, if it is there.
  std::optional<std::string> file;
  /// Name and value; only names that begin with STRATA_ are looked at.
  std::map<std::string, std::string> environment;
  /// A setting's key and the text after its flag.
  std::vector<std::pair<std::string, std::string>> flags;
};

struct loaded_config {
  gateway::config values;
  /// Where each setting's value came from, by key: "default", "strata.toml:12",
  /// "STRATA_LISTEN", "--listen".
  std::map<std::string, std::string> origins;
  /// What looks like a mistake but may not be one, a sentence each.
  std::vector<std::string> warnings;
};

/// Every problem as a line: "strata.toml:3:1: unknown key \"lisen\"; did you mean \"listen\"?".
using config_problems = std::vector<std::string>;

/// The configuration in force over `defaults`.
std::expected<loaded_config, config_problems> load(const gateway::config& defaults,
                                                   const config_sources& sources);

/// What is in force and where each value came from, as a strata.toml with comments; secrets masked.
std::string print_config(const loaded_config& loaded);
/// The same as one JSON array of {key, value, origin}.
std::string print_config_json(const loaded_config& loaded);

/// The one of `known` that `text` most looks like; empty if none does.
std::string nearest(const std::string& text, const std::vector<std::string>& known);

}  // namespace strata::cli
