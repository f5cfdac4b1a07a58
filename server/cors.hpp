#pragma once
/// Cross-origin requests of browsers (the CORS protocol of the Fetch standard): which pages of other origins
/// may read responses. A browser enforces it; it protects no server against other clients. Threads: immutable
/// values, pure functions.

#include <server/request.hpp>
#include <server/response.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace strata::server {

struct cors_options {
  /// Origins such as "https://app.example", whose pages may read responses and send credentials. "*" stands
  /// for every other origin, without credentials. Empty: no page of another origin reads anything.
  std::vector<std::string> origins;
};

/// True if `text` is an origin as browsers send it: `scheme://host[:port]` in lower case and without a path.
bool is_origin(std::string_view text) noexcept;

/// Appends the field lines for the response `answer` to `to`, and to a preflight (OPTIONS with
/// Access-Control-Request-Method) what it asks for. Where the response depends on the origin, each response
/// carries `Vary: Origin`, so that no cache gives one origin's response to another.
void append_cors_fields(std::string& out, const cors_options& options, const request& to,
                        const response& answer);

}  // namespace strata::server
