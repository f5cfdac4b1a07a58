#pragma once
/// A rule's patterns, compiled: which columns they name, and what a changed row makes of them.
/// Threads: immutable values; pure functions.

#include "events/key_template.hpp"
#include "relay/text_array.hpp"

#include <strata/outbox.hpp>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace strata::relaying {

/// What changes make invalid, each once.
struct removals {
  std::set<std::string> keys;
  std::set<std::string> prefixes;
  std::set<std::string> tags;
  bool everything = false;

  bool empty() const noexcept { return !everything && keys.empty() && prefixes.empty() && tags.empty(); }
};

using attributes = std::map<std::string, std::string>;

class rule_patterns {
 public:
  /// Appends what is wrong with the patterns to `problems`.
  rule_patterns(const outbox_rule& rule, std::vector<std::string>& problems);

  /// The columns that are named, each once, in the order in which the triggers write their values.
  const std::vector<std::string>& columns() const noexcept { return columns_; }

  /// Adds what a row with these values makes invalid. A value that is missing widens its pattern.
  void add(const attributes& row, removals& into) const;

 private:
  std::vector<events::key_template> keys_;
  std::vector<events::key_template> prefixes_;
  std::vector<events::key_template> tags_;
  std::vector<std::string> columns_;
};

}  // namespace strata::relaying
