#pragma once
/// What may be shown of a key's cached value: what the platform caches, but nothing sensitive.
/// Threads: any.

#include "platform/entity_table.hpp"

#include <strata/cache.hpp>
#include <strata/key.hpp>
#include <strata/task.hpp>
#include "admin/routes.hpp"

#include <string_view>

namespace strata::gateway {

/// The JSON cached under `where`. Hidden: permissions, settings, and every key of no entity.
/// Computes nothing, but counts as a read. Lifetime: `source` and `entities` outlive the task.
task<admin::shown_value> show_value(cache& source, const platform::entity_table& entities, const key& where);

/// True if `pattern` ("agent:{id}:config") can build a key whose text is `text`.
bool could_build(std::string_view pattern, std::string_view text);

}  // namespace strata::gateway
