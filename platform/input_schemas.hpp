#pragma once
/// What clients and imports may say of each row: one function a form, rules and limits in one place.
/// Threads: pure functions.

#include "platform/entities.hpp"
#include "platform/fields.hpp"

#include <strata/error.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace strata::platform {

/// The fields of an agent that a client writes. A missing one is left as it is.
struct agent_input {
  std::optional<std::string> name, description, status;
  std::optional<bool> is_public;
  void apply(agent& to) const;
};
agent_input read_agent(field_reader& in);

struct user_input {
  std::optional<std::string> email, name;
  std::optional<bool> is_admin;
  void apply(user& to) const;
};
user_input read_user(field_reader& in);

struct organization_input {
  std::optional<std::string> name, plan;
  void apply(organization& to) const;
};
organization_input read_organization(field_reader& in);

struct listing_input {
  std::optional<std::string> name, description, publisher, repository_url;
  std::optional<strata::json::raw> packages;
  void apply(listing& to) const;
};
listing_input read_listing(field_reader& in);

struct login_input {
  std::optional<std::string> email, password;
};
login_input read_login(field_reader& in);

/// The names of what a user may do: at most 100, sorted, each once, of the form `agents:write`.
std::optional<std::vector<std::string>> read_permissions(field_reader& in);

/// A free JSON object. Appends to `problems` what is wrong, under `pointer`.
std::optional<strata::json::raw> read_document(const boost::json::value& from, const std::string& pointer,
                                               std::vector<field_problem>& problems);

inline constexpr std::size_t max_document = 256u << 10;  ///< bytes of a document's JSON
inline constexpr std::size_t max_packages = 64u << 10;   ///< bytes of a listing's packages as JSON

}  // namespace strata::platform
