#include "platform/endpoints.hpp"

#include "platform/assets.hpp"
#include "platform/consistency_cookie.hpp"
#include "platform/responses.hpp"

#include <strata/key.hpp>

#include <fmt/format.h>

#include <array>
#include <memory>
#include <stdexcept>

namespace strata::platform {

namespace {

namespace server = strata::server;
using enum server::method;

constexpr std::string_view described = "public, max-age=3600";

// The order of /docs: an endpoint is grouped with the longest of these prefixes of its path. Endpoints
// without a prefix follow, in the order of the entities.
constexpr std::array<std::string_view, 10> documented_order{"/auth",
                                                            "/users",
                                                            "/users/{id}/permissions",
                                                            "/users/{id}/settings",
                                                            "/organizations",
                                                            "/agents",
                                                            "/agents/{id}/config",
                                                            "/agents/{id}/tools",
                                                            "/agents/{id}/executions",
                                                            "/marketplace"};

std::size_t place_of(std::string_view pattern) {
  std::size_t found = documented_order.size();
  std::size_t longest = 0;
  for (std::size_t i = 0; i < documented_order.size(); ++i) {
    if (!pattern.starts_with(documented_order[i]) || documented_order[i].size() < longest) continue;
    found = i;
    longest = documented_order[i].size();
  }
  return found;
}

// A shared cache may serve the marketplace a little longer while it revalidates.
const server::response_field edge_field{"CDN-Cache-Control", "max-age=300, stale-while-revalidate=300"};
// A browser must keep the responses of different logins apart.
const server::response_field private_field{"Vary", "Authorization, Cookie"};

server::route_options options_of(const endpoint& of) {
  server::route_options out;
  out.cache_control = std::string(of.cache_control);
  out.max_body = of.max_body;
  if (of.cache_control == cache_publicly) out.fields.push_back(edge_field);
  if (of.cache_control.starts_with("private")) out.fields.push_back(private_field);
  if (of.on == patch) out.consumes.insert(out.consumes.begin(), "application/merge-patch+json");
  return out;
}

void add(server::router& to, const services& in, const endpoint& of) {
  std::vector<std::string_view> known;
  for (const auto& each : of.query) known.push_back(each.name);
  auto group = to.group(access_steps(in, of.who, of.needs, std::move(known)));
  // A session is looked up by a token that only its login returns: its writes need no mark for other reads.
  const bool writes = of.on != get && !of.pattern.starts_with("/auth/");
  auto handler = [&in, handle = of.handler, writes](request& from) -> response_task {
    if (!writes) return handle(in, from);
    return then(handle(in, from), [&in, &from](response out) {
      add_consistency_token(in, from, out);
      return out;
    });
  };
  auto how = options_of(of);
  const std::string pattern(of.pattern);
  switch (of.on) {
    case get:
      group.get(pattern, handler, std::move(how));
      return;
    case post:
      group.post(pattern, handler, std::move(how));
      return;
    case put:
      group.put(pattern, handler, std::move(how));
      return;
    case patch:
      group.patch(pattern, handler, std::move(how));
      return;
    case delete_:
      group.remove(pattern, handler, std::move(how));
      return;
    default:
      throw std::logic_error("an endpoint is GET, POST, PUT, PATCH or DELETE");
  }
}

void add_page(server::router& to, const services& in, std::string pattern, std::string text,
              server::static_text type) {
  const auto etag = fmt::format("\"{:016x}\"", strata::stable_hash_of(text));
  auto content = std::make_shared<const server::representation>(std::move(text), type, etag);
  to.group(access_steps(in, access::anyone, {}, {}))
      .get(std::move(pattern), [content](request&) -> response_task { return server::ok(content); },
           {.cache_control = std::string(described),
            .produces = std::string(type.text.substr(0, type.text.find(';')))});
}

}  // namespace

query_parameter page_parameter() {
  return {"page", R"({"type":"integer","minimum":1,"maximum":1000000000,"default":1})", "which page, from 1"};
}
query_parameter limit_parameter() {
  return {"limit", R"({"type":"integer","minimum":1,"maximum":100,"default":20})",
          "how many items a page has"};
}

std::vector<endpoint> endpoints(const std::vector<entity_definition>& entities) {
  std::array<std::vector<endpoint>, documented_order.size() + 1> by_place;
  const auto add = [&](std::vector<endpoint> from) {
    for (auto& each : from) by_place[place_of(each.pattern)].push_back(std::move(each));
  };
  for (const auto& each : entities) {
    if (each.endpoints != nullptr) add(each.endpoints());
  }
  std::vector<endpoint> all;
  for (auto& place : by_place) {
    for (auto& each : place) all.push_back(std::move(each));
  }
  return all;
}

server::router make_routes(const services& in) {
  server::router out;
  const auto& entities = in.data.entities().definitions();
  for (const auto& each : endpoints(entities)) add(out, in, each);
  add_page(out, in, "/openapi.json", openapi_text(entities), "application/json");
  add_page(out, in, "/docs", docs_page(entities), "text/html; charset=utf-8");
  out.group(access_steps(in, access::anyone, {}, {}))
      .get("/", [](request&) -> response_task { return server::redirect("/docs"); }, {.produces = {}});
  platform_assets().serve(out, access_steps(in, access::anyone, {}, {}));
  return out;
}

}  // namespace strata::platform
