#include "platform/auth_endpoints.hpp"

#include "platform/access_steps.hpp"
#include "platform/credentials.hpp"
#include "platform/entities/organization.hpp"
#include "platform/fields.hpp"
#include "platform/list_query.hpp"
#include "platform/responses.hpp"
#include "platform/session_cookie.hpp"

#include <strata/time.hpp>

#include <fmt/format.h>
#include <boost/json/value.hpp>

namespace strata::platform {

namespace {

namespace server = strata::server;

// The same for an unknown email, a wrong password and an account that cannot be used: a caller learns nothing
// about which accounts exist.
response refused_login() {
  return server::problem(401, "email or password is wrong");
}

struct login_input {
  std::optional<std::string> email, password;
};

login_input read_login(field_reader& in) {
  login_input out;
  out.email = in.text("email", {.min = 1, .max = 254});
  // Any text is a password, control characters included; only its length is bounded.
  const auto* password = in.any("password");
  if (password == nullptr) {
    in.problem("password", "is missing");
  } else if (const auto* text = password->if_string(); text == nullptr) {
    in.problem("password", "must be a string");
  } else if (text->empty() || text->size() > max_password_length) {
    in.problem("password", fmt::format("must have 1 to {} bytes", max_password_length));
  } else {
    out.password.emplace(*text);
  }
  return out;
}

using begun_session = strata::result<std::optional<strata::started_session>>;

// The hash is read again inside the transaction: a password that changes while it is checked begins no
// session.
task<begun_session> begin_once(const services& in, strata::new_session of, std::string hash,
                               unit_of_work work) {
  auto same = co_await is_current(work, of.user_id, hash);
  if (!same) co_return std::unexpected(std::move(same.error()));
  if (!*same) co_return std::optional<strata::started_session>();
  auto made = co_await in.sessions.create_in(work, std::move(of));
  if (!made) co_return std::unexpected(std::move(made.error()));
  auto done = co_await work.commit();
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return std::optional<strata::started_session>(std::move(*made));
}

task<begun_session> begin_session(const services& in, const request& from, const credential& known) {
  const strata::new_session of{.user_id = known.user_id,
                               .device = std::string(from.field("user-agent")),
                               .address = std::string(from.peer())};
  auto attempt = [&](unit_of_work work) { return begin_once(in, of, known.password_hash, std::move(work)); };
  auto begun = in.data.in_transaction(attempt);
  co_return co_await std::move(begun);
}

response_task login_later(const services& in, request& from, std::string email, std::string password) {
  auto known = co_await credential_of(in.data, std::move(email));
  if (!known) co_return failed(known.error());
  std::optional<std::string> hash;
  if (*known) hash = (*known)->password_hash;
  auto right = co_await in.passwords.verify(std::move(hash), std::move(password));
  if (!right) co_return failed(right.error());
  if (!*right) co_return refused_login();

  const auto found = co_await in.data.rows<user_entity>().find((*known)->user_id);
  if (found.failure() != nullptr) co_return failed(*found.failure());
  if (!found) co_return refused_login();
  const auto home = co_await in.data.rows<organization_entity>().find(found->row.organization_id);
  if (home.failure() != nullptr) co_return failed(*home.failure());
  if (!home || !home->row.is_active) co_return refused_login();

  // A session that the request carries ends here: a planted one must not become a login.
  auto ending = in.sessions.end(token_sent_with(in.auth, from).text);
  if (auto ended = co_await std::move(ending); !ended) co_return failed(ended.error());
  auto beginning = begin_session(in, from, **known);
  auto begun = co_await std::move(beginning);
  if (!begun) co_return failed(begun.error());
  if (!*begun) co_return refused_login();
  const auto& [token, held] = **begun;
  std::string body = R"({"session":)";
  body += strata::json::text_of(token);
  body += R"(,"expires_at":)";
  body += strata::json::text_of(strata::rfc3339(in.sessions.expires_at(*held)));
  body += R"(,"user":)";
  body += found->representation->body();
  body += '}';
  auto out = server::json(200, std::move(body));
  out.add("Set-Cookie", session_cookie_line(token, in.auth));
  co_return out;
}

response_task login(const services& in, request& from) {
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::create);
  auto form = read_login(fields);
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  if (auto refused = limit(in.limited.login_account, "account", normalized(*form.email), in, from)) {
    return std::move(*refused);
  }
  return login_later(in, from, std::move(*form.email), std::move(*form.password));
}

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
       R"("email":{"type":"string","maxLength":254},"password":{"type":"string","maxLength":1024}}})"},
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
