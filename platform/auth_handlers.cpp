#include "platform/access_steps.hpp"
#include "platform/handlers.hpp"
#include "platform/input_schemas.hpp"
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

// The same for an unknown email, a wrong password and an account that cannot be used: who asks
// learns nothing about who has an account.
response refused_login() {
  return server::problem(401, "email or password is wrong");
}

response_task login_later(const services& in, request& from, std::string email, std::string password) {
  auto known = co_await in.data.credential_of(std::move(email));
  if (!known) co_return failed(known.error());
  std::optional<std::string> hash;
  if (*known) hash = (*known)->password_hash;
  auto right = co_await in.passwords.verify(std::move(hash), std::move(password));
  if (!right) co_return failed(right.error());
  if (!*right) co_return refused_login();

  const auto found = co_await in.data.users.find((*known)->user_id);
  if (found.failure() != nullptr) co_return failed(*found.failure());
  if (!found) co_return refused_login();
  const auto home = co_await in.data.organizations.find(found->row.organization_id);
  if (home.failure() != nullptr) co_return failed(*home.failure());
  if (!home || !home->row.is_active) co_return refused_login();

  // A session that comes along ends here: one that was planted must not become a login.
  in.sessions.end(token_of(from));
  const auto [token, held] = in.sessions.begin(found->row.id);
  std::string body = R"({"session":)";
  strata::json::write(body, token);
  body += R"(,"expires_at":)";
  strata::json::write(body, strata::rfc3339(in.sessions.expires_at(*held)));
  body += R"(,"user":)";
  body += found->representation->body();
  body += '}';
  auto out = server::json(200, std::move(body));
  out.add("Set-Cookie", cookie_line(token, in.auth));
  co_return out;
}

}  // namespace

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
  strata::json::write(body, who->row.id);
  body += R"(,"organization_id":)";
  strata::json::write(body, who->row.organization_id);
  body += R"(,"created_at":)";
  strata::json::write(body, strata::rfc3339(held->created_at));
  body += R"(,"expires_at":)";
  strata::json::write(body, strata::rfc3339(in.sessions.expires_at(*held)));
  body += '}';
  return server::json(200, std::move(body));
}

}  // namespace strata::platform
