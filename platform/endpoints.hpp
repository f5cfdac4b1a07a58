#pragma once
/// The API as rows: the router serves them, /openapi.json and /docs describe them.
/// Threads: built by one thread, then immutable.

#include "platform/access_steps.hpp"
#include "platform/entity.hpp"
#include "platform/services.hpp"

#include <server/representation.hpp>
#include <server/request.hpp>
#include <server/response.hpp>
#include <server/router.hpp>
#include <strata/task.hpp>
#include <strata/units.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

using response_task = strata::task<strata::server::response>;

/// A query parameter, for the description. The handler checks it.
struct query_parameter {
  std::string_view name;
  std::string schema;  ///< JSON Schema as text
  std::string_view about;
};

/// Runs after the access steps of access_steps.hpp. Lifetime: the services outlive the task; the request as
/// server/request.hpp says.
using endpoint_handler = response_task (*)(const services&, strata::server::request&);

/// The longest bodies: of forms, of a login, and of documents, for which limits.body alone counts.
inline constexpr byte_size small_body{16u << 10};
inline constexpr byte_size login_body{4u << 10};
inline constexpr byte_size document_body{};

/// One operation of the API. Texts are literals.
struct endpoint {
  strata::server::method on;
  std::string_view pattern;
  access who;
  std::string_view needs;  ///< the permission that a member must hold; empty: none
  endpoint_handler handler;
  std::string_view cache_control;  ///< of a 2xx to GET; empty: no-store
  int success;
  std::string_view response;  ///< name of a schema; empty: no body
  std::string_view request;   ///< name of a schema; empty: no body
  std::string_view about;
  std::vector<query_parameter> query = {};
  byte_size max_body = small_body;  ///< 413 for a longer one
};

/// Values of `cache_control`.
inline constexpr std::string_view cache_privately = "private, max-age=300";
inline constexpr std::string_view cache_privately_for_a_minute = "private, max-age=60";
inline constexpr std::string_view cache_publicly = "public, max-age=300, s-maxage=600";

/// The parameters of every list.
query_parameter page_parameter();
query_parameter limit_parameter();

/// Every endpoint of the sessions and of `entities`, in the order of /docs. /openapi.json and /docs are made
/// from them and are not among them.
std::vector<endpoint> endpoints(const std::vector<entity_definition>& entities = all_entities());

/// The routes of all endpoints of the entities of `in`, /openapi.json, /docs with its files under /assets/,
/// and /, which leads to /docs. Lifetime: `in` outlives them.
strata::server::router make_routes(const services& in);

/// The OpenAPI 3.1 document, as JSON.
/// Throws std::logic_error if an endpoint names a schema that nothing declares.
std::string openapi_text(const std::vector<entity_definition>& entities = all_entities());

/// The same for people: an HTML page, whose style and icon are files under /assets/.
std::string docs_page(const std::vector<entity_definition>& entities = all_entities());

}  // namespace strata::platform
