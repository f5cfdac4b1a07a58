#pragma once
/// What an import's records say, checked against the forms of the API.
/// Threads: pure functions.

#include "platform/entities.hpp"
#include "platform/fields.hpp"

#include <boost/json/value.hpp>

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace strata::platform {

/// A row as it is when it is new, and what the record changes if it is there already.
template <class Row>
struct imported {
  Row fresh;
  std::function<void(Row&)> replace;
};

struct imported_user : imported<user> {
  std::optional<std::string> password;
};

struct imported_agent : imported<agent> {
  std::optional<strata::json::raw> config, tools;
};

using import_record = std::variant<imported<organization>, imported_user, imported_agent, imported<listing>>;

using read_import = std::expected<import_record, std::vector<field_problem>>;

/// A record of JSON Lines: `type` says what it is.
read_import read_record(const boost::json::value& from);

/// A server of an MCP registry export, as a listing. Its `remotes` join its packages.
read_import read_registry_server(const boost::json::value& from);

}  // namespace strata::platform
