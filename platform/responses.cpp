#include "platform/responses.hpp"

#include <strata/json.hpp>

#include <stdexcept>
#include <string>

namespace strata::platform {

using strata::errc;
namespace server = strata::server;

response not_found() {
  return server::problem(404, "there is nothing here that you may see");
}

response unprocessable(std::span<const server::field_problem> problems) {
  return server::problem(422, {}, "the request is well formed, but not all of it is acceptable", problems);
}

response unauthenticated() {
  auto out = server::problem(
      401, "log in first: POST /auth/login, then send the session as a Bearer token or cookie");
  out.add("WWW-Authenticate", R"(Bearer realm="strata")");
  return out;
}

response forbidden(std::string_view detail) {
  return server::problem(403, detail);
}

response failed(const strata::error& why) {
  switch (why.code) {
    case errc::busy:
    case errc::contention:
    case errc::timeout:
    case errc::database_unavailable:
    case errc::store_unavailable: {
      const bool crowded = why.code == errc::busy || why.code == errc::contention;
      auto out = server::problem(503, crowded ? "too much to do at once; try again shortly"
                                              : "the database cannot do this now; try again shortly");
      out.add("Retry-After", crowded ? "1" : "5");
      return out;
    }
    case errc::not_found:
      return not_found();
    case errc::constraint:
      return server::problem(409, "this contradicts what is stored already");
    case errc::conflict:
      return server::problem(409, "another client changed this at the same time; read it again");
    case errc::too_large:
    case errc::invalid_argument:
    case errc::corrupt_entry:
    case errc::unauthentic_entry:
    case errc::factory_failed:
    case errc::statement:
    case errc::cancelled:
      break;
  }
  // For the operator, not for the client: the server responds with 500 and logs the exception.
  throw std::runtime_error(std::string(strata::name(why.code)) + ": " + why.detail);
}

server::cache_status status_of(const strata::read_info& info) {
  server::cache_status out;
  if (info.hit()) {
    out.ttl = std::chrono::floor<std::chrono::seconds>(info.ttl);
    out.detail = info.stale ? "stale" : strata::name(info.from);
  } else {
    out.forward = server::cache_status::forwarded::miss;
    out.stored = info.stored;
    out.collapsed = info.shared;
    out.detail = strata::name(info.reason);
  }
  return out;
}

std::expected<boost::json::value, response> parsed_body(const request& from,
                                                        strata::json::number_rule numbers) {
  auto parsed = strata::json::parse(from.body(), {.members = max_members, .numbers = numbers});
  if (!parsed) return std::unexpected(server::problem(400, "Malformed JSON", parsed.error().detail));
  return std::move(*parsed);
}

}  // namespace strata::platform
