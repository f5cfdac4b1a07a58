#include "platform/endpoints.hpp"

#include "platform/consistency_cookie.hpp"
#include "platform/permissions.hpp"
#include "platform/responses.hpp"

#include <strata/key.hpp>

#include <fmt/format.h>

#include <stdexcept>

namespace strata::platform {

namespace {

namespace server = strata::server;
using enum server::method;
using permission::execute_agents, permission::read_agents, permission::write_agents;

constexpr std::string_view own = "private, max-age=300";
constexpr std::string_view own_short = "private, max-age=60";
constexpr std::string_view shared = "public, max-age=300, s-maxage=600";
constexpr std::string_view described = "public, max-age=3600";

const query_parameter page_parameter{
    "page", R"({"type":"integer","minimum":1,"maximum":1000000000,"default":1})", "which page, from 1"};
const query_parameter limit_parameter{"limit", R"({"type":"integer","minimum":1,"maximum":100,"default":20})",
                                      "how many items a page has"};
const query_parameter status_parameter{"status", enum_schema(agent_statuses), "only agents in this status"};
const query_parameter search_parameter{
    "q", R"({"type":"string","maxLength":200})",
    "only listings with every one of these words in name, description or publisher, without regard to case"};

// A shared cache may serve the marketplace a little longer while it fetches anew.
const server::response_field edge_field{"CDN-Cache-Control", "max-age=600, stale-while-revalidate=300"};
// A browser keeps what one login may see apart from what the next may.
const server::response_field private_field{"Vary", "Authorization, Cookie"};

server::route_options options_of(const endpoint& of) {
  server::route_options out;
  out.cache_control = std::string(of.cache_control);
  if (of.cache_control == shared) out.fields.push_back(edge_field);
  if (of.cache_control.starts_with("private")) out.fields.push_back(private_field);
  if (of.on == patch) out.consumes.insert(out.consumes.begin(), "application/merge-patch+json");
  return out;
}

void add(server::router& to, const services& in, const endpoint& of) {
  std::vector<std::string_view> known;
  for (const auto& each : of.query) known.push_back(each.name);
  auto group = to.group(access_steps(in, of.who, of.needs, std::move(known)));
  // What a session begins and ends is kept by one gateway: there is nothing to carry to others.
  const bool writes = of.on != get && !of.pattern.starts_with("/auth/");
  auto handler = [&in, handle = of.handler, writes](request& from) -> response_task {
    if (!writes) return handle(in, from);
    return then(handle(in, from), [&in, &from](response made) {
      add_consistency_token(in, from, made);
      return made;
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
  const auto etag = fmt::format("\"{:016x}\"", strata::hash_of(text));
  auto content = std::make_shared<const server::representation>(std::move(text), type, etag);
  to.group(access_steps(in, access::anyone, {}, {}))
      .get(std::move(pattern), [content](request&) -> response_task { return server::ok(content); },
           {.cache_control = std::string(described),
            .produces = std::string(type.text.substr(0, type.text.find(';')))});
}

}  // namespace

const std::vector<endpoint>& endpoints() {
  // clang-format off
  static const std::vector<endpoint> all = {
    // method, path, who, permission, handler, Cache-Control, status, response, request, what it does
    {post,    "/auth/login",                 access::login,  {},             login,              {},        200, "login",              "credentials",        "Begins a session; a session sent along ends."},
    {post,    "/auth/logout",                access::member, {},             logout,             {},        204, {},                   {},                   "Ends this session."},
    {post,    "/auth/logout-all",            access::member, {},             logout_all,         {},        200, "ended_sessions",     {},                   "Ends every session of the user, this one included."},
    {get,     "/auth/session",               access::member, {},             get_session,        {},        200, "session",            {},                   "This session."},
    {get,     "/users/me",                   access::member, {},             get_me,             own,       200, "user",               {},                   "The user who is logged in."},
    {get,     "/users/{id}",                 access::member, {},             get_user,           own,       200, "user",               {},                   "A user of the own organization."},
    {patch,   "/users/{id}",                 access::member, {},             patch_user,         {},        200, "user",               "user_patch",         "Changes a user: oneself (name only), or as administrator anyone of the organization."},
    {get,     "/users/{id}/permissions",     access::member, {},             get_permissions,    own_short, 200, "permissions",        {},                   "What a user may do: one's own, or as administrator anyone's of the organization."},
    {put,     "/users/{id}/permissions",     access::admin,  {},             put_permissions,    {},        200, "permissions",        "permissions",        "Replaces what a user may do."},
    {get,     "/users/{id}/settings",        access::member, {},             get_settings,       own,       200, "document",           {},                   "A user's settings: one's own, or as administrator anyone's of the organization."},
    {put,     "/users/{id}/settings",        access::member, {},             put_settings,       {},        200, "document",           "document",           "Replaces a user's settings."},
    {get,     "/organizations/{id}",         access::member, {},             get_organization,   own,       200, "organization",       {},                   "The own organization."},
    {patch,   "/organizations/{id}",         access::member, {},             patch_organization, {},        200, "organization",       "organization_patch", "Changes the own organization; for administrators."},
    {get,     "/agents",                     access::member, read_agents,    list_agents,        own_short, 200, "agent_page",         {},                   "The own organization's agents, newest first.", {page_parameter, limit_parameter, status_parameter}},
    {post,    "/agents",                     access::member, write_agents,   create_agent,       {},        201, "agent",              "agent_form",         "Creates an agent in the own organization."},
    {get,     "/agents/{id}",                access::member, read_agents,    get_agent,          own,       200, "agent",              {},                   "An agent of the own organization."},
    {patch,   "/agents/{id}",                access::member, write_agents,   patch_agent,        {},        200, "agent",              "agent_patch",        "Changes an agent."},
    {delete_, "/agents/{id}",                access::member, write_agents,   delete_agent,       {},        204, {},                   {},                   "Deletes an agent with its config and tools."},
    {get,     "/agents/{id}/config",         access::member, read_agents,    get_config,         own,       200, "document",           {},                   "An agent's config; {} if none was put."},
    {put,     "/agents/{id}/config",         access::member, write_agents,   put_config,         {},        200, "document",           "document",           "Replaces an agent's config."},
    {get,     "/agents/{id}/tools",          access::member, read_agents,    get_tools,          own,       200, "document",           {},                   "An agent's tools; {} if none were put."},
    {put,     "/agents/{id}/tools",          access::member, write_agents,   put_tools,          {},        200, "document",           "document",           "Replaces an agent's tools."},
    {post,    "/agents/{id}/executions",     access::member, execute_agents, execute_agent,      {},        202, "execution",          {},                   "Counts one execution of an agent."},
    {get,     "/marketplace/listings",       access::anyone, {},             list_listings,      shared,    200, "listing_page",       {},                   "The marketplace by name; no login needed.", {page_parameter, limit_parameter, search_parameter}},
    {get,     "/marketplace/listings/{id}",  access::anyone, {},             get_listing,        shared,    200, "listing",            {},                   "A listing; no login needed."},
    {post,    "/marketplace/listings/{id}/install", access::member, {},      install_listing,    {},        200, "installation",       {},                   "Counts one installation of a listing."},
  };
  // clang-format on
  return all;
}

server::router make_routes(const services& in) {
  server::router out;
  for (const auto& each : endpoints()) add(out, in, each);
  add_page(out, in, "/openapi.json", openapi_text(endpoints()), "application/json");
  add_page(out, in, "/docs", docs_page(endpoints()), "text/html; charset=utf-8");
  return out;
}

}  // namespace strata::platform
