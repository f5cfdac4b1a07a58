#include "relay/rule_patterns.hpp"

#include <algorithm>
#include <utility>

namespace strata::relaying {

namespace {

void widen(events::expansion found, removals& into) {
  if (found.text.empty()) {
    into.everything = true;
  } else {
    into.prefixes.insert(std::move(found.text));
  }
}

}  // namespace

rule_patterns::rule_patterns(const outbox_rule& rule, std::vector<std::string>& problems) {
  const auto compile = [&](const std::vector<std::string>& texts, const char* where) {
    std::vector<events::key_template> out;
    for (const auto& text : texts) {
      out.emplace_back(text, where, problems);
      for (auto& column : out.back().attributes()) {
        if (std::ranges::find(columns_, column) == columns_.end()) columns_.push_back(std::move(column));
      }
    }
    return out;
  };
  keys_ = compile(rule.keys, "key");
  prefixes_ = compile(rule.prefixes, "prefix");
  tags_ = compile(rule.tags, "tag");
}

void rule_patterns::add(const attributes& row, removals& into) const {
  for (const auto& each : keys_) {
    auto found = each.expand(row);
    if (found.complete) {
      into.keys.insert(std::move(found.text));
    } else {
      widen(std::move(found), into);
    }
  }
  for (const auto& each : prefixes_) widen(each.expand(row), into);
  for (const auto& each : tags_) {
    auto found = each.expand(row);
    if (found.complete) {
      into.tags.insert(std::move(found.text));
    } else {
      into.everything = true;  // tags have no hierarchy to widen to
    }
  }
}

}  // namespace strata::relaying
