#include "events/invalidation_template.hpp"

#include <strata/events.hpp>

#include <utility>

namespace strata {

namespace {

task<> apply(cache& target, invalidation what) {
  co_await target.invalidate(std::move(what));
}

}  // namespace

void invalidate_on(event_bus& bus, cache& target, std::vector<invalidation_rule> rules) {
  std::vector<std::string> problems;
  std::vector<std::shared_ptr<const events::invalidation_template>> compiled;
  for (const auto& rule : rules) {
    if (rule.event.empty()) problems.push_back("a rule names no event");
    compiled.push_back(std::make_shared<const events::invalidation_template>(
        events::invalidation_template::patterns{rule.keys, rule.prefixes, rule.tags}, rule.event + ": ",
        problems));
  }
  if (!problems.empty()) throw bad_options(std::move(problems));
  for (std::size_t i = 0; i < rules.size(); ++i) {
    bus.subscribe(rules[i].event, [&target, rule = compiled[i]](const domain_event& happened) {
      invalidation what;
      rule->expand(happened.attributes, what);
      return apply(target, std::move(what));
    });
  }
}

}  // namespace strata
