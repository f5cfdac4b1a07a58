#pragma once
/// Makes an entity's definition from its declaration.
/// Threads: pure functions.

#include "platform/cached_response.hpp"
#include "platform/entity_table.hpp"

#include <strata/cache.hpp>
#include <strata/database.hpp>

namespace strata::platform {

namespace detail {

template <class Entity>
policy default_policy() {
  policy out{.ttl = Entity::ttl,
             .hard_timeout = std::chrono::seconds(2),
             .sensitive = Entity::secrecy == secrecy_level::sensitive};
  if (Entity::outage == outage_policy::fail) return out;
  out.fail_safe = true;
  out.grace =
      Entity::outage == outage_policy::serve_for_a_day ? std::chrono::hours(24) : std::chrono::minutes(1);
  out.throttle = std::chrono::seconds(1);
  out.soft_timeout = std::chrono::milliseconds(100);
  return out;
}

/// The value cached under `at`, as the API would send it. Loads nothing.
template <class Entity>
task<cached_json> show(cache& source, const entity_table& entities, key at) {
  const auto& entity = entities.get<Entity>();
  if (entity.policy().sensitive) co_return cached_json{.hidden = true, .text = {}};
  const auto type = cache_type::find(at.entity());
  const typed_key<typename Entity::value_type> typed{std::move(at),
                                                     std::make_shared<const policy>(entity.policy()), type};
  if constexpr (requires(const Entity::value_type& value) { value.representation; }) {
    const auto found = co_await source.get(typed);
    cached_json out;
    if (found) {
      out.text = std::string(found->representation->body());
    } else if (found.known_absent()) {
      out.text = "null";
    }
    co_return out;
  } else {
    co_return cached_json{.hidden = true, .text = {}};
  }
}

template <class Entity>
std::shared_ptr<const void> make_rows(const entity_table& entities, database& source, cache& target,
                                      const clock& time) {
  return std::make_shared<const typename Entity::repository>(source, target, entities.get<Entity>(),
                                                             Entity::table, [&time] { return time.wall(); });
}

}  // namespace detail

template <class Entity>
entity_definition define() {
  static_assert(Entity::view == admin_view::hidden || Entity::secrecy == secrecy_level::open,
                "a sensitive entity is hidden in the admin view");
  entity_definition out;
  out.name = Entity::name;
  out.key = Entity::pattern::text;
  out.policy = detail::default_policy<Entity>();
  out.view = Entity::view;
  out.index = entity_index<Entity>();
  out.make_entity = [](const policy& chosen) -> std::shared_ptr<const void> {
    return std::make_shared<const Entity>(chosen);
  };
  out.show = &detail::show<Entity>;
  if constexpr (requires { Entity::table; }) {
    static_assert(requires { Entity::migrations(); }, "an entity with a table has migrations()");
    out.change.emplace();
    if constexpr (requires { Entity::dropped(); }) out.change = Entity::dropped();
    out.change->table = Entity::table;
    out.change->written = Entity::pattern::text;
    if constexpr (requires { Entity::event; }) out.change->event = Entity::event;
    out.migrations = Entity::migrations();
    if constexpr (requires { typename Entity::repository; }) out.make_rows = &detail::make_rows<Entity>;
  }
  if constexpr (requires { Entity::id_prefix; }) out.id_prefix = Entity::id_prefix;
  if constexpr (requires { Entity::endpoints(); }) out.endpoints = &Entity::endpoints;
  if constexpr (requires { Entity::schemas(); }) out.schemas = &Entity::schemas;
  if constexpr (requires { Entity::import_type; }) {
    out.import_type = Entity::import_type;
    out.import_record = &Entity::import_record;
  }
  if constexpr (requires { &Entity::add_demo; }) out.add_demo = &Entity::add_demo;
  return out;
}

}  // namespace strata::platform
