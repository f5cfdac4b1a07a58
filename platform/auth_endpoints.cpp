#include "platform/auth_endpoints.hpp"

#include "platform/access_steps.hpp"
#include "platform/credentials.hpp"
#include "platform/entities/organization.hpp"
#include "platform/fields.hpp"
#include "platform/list_query.hpp"
#include "platform/responses.hpp"

#include <strata/time.hpp>

#include <fmt/format.h>
#include <boost/json/value.hpp>

namespace strata::platform {

namespace {

namespace server = strata::server;

std::string cookie_line(std::string_view token, const auth_settings& auth) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(auth.sessions.lifetime).count();
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", session_cookie, token,
                     token.empty() ? 0 : seconds, auth.secure_cookie ? "; Secure" : "");
}

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
  in.sessions.end(token_of(from));
  const auto [token, held] = in.sessions.begin(found->row.id);
  std::string body = R"({"session":)";
  body += strata::json::text_of(token);
  body += R"(,"expires_at":)";
  body += strata::json::text_of(strata::rfc3339(in.sessions.expires_at(*held)));
  body += R"(,"user":)";
  body += found->representation->body();
  body += '}';
  auto out = server::json(200, std::move(body));
  out.add("Set-Cookie", cookie_line(token, in.auth));
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

response_task logout(const services& in, request& from) {
  in.sessions.end(token_of(from));
  auto out = server::no_content();
  out.add("Set-Cookie", cookie_line({}, in.auth));
  return out;
}

response_task logout_all(const services& in, request& from) {
  const auto ended = in.sessions.end_all(from.who<principal>()->row.id);
  auto out = server::json(200, fmt::format(R"({{"sessions":{}}})", ended));
  out.add("Set-Cookie", cookie_line({}, in.auth));
  return out;
}

response_task get_session(const services& in, request& from) {
  const auto held = in.sessions.use(token_of(from));
  if (!held) return unauthenticated();
  const auto who = from.principal<principal>();
  std::string body = R"({"user_id":)";
  body += strata::json::text_of(who->row.id);
  body += R"(,"organization_id":)";
  body += strata::json::text_of(who->row.organization_id);
  body += R"(,"created_at":)";
  body += strata::json::text_of(strata::rfc3339(held->created_at));
  body += R"(,"expires_at":)";
  body += strata::json::text_of(strata::rfc3339(in.sessions.expires_at(*held)));
  body += '}';
  return server::json(200, std::move(body));
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
      {"ended_sessions",
       R"({"type":"object","required":["sessions"],"properties":{"sessions":{"type":"integer"}}})"},
  };
}

}  // namespace strata::platform
