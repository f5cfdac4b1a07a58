#include "events/invalidation_template.hpp"

#include <algorithm>
#include <utility>

namespace strata::events {

namespace {

void add_prefix(expansion found, invalidation& into) {
  if (found.text.empty()) {
    into.everything = true;
  } else {
    into.prefixes.push_back(std::move(found.text));
  }
}

}  // namespace

invalidation_template::invalidation_template(patterns of, const std::string& subject,
                                             std::vector<std::string>& problems)
    : keys_(compile(of.keys, subject + "key", problems)),
      prefixes_(compile(of.prefixes, subject + "prefix", problems)),
      tags_(compile(of.tags, subject + "tag", problems)) {
}

std::vector<key_template> invalidation_template::compile(const std::vector<std::string>& texts,
                                                         const std::string& kind,
                                                         std::vector<std::string>& problems) {
  std::vector<key_template> out;
  out.reserve(texts.size());
  for (const auto& text : texts) {
    out.emplace_back(text, kind, problems);
    for (auto& each : out.back().attributes()) {
      if (std::ranges::find(attributes_, each) == attributes_.end()) attributes_.push_back(std::move(each));
    }
  }
  return out;
}

void invalidation_template::expand(const std::map<std::string, std::string>& attributes,
                                   invalidation& into) const {
  for (const auto& each : keys_) {
    auto found = each.expand(attributes);
    if (found.complete) {
      into.keys.emplace_back(std::move(found.text));
    } else {
      add_prefix(std::move(found), into);
    }
  }
  for (const auto& each : prefixes_) add_prefix(each.expand(attributes), into);
  for (const auto& each : tags_) {
    auto found = each.expand(attributes);
    if (found.complete) {
      into.tags.push_back(std::move(found.text));
    } else {
      into.everything = true;
    }
  }
}

}  // namespace strata::events
