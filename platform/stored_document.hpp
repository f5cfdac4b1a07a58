#pragma once
/// The row of an entity that is a free JSON object and belongs to another row.
/// Threads: plain values.

#include "platform/fields.hpp"

#include <strata/json.hpp>

#include <boost/describe.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

/// An agent's config, its tools, a user's settings.
struct stored_document {
  std::string id;  ///< the owner's
  json::raw document{"{}"};
  std::int64_t version = 0;
  std::string created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(stored_document, (), (id, document, version, created_at, updated_at))

/// The API sends the document alone.
inline std::string body_of(const stored_document& row) {
  return row.document.text;
}

/// Keeps `text`, which was parsed as `from`, if it is a free JSON object: all but the spaces between its
/// tokens. Appends its problems to `problems`, under `pointer`.
std::optional<json::raw> read_document(const boost::json::value& from, std::string_view text,
                                       const std::string& pointer, std::vector<field_problem>& problems);
/// The same for a document that was a part of a text: its compact form. Requires: parsed with
/// json::number_rule::exact.
std::optional<json::raw> read_document(const boost::json::value& from, const std::string& pointer,
                                       std::vector<field_problem>& problems);

inline constexpr std::size_t max_document = 256u << 10;  ///< bytes of its JSON

}  // namespace strata::platform
