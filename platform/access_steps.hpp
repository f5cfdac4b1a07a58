#pragma once
/// The steps of every request before its handler, in this order: authenticate, authorize, limit, and refuse
/// unknown query parameters.
/// Threads: steps are callable from any thread.

#include "platform/services.hpp"

#include <server/router.hpp>

#include <span>
#include <string_view>
#include <vector>

namespace strata::platform {

/// The callers of an endpoint. The handler checks what a row allows beyond that (own organization, own
/// account) before it reveals anything of the row.
enum class access { anyone, login, member, admin };

/// The steps of an endpoint for `who`. The caller must hold the permission `needs` (empty: none) or be an
/// administrator, and may send the query parameters `query`.
/// Requires: `needs` is empty unless `who` is a member.
/// Lifetime: `in` outlives the steps; texts are literals.
std::vector<strata::server::step> access_steps(const services& in, access who, std::string_view needs,
                                               std::vector<std::string_view> query);

/// Counts a request of `caller` with the gateways that share the limit. Returns 429 if it is one too many.
strata::task<std::optional<strata::server::response>> limit_together(const current_limiter& in_force,
                                                                     std::string_view caller,
                                                                     strata::server::request& from);

/// Counts a refused request that no limit has counted, for its user or else for its address: for
/// server_options::count_refused.
std::optional<strata::server::rate_limit_state> count_refused(const services& in, std::string_view peer,
                                                              const strata::server::request* from);

}  // namespace strata::platform
