#include "platform/auth_endpoints.hpp"

#include "platform/login.hpp"
#include "platform/responses.hpp"
#include "platform/session_cookie.hpp"

#include <strata/time.hpp>

#include <fmt/format.h>
#include <boost/json/value.hpp>

namespace strata::platform {

namespace {

namespace server = strata::server;

response_task logout_later(const services& in, std::string token) {
  auto ended = co_await in.sessions.end(token);
  if (!ended) co_return failed(ended.error());
  auto out = server::no_content();
  out.add("Set-Cookie", session_cookie_line({}, in.auth));
  co_return out;
}

response_task logout(const services& in, request& from) {
  return logout_later(in, std::string(token_sent_with(in.auth, from).text));
}

response_task logout_all_later(const services& in, std::string user_id) {
  auto ended = co_await in.sessions.end_all(std::move(user_id));
  if (!ended) co_return failed(ended.error());
  auto out = server::json(200, fmt::format(R"({{"sessions":{}}})", *ended));
  out.add("Set-Cookie", session_cookie_line({}, in.auth));
  co_return out;
}

response_task logout_all(const services& in, request& from) {
  return logout_all_later(in, from.who<principal>()->row.id);
}

void append_member(std::string& out, std::string_view name, const std::string& value) {
  out += fmt::format(R"({}"{}":{})", out.size() == 1 ? "" : ",", name, strata::json::text_of(value));
}

response_task get_session(const services& in, request& from) {
  return then(in.sessions.find(token_sent_with(in.auth, from).text),
              [&in, &from](const strata::lookup<session>& held) -> response {
                if (held.failure() != nullptr) return failed(*held.failure());
                if (!held) return unauthenticated();
                const auto& who = from.who<principal>()->row;
                std::string body = "{";
                append_member(body, "user_id", who.id);
                append_member(body, "organization_id", who.organization_id);
                append_member(body, "created_at", strata::rfc3339(held->created_at));
                append_member(body, "expires_at", strata::rfc3339(in.sessions.expires_at(*held)));
                body += '}';
                return server::json(200, std::move(body));
              });
}

// The last used first. One of them is the session that asks.
response_task list_sessions_later(const services& in, std::string user_id, std::string own_id) {
  auto listed = co_await in.sessions.list(std::move(user_id));
  if (!listed) co_return failed(listed.error());
  std::string body = R"({"items":[)";
  for (const auto& each : *listed) {
    std::string item = "{";
    append_member(item, "id", each.id);
    append_member(item, "device", each.device);
    append_member(item, "address", each.address);
    append_member(item, "created_at", strata::rfc3339(each.created_at));
    append_member(item, "used_at", strata::rfc3339(each.used_at));
    append_member(item, "expires_at", strata::rfc3339(each.ends_at));
    item += fmt::format(R"(,"current":{}}})", each.id == own_id);
    body += (body.ends_with('[') ? "" : ",") + item;
  }
  body += "]}";
  co_return server::json(200, std::move(body));
}

response_task list_sessions(const services& in, request& from) {
  return then(in.sessions.find(token_sent_with(in.auth, from).text),
              [&in, &from](const strata::lookup<session>& held) -> response_task {
                return list_sessions_later(in, from.who<principal>()->row.id,
                                           held ? held->id : std::string());
              });
}

response_task end_session_later(const services& in, std::string user_id, std::string id) {
  auto ended = co_await in.sessions.end_one(std::move(user_id), std::move(id));
  if (!ended) co_return failed(ended.error());
  co_return *ended ? server::no_content() : not_found();
}

response_task end_session(const services& in, request& from) {
  return end_session_later(in, from.who<principal>()->row.id, std::string(from.path_parameter("id")));
}

}  // namespace

std::vector<endpoint> auth_endpoints() {
  using enum strata::server::method;
  // clang-format off
  return {
    // method, path, who, permission, handler, Cache-Control, status, response, request, what it does
    {post, "/auth/login",      access::login,  {}, login,       {}, 200, "login",          "credentials", "Begins a session; a session sent along ends.", {}, login_body},
    {post, "/auth/invitations", access::login, {}, accept_invitation, {}, 200, "login",     "acceptance",  "Sets the password of an invited user and begins a session.", {}, login_body},
    {put,  "/auth/password",   access::member, {}, put_password, {}, 204, {},              "new_password", "Changes the own password. The user's other sessions end.", {}, login_body},
    {post, "/auth/logout",     access::member, {}, logout,      {}, 204, {},               {},            "Ends this session."},
    {post, "/auth/logout-all", access::member, {}, logout_all,  {}, 200, "ended_sessions", {},            "Ends every session of the user, this one included."},
    {get,  "/auth/session",    access::member, {}, get_session, {}, 200, "session",        {},            "This session."},
    {get,  "/auth/sessions",   access::member, {}, list_sessions, {}, 200, "session_list", {},            "The user's sessions, the last used first."},
    {delete_, "/auth/sessions/{id}", access::member, {}, end_session, {}, 204, {}, {},                    "Ends one of the user's sessions."},
  };
  // clang-format on
}

std::vector<named_schema> auth_schemas() {
  return {
      {"credentials",
       R"({"type":"object","required":["email","password"],"additionalProperties":false,"properties":{)"
       R"("email":{"type":"string","maxLength":254},"password":{"type":"string","maxLength":1024},)"
       R"("organization_id":{"type":"string","maxLength":64}}})"},
      {"acceptance",
       R"({"type":"object","required":["invitation","password"],"additionalProperties":false,"properties":{)"
       R"("invitation":{"type":"string"},"password":{"type":"string","minLength":8,"maxLength":1024}}})"},
      {"new_password",
       R"({"type":"object","required":["current_password","new_password"],"additionalProperties":false,)"
       R"("properties":{"current_password":{"type":"string","maxLength":1024},)"
       R"("new_password":{"type":"string","minLength":8,"maxLength":1024}}})"},
      {"login",
       R"({"type":"object","required":["session","expires_at","user"],"properties":{"session":{"type":"string"},)"
       R"("expires_at":{"type":"string","format":"date-time"},"user":{"$ref":"#/components/schemas/user"}}})"},
      {"session",
       R"({"type":"object","required":["user_id","organization_id","created_at","expires_at"],"properties":{)"
       R"("user_id":{"type":"string"},"organization_id":{"type":"string"},)"
       R"("created_at":{"type":"string","format":"date-time"},"expires_at":{"type":"string","format":"date-time"}}})"},
      {"session_list",
       R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"type":"object",)"
       R"("required":["id","device","address","created_at","used_at","expires_at","current"],"properties":{)"
       R"("id":{"type":"string"},"device":{"type":"string"},"address":{"type":"string"},)"
       R"("created_at":{"type":"string","format":"date-time"},"used_at":{"type":"string","format":"date-time"},)"
       R"("expires_at":{"type":"string","format":"date-time"},"current":{"type":"boolean"}}}}}})"},
      {"ended_sessions",
       R"({"type":"object","required":["sessions"],"properties":{"sessions":{"type":"integer"}}})"},
  };
}

}  // namespace strata::platform
