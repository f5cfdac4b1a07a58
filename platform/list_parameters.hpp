#pragma once
/// The query parameters of lists.
/// Threads: pure functions.

#include "platform/list_query.hpp"

#include <server/representation.hpp>
#include <server/request.hpp>
#include <server/response.hpp>

#include <span>
#include <string_view>
#include <vector>

namespace strata::platform {

/// Reads `page` (1 to 1000000000) and `limit` (1 to 100).
page_request read_page(const strata::server::request& from,
                       std::vector<strata::server::field_problem>& problems);

/// Reads the parameter `name`, one of `allowed`; empty if it is missing or empty.
std::string_view read_choice(const strata::server::request& from, std::string_view name,
                             std::span<const std::string_view> allowed,
                             std::vector<strata::server::field_problem>& problems);

/// Reads `q`: at most 200 characters and 8 words.
std::string_view read_search(const strata::server::request& from,
                             std::vector<strata::server::field_problem>& problems);

}  // namespace strata::platform
