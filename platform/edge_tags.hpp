#pragma once
/// The tags of public responses: the names by which an edge purges them, and those that a changed row purges.
/// A tag names a row that the response shows, or a list, and nothing else. So it reveals nothing.
/// Threads: pure functions.

#include <server/response.hpp>
#include <strata/edge_queue.hpp>
#include <strata/time.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

/// The tag of a listing: its key in the cache.
std::string listing_tag(std::string_view id);
/// The tag of every page of the marketplace.
inline constexpr std::string_view listings_tag = "listings";

/// Adds `tag` to a public response as Cache-Tag, Surrogate-Key and Cache-Groups (RFC 9875), and when the
/// response was made. Leaves any other response as it is: a route may be public, and its response not.
void add_public_tag(server::response& to, std::string_view tag, wall_time now);

/// What changes of the platform's public rows purge: for `install_edge_queue`.
std::vector<edge_rule> edge_rules();

/// A page below `site` ("https://www.example.org") that a purge covers, or an empty text.
std::string public_page_of(std::string_view site, edge_purge_kind kind, std::string_view value);

}  // namespace strata::platform
