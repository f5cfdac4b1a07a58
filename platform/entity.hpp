#pragma once
/// The declaration of an entity, and the definition that every part of the platform reads.
/// Threads: immutable values.
///
/// A `<name>_entity` in platform/entities/ derives from `entity_base` and declares:
///
///   name, ttl, secrecy, outage, view     always
///   table, id_prefix, migrations()       if it has rows of its own; id_prefix unless it shares an owner's
///   ids event, dropped()                     if its changes are events, or invalidate more than its own key
///   endpoints(), schemas()               if the API serves it
///   import_type, import_record()         if `strata import` reads it
///   add_demo()                           if the demo platform has some
///
/// `define<Entity>()` (define_entity.hpp) makes the definition. docs/guide/new_entity.md is the recipe.

#include <strata/entity.hpp>
#include <strata/error.hpp>
#include <strata/migrations.hpp>
#include <strata/policy.hpp>
#include <strata/repository.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <boost/json/value.hpp>

#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata {
class cache;
class database;
}  // namespace strata

namespace strata::server {
struct field_problem;
}

namespace strata::platform {

class demo_writer;
class entity_table;
class field_reader;
class import_writer;
struct endpoint;

/// Whether the second level may read an entity's values.
enum class secrecy_level { open, sensitive };

/// How long after its ttl the last value may be served, marked stale, while the database does not answer. A
/// user's identity and permissions may be a minute old then, and allow only reading.
enum class outage_policy { fail, serve_for_a_minute, serve_for_a_day };

/// Whether the admin listener shows an entity's cached values.
enum class admin_view { hidden, shown };

/// The cache keys that a change of a row of one table invalidates. Templates name columns, which are also the
/// attributes of events.
struct change_rule {
  std::string table;
  std::string event;               ///< "agent" of agent.created, agent.updated, agent.deleted; empty: none
  std::string written;             ///< the row's own key, which the repository replaces at the commit
  std::vector<std::string> keys;   ///< dropped
  std::vector<std::string> lists;  ///< dropped with every key below
};

/// A name in the API's description and its JSON Schema.
using named_schema = std::pair<std::string, std::string>;

enum class import_outcome { created, updated, unchanged, refused };
/// Writes one checked record. May run more than once, since a transaction may be repeated.
using import_action = std::function<task<result<import_outcome>>(import_writer&)>;
using import_result = std::expected<import_action, std::vector<server::field_problem>>;

/// A cached value as the admin listener shows it.
struct cached_json {
  bool hidden = false;
  std::optional<std::string> text;  ///< "null" if the cache knows that there is no row
};

/// The base of every declaration: the cached type, its key and its repository.
template <class Value, fixed_string Key>
struct entity_base : entity<Value, Key> {
  using repository = strata::repository<Value, Key>;
  using entity<Value, Key>::entity;
};

/// A declaration as values. The platform's parts are made from it.
struct entity_definition {
  std::string_view name;  ///< in strata.toml: [entity.<name>]
  std::string_view key;   ///< the pattern
  strata::policy policy;  ///< the default
  admin_view view = admin_view::hidden;
  std::string_view id_prefix;         ///< empty: it has none of its own
  std::optional<change_rule> change;  ///< none: it has no table
  std::vector<migration> migrations;
  std::vector<endpoint> (*endpoints)() = nullptr;
  std::vector<named_schema> (*schemas)() = nullptr;
  std::string_view import_type;  ///< empty: not imported
  import_result (*import_record)(const boost::json::value&, field_reader&) = nullptr;
  task<result<void>> (*add_demo)(demo_writer&) = nullptr;

  std::size_t index = 0;  ///< `entity_index` of the declaration
  std::shared_ptr<const void> (*make_entity)(const strata::policy&) = nullptr;
  /// Null: it has no repository.
  std::shared_ptr<const void> (*make_rows)(const entity_table&, database&, cache&, const clock&) = nullptr;
  task<cached_json> (*show)(cache&, const entity_table&, strata::key) = nullptr;
};

/// The platform's own entities: `entity_types` of entities.hpp. Owners come before what refers to them.
const std::vector<entity_definition>& all_entities();

/// A policy per entity, by the name a configuration file gives it.
using policy_table = std::map<std::string, policy>;

/// The defaults, to be changed and handed to `app_options::policies`.
policy_table default_policies(const std::vector<entity_definition>& of = all_entities());

namespace detail {
std::size_t next_entity_index() noexcept;
}

/// A small number for each declaration, the same for the life of the process.
template <class Entity>
std::size_t entity_index() noexcept {
  static const std::size_t index = detail::next_entity_index();
  return index;
}

}  // namespace strata::platform
