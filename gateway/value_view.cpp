#include "gateway/value_view.hpp"

#include <memory>
#include <string>
#include <utility>

namespace strata::gateway {

namespace {

/// The text before the first `:` of `rest`, which then begins after it.
std::string_view next_segment(std::string_view& rest) {
  const auto segment = rest.substr(0, rest.find(':'));
  rest.remove_prefix(segment.size() == rest.size() ? segment.size() : segment.size() + 1);
  return segment;
}

bool could_build_segment(std::string_view pattern, std::string_view text) {
  const auto open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == text;
  const auto before = pattern.substr(0, open);
  const auto after = pattern.substr(pattern.find('}') + 1);
  return text.size() > before.size() + after.size() && text.starts_with(before) && text.ends_with(after);
}

/// What is cached under `where` for an entity whose values carry their answer.
template <class Entity>
task<admin::shown_value> answer_under(cache& source, const Entity& entity, key where) {
  if (entity.rules().sensitive) co_return admin::shown_value{.hidden = true};
  const auto type = cache_type::find(where.entity());
  const typed_key<typename Entity::value_type> typed{std::move(where),
                                                     std::make_shared<const policy>(entity.rules()), type};
  const auto found = co_await source.get(typed);
  admin::shown_value out;
  if (found) {
    out.json = std::string(found->representation->body());
  } else if (found.known_absent()) {
    out.json = "null";
  }
  co_return out;
}

template <class Entity>
bool is_of(const Entity&, const key& where) {
  return could_build(Entity::pattern::text, where.text());
}

}  // namespace

bool could_build(std::string_view pattern, std::string_view text) {
  while (!pattern.empty() && !text.empty()) {
    if (!could_build_segment(next_segment(pattern), next_segment(text))) return false;
  }
  return pattern.empty() && text.empty();
}

task<admin::shown_value> show_value(cache& source, const platform::entity_table& entities, const key& where) {
  if (is_of(entities.users, where)) return answer_under(source, entities.users, where);
  if (is_of(entities.agents, where)) return answer_under(source, entities.agents, where);
  if (is_of(entities.configs, where)) return answer_under(source, entities.configs, where);
  if (is_of(entities.tools, where)) return answer_under(source, entities.tools, where);
  if (is_of(entities.organizations, where)) return answer_under(source, entities.organizations, where);
  if (is_of(entities.listings, where)) return answer_under(source, entities.listings, where);
  if (is_of(entities.agent_lists, where)) return answer_under(source, entities.agent_lists, where);
  if (is_of(entities.listing_lists, where)) return answer_under(source, entities.listing_lists, where);
  // The rest is hidden: what is added later stays so until somebody decides otherwise.
  return admin::shown_value{.hidden = true};
}

}  // namespace strata::gateway
