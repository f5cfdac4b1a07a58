#include "events/key_template.hpp"

#include <strata/events.hpp>

#include <utility>

namespace strata {

namespace {

using events::expansion;
using events::key_template;

struct compiled_rule {
  std::vector<key_template> keys;
  std::vector<key_template> prefixes;
  std::vector<key_template> tags;
};

// What one event removes, by the way it is removed.
struct removal {
  std::vector<key> keys;
  std::vector<std::string> prefixes;
  std::vector<std::string> tags;
  bool everything = false;
};

std::vector<key_template> compile(const std::vector<std::string>& texts, const std::string& where,
                                  std::vector<std::string>& problems) {
  std::vector<key_template> out;
  out.reserve(texts.size());
  for (const auto& text : texts) out.emplace_back(text, where, problems);
  return out;
}

removal plan(const compiled_rule& rule, const domain_event& happened) {
  removal out;
  const auto widen = [&](expansion found) {
    if (found.text.empty()) {
      out.everything = true;
    } else {
      out.prefixes.push_back(std::move(found.text));
    }
  };
  for (const auto& each : rule.keys) {
    auto found = each.expand(happened.attributes);
    if (found.complete) {
      out.keys.emplace_back(std::move(found.text));
    } else {
      widen(std::move(found));
    }
  }
  for (const auto& each : rule.prefixes) widen(each.expand(happened.attributes));
  for (const auto& each : rule.tags) {
    auto found = each.expand(happened.attributes);
    if (found.complete) {
      out.tags.push_back(std::move(found.text));
    } else {
      out.everything = true;  // tags have no hierarchy to widen to
    }
  }
  return out;
}

task<> apply(cache& target, removal what) {
  if (what.everything) {
    co_await target.clear();
    co_return;
  }
  if (!what.keys.empty()) co_await target.remove(std::move(what.keys));
  for (const auto& each : what.prefixes) co_await target.remove_by_prefix(each);
  for (const auto& each : what.tags) co_await target.remove_by_tag(each);
}

}  // namespace

void invalidate_on(event_bus& bus, cache& target, std::vector<invalidation_rule> rules) {
  std::vector<std::string> problems;
  std::vector<std::shared_ptr<const compiled_rule>> compiled;
  for (const auto& rule : rules) {
    if (rule.event.empty()) problems.push_back("a rule names no event");
    compiled.push_back(std::make_shared<const compiled_rule>(
        compiled_rule{compile(rule.keys, rule.event + ": key", problems),
                      compile(rule.prefixes, rule.event + ": prefix", problems),
                      compile(rule.tags, rule.event + ": tag", problems)}));
  }
  if (!problems.empty()) throw bad_options(std::move(problems));
  for (std::size_t i = 0; i < rules.size(); ++i) {
    bus.subscribe(rules[i].event, [&target, rule = compiled[i]](const domain_event& happened) {
      return apply(target, plan(*rule, happened));
    });
  }
}

}  // namespace strata
