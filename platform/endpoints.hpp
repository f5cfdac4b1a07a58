#pragma once
/// The API as one table: what the router serves and what /openapi.json and /docs tell.
/// Threads: built by one thread, then immutable.

#include "platform/access_steps.hpp"
#include "platform/handlers.hpp"

#include <server/router.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

/// What a query parameter may be, for the description; the handler checks it.
struct query_parameter {
  std::string_view name;
  std::string schema;  ///< JSON Schema as text
  std::string_view about;
};

using endpoint_handler = response_task (*)(const services&, strata::server::request&);

/// One line of the API. Texts are literals.
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
};

/// Every endpoint but /openapi.json and /docs, which are made from this.
const std::vector<endpoint>& endpoints();

/// The routes of `endpoints()`, /openapi.json and /docs.
/// Lifetime: `in` outlives them.
strata::server::router make_routes(const services& in);

/// The JSON Schema of a string that is one of `values`, or null.
std::string enum_schema(std::span<const std::string_view> values, bool or_null = false);

/// The OpenAPI 3.1 document of `all`, as JSON.
std::string openapi_text(const std::vector<endpoint>& all);

/// The same for people: one HTML page that needs nothing else.
std::string docs_page(const std::vector<endpoint>& all);

}  // namespace strata::platform
