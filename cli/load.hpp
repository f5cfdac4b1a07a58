#pragma once
/// The configuration in force, from strata.toml, environment and flags: a flag overrides the environment,
/// which overrides the file, which overrides the default. An unknown key or invalid value is a problem; all
/// problems are reported, each with its place. Threads: pure functions, but for reading the file.

#include "gateway/config.hpp"

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace strata::cli {

/// The sources of a configuration.
struct config_sources {
  /// The file to read; none: strata.toml in the current folder, if it is there.
  std::optional<std::string> file;
  /// Name and value; only names that begin with STRATA_ count.
  std::map<std::string, std::string> environment;
  /// A setting's key and the text after its flag.
  std::vector<std::pair<std::string, std::string>> flags;
};

struct loaded_config {
  gateway::config values;
  /// Where each setting's value came from, by key: "default", "strata.toml:12",
  /// "STRATA_LISTEN", "--listen".
  std::map<std::string, std::string> origins;
  /// Likely mistakes that are no problems, one sentence each.
  std::vector<std::string> warnings;
};

/// Every problem as a line: "strata.toml:3:1: unknown key \"lisen\"; did you mean \"listen\"?".
using config_problems = std::vector<std::string>;

/// The configuration in force over `defaults`.
std::expected<loaded_config, config_problems> load(const gateway::config& defaults,
                                                   const config_sources& sources);

/// The configuration in force as a strata.toml, with the origin of each value in a comment; secrets are
/// masked.
std::string print_config(const loaded_config& loaded);
/// The same as one JSON array of {key, value, origin}.
std::string print_config_json(const loaded_config& loaded);

/// The one of `known` that `text` most looks like; empty if none does.
std::string nearest(const std::string& text, const std::vector<std::string>& known);

}  // namespace strata::cli
