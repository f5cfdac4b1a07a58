#pragma once
/// The patterns of a rule, compiled: what an event, or a changed row, invalidates.
/// Threads: immutable values.

#include "events/key_template.hpp"

#include <strata/invalidation.hpp>

#include <map>
#include <string>
#include <vector>

namespace strata::events {

class invalidation_template {
 public:
  struct patterns {
    const std::vector<std::string>& keys;
    const std::vector<std::string>& prefixes;
    const std::vector<std::string>& tags;
  };
  /// Appends what is wrong with the patterns to `problems`; each problem begins with `subject`.
  invalidation_template(patterns of, const std::string& subject, std::vector<std::string>& problems);

  /// The attributes that the patterns name, each once, in the order of their first use.
  const std::vector<std::string>& attributes() const noexcept { return attributes_; }

  /// Adds what these attributes invalidate. A missing one widens its pattern to the whole segments before it;
  /// a tag has no segments, and becomes everything.
  void expand(const std::map<std::string, std::string>& attributes, invalidation& into) const;

 private:
  std::vector<key_template> compile(const std::vector<std::string>& texts, const std::string& kind,
                                    std::vector<std::string>& problems);

  std::vector<std::string> attributes_;
  std::vector<key_template> keys_;
  std::vector<key_template> prefixes_;
  std::vector<key_template> tags_;
};

}  // namespace strata::events
