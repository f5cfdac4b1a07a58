#pragma once
/// Text inside HTML, SVG and other XML.

#include <string>
#include <string_view>

namespace strata::server {

/// Returns `text` with &, <, > and " written as entities, fit for content and quoted attributes.
/// A control character becomes a ?, since XML has none.
std::string escape_html(std::string_view text);

}  // namespace strata::server
