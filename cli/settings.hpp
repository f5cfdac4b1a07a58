#pragma once
/// The one table behind strata.toml, flags, environment variables, `--print-config` and
/// docs/config.md: one row for each leaf of `config`.
/// Threads: the table is immutable once made.

#include "gateway/config.hpp"

#include <strata/error.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::cli {

/// How a value is written. In strata.toml: text, duration and size in quotes, texts as a list of
/// quoted texts, the others bare. As flag and variable, texts are separated by commas.
enum class setting_kind { text, duration, size, count, fraction, yes_no, texts };

/// The name of `kind` in a message: "a size", "a whole number", …
std::string_view name(setting_kind kind) noexcept;

/// One key of the configuration.
struct setting {
  std::string key;  ///< "limits.body"
  setting_kind kind{};
  std::string help;
  bool secret = false;  ///< never shown
  /// Reads `text` into a config. Errors: invalid_argument, too_large.
  std::function<result<void>(gateway::config& into, std::string_view text)> read;
  std::function<std::string(const gateway::config& from)> write;

  std::string flag() const;      ///< "--limits-body"
  std::string variable() const;  ///< "STRATA_LIMITS_BODY"
  bool of_an_entity() const { return key.starts_with("entity."); }
};

/// Every setting, in the order of `config`, with those of each entity that `defaults` names.
std::vector<setting> settings(const gateway::config& defaults);

/// The tables of docs/config.md in Markdown: every setting, the settings of an entity, and each entity's
/// defaults.
std::string markdown(const gateway::config& defaults);

}  // namespace strata::cli
