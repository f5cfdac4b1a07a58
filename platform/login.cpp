#include "platform/login.hpp"

#include "platform/access_steps.hpp"
#include "platform/emails.hpp"
#include "platform/entities/organization.hpp"
#include "platform/fields.hpp"
#include "platform/login_devices.hpp"
#include "platform/session_cookie.hpp"

#include <strata/time.hpp>

#include <fmt/format.h>
#include <sodium.h>
#include <boost/json/value.hpp>

namespace strata::platform {

namespace {

namespace server = strata::server;

// The same for an unknown email, a wrong password and an account that cannot be used: a caller learns nothing
// about which accounts exist.
response refused_login() {
  return server::problem(401, "email or password is wrong");
}

/// A password of a request, wiped at the end.
class password_text {
 public:
  password_text() = default;
  explicit password_text(std::string_view text) : text_(text) {}
  password_text(password_text&& other) noexcept : text_(std::move(other.text_)) {}
  password_text& operator=(password_text&& other) noexcept {
    std::swap(text_, other.text_);
    return *this;
  }
  ~password_text() { sodium_memzero(text_.data(), text_.size()); }
  const std::string& get() const noexcept { return text_; }

 private:
  std::string text_;
};

// Any text is a password, control characters included; only its length is bounded.
std::optional<password_text> read_password(field_reader& in, std::string_view name, std::size_t shortest) {
  const auto* found = in.any(name);
  if (found == nullptr) {
    in.problem(name, "is missing");
  } else if (const auto* text = found->if_string(); text == nullptr) {
    in.problem(name, "must be a string");
  } else if (text->size() < shortest || text->size() > max_password_length) {
    in.problem(name, fmt::format("must have {} to {} bytes", shortest, max_password_length));
  } else {
    return std::optional<password_text>(std::in_place, std::string_view(*text));
  }
  return {};
}

struct login_form {
  std::string email, organization_id;
  password_text password;
};

struct begun_login {
  strata::started_session session;
  std::string device_cookie;
};
using begun = strata::result<std::optional<begun_login>>;

task<begun> begin_once(const services& in, const strata::new_session& of, bool add_device,
                       const login_condition& holds, unit_of_work work) {
  auto held = co_await holds(work);
  if (!held) co_return std::unexpected(std::move(held.error()));
  if (!*held) co_return std::optional<begun_login>();
  auto made = co_await in.sessions.create_in(work, of);
  if (!made) co_return std::unexpected(std::move(made.error()));
  begun_login out{std::move(*made), {}};
  if (add_device) {
    auto cookie = co_await remember_device(in.data, work, in.auth, of.user_id);
    if (!cookie) co_return std::unexpected(std::move(cookie.error()));
    out.device_cookie = std::move(*cookie);
  }
  auto done = co_await work.commit();
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return std::optional<begun_login>(std::move(out));
}

/// The bucket of one account and one address, so that guesses from elsewhere leave the user's own logins
/// alone.
std::string account_bucket(std::string_view account, const request& from) {
  return fmt::format("{}\n{}", account, server::client_network(from.peer()));
}

response_task login_later(const services& in, request& from, login_form form) {
  auto known = co_await credential_of(in.data, form.email, form.organization_id);
  if (!known) co_return failed(known.error());
  auto device = device_sent_with(in.auth, from);
  bool is_known_device = false;
  if (!device.empty()) {
    const auto owner = co_await owner_of_device(in.data, device);
    if (!owner) co_return failed(owner.error());
    is_known_device = *known && *owner == (*known)->user_id;
  }
  const auto bucket = is_known_device ? "device " + device : account_bucket(folded_email(form.email), from);
  auto limiting = limit_together(in.limited.login_account, bucket, from);
  if (auto refused = co_await std::move(limiting)) co_return std::move(*refused);

  std::optional<std::string> hash;
  if (*known) hash = (*known)->password_hash;
  auto verifying = in.passwords.verify(hash, form.password.get(), server::client_network(from.peer()));
  auto right = co_await std::move(verifying);
  if (!right) co_return failed(right.error());
  if (!*right) co_return refused_login();

  std::optional<std::string> renewed;
  if (in.passwords.is_outdated(*hash)) {
    auto hashing = in.passwords.hash(form.password.get(), server::client_network(from.peer()));
    if (auto made = co_await std::move(hashing)) renewed = std::move(*made);  // else at the next login
  }
  // The hash is read again inside the transaction: a password that changes while it is checked begins no
  // session.
  login_condition holds = [&in, &renewed, login = **known](unit_of_work& work) -> task<result<bool>> {
    auto same = co_await is_current(work, login.user_id, login.password_hash);
    if (!same || !*same || !renewed) co_return same;
    credential next{login.user_id, *renewed};
    auto set = co_await set_credential(in.data, work, std::move(next));
    if (!set) co_return std::unexpected(std::move(set.error()));
    co_return true;
  };
  auto beginning =
      begin_login(in, from, (*known)->user_id, !is_known_device, std::move(holds), refused_login());
  co_return co_await std::move(beginning);
}

response_task put_password_later(const services& in, request& from, password_text current,
                                 password_text next) {
  const auto user_id = from.who<principal>()->row.id;
  const auto bucket = account_bucket(user_id, from);
  auto limiting = limit_together(in.limited.login_account, bucket, from);
  if (auto refused = co_await std::move(limiting)) co_return std::move(*refused);
  auto known = co_await credential_of_user(in.data, user_id);
  if (!known) co_return failed(known.error());
  std::optional<std::string> before;
  if (*known) before = (*known)->password_hash;
  auto verifying = in.passwords.verify(before, current.get(), server::client_network(from.peer()));
  auto right = co_await std::move(verifying);
  if (!right) co_return failed(right.error());
  if (!*right) {
    const std::vector<field_problem> problems{{"/current_password", "is wrong"}};
    co_return server::problem(403, {}, "the current password is wrong", problems);
  }
  auto hashing = in.passwords.hash(next.get(), server::client_network(from.peer()));
  auto hash = co_await std::move(hashing);
  if (!hash) co_return failed(hash.error());
  const auto held = co_await in.sessions.find(token_sent_with(in.auth, from).text);
  credential value{user_id, std::move(*hash)};
  auto changing =
      change_password(in.data, in.sessions, std::move(value), before, held ? held->id : std::string());
  auto changed = co_await std::move(changing);
  if (!changed) co_return failed(changed.error());
  if (!*changed) co_return server::problem(409, "the password was changed by another request meanwhile");
  co_return server::no_content();
}

}  // namespace

response_task begin_login(const services& in, request& from, std::string user_id, bool add_device,
                          login_condition holds, response refused) {
  const auto found = co_await in.data.rows<user_entity>().find(user_id);
  if (found.failure() != nullptr) co_return failed(*found.failure());
  if (!found) co_return refused;
  const auto home = co_await in.data.rows<organization_entity>().find(found->row.organization_id);
  if (home.failure() != nullptr) co_return failed(*home.failure());
  if (!home || !home->row.is_active) co_return refused;

  auto ending = in.sessions.end(token_sent_with(in.auth, from).text);
  if (auto ended = co_await std::move(ending); !ended) co_return failed(ended.error());
  const strata::new_session of{.user_id = user_id,
                               .device = std::string(from.field("user-agent")),
                               .address = std::string(from.peer())};
  auto attempt = [&](unit_of_work work) { return begin_once(in, of, add_device, holds, std::move(work)); };
  auto beginning = in.data.in_transaction(attempt);
  auto made = co_await std::move(beginning);
  if (!made) co_return failed(made.error());
  if (!*made) co_return refused;

  const auto& [started, device_cookie] = **made;
  auto body = fmt::format(R"({{"session":{},"expires_at":{},"user":{}}})", json::text_of(started.token),
                          json::text_of(rfc3339(in.sessions.expires_at(*started.value))),
                          found->representation->body());
  auto out = server::json(200, std::move(body));
  out.add("Set-Cookie", session_cookie_line(started.token, in.auth));
  if (!device_cookie.empty()) out.add("Set-Cookie", device_cookie);
  co_return out;
}

response_task login(const services& in, request& from) {
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::create);
  auto email = fields.text("email", {.min = 1, .max = 254});
  auto password = read_password(fields, "password", 1);
  auto organization = fields.text("organization_id", {.min = 0, .max = 64, .otherwise = ""});
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  return login_later(in, from, {std::move(*email), std::move(*organization), std::move(*password)});
}

response_task put_password(const services& in, request& from) {
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::create);
  auto current = read_password(fields, "current_password", 1);
  auto next = read_password(fields, "new_password", min_password_length);
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  return put_password_later(in, from, std::move(*current), std::move(*next));
}

}  // namespace strata::platform
