#pragma once
/// The cached value of a key as the admin listener shows it: only of entities that declare it.
/// Threads: any.

#include "platform/entity_table.hpp"

#include <strata/cache.hpp>
#include <strata/key.hpp>
#include <strata/task.hpp>
#include "admin/routes.hpp"

#include <string_view>

namespace strata::gateway {

/// The JSON cached under `target`. Hidden: sensitive entities, entities whose view is hidden, and every key
/// of no entity. Computes nothing, but counts as a read. Lifetime: `source` and `entities` outlive the task.
task<admin::shown_value> show_value(cache& source, const platform::entity_table& entities, key target);

/// True if `pattern` ("agent:{id}:config") can build a key whose text is `text`.
bool could_build(std::string_view pattern, std::string_view text);

}  // namespace strata::gateway
