#pragma once
/// The templates of invalidation rules: `api:agents:list:{organization_id}`.
/// Threads: immutable values.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace strata::events {

/// What a template becomes for one event.
struct expansion {
  std::string text;
  /// False if an attribute was missing: `text` is then the part before it, cut at the last `:`,
  /// and empty if there is no whole segment before it.
  bool complete = true;
};

class key_template {
 public:
  /// Appends what is wrong with `text` to `problems`, naming it as `where`.
  key_template(std::string_view text, const std::string& where, std::vector<std::string>& problems);

  /// The attributes it names, in order.
  std::vector<std::string> attributes() const;

  /// Arguments are escaped as in keys.
  expansion expand(const std::map<std::string, std::string>& attributes) const;

 private:
  struct part {
    std::string literal;    ///< stands before the attribute
    std::string attribute;  ///< empty: none, this is the end
  };
  /// What is wrong with `text`, or nothing.
  std::string_view parse(std::string_view text);

  std::vector<part> parts_;
};

}  // namespace strata::events
