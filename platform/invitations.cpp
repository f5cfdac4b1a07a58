#include "platform/invitations.hpp"

#include "platform/edit.hpp"
#include "platform/emails.hpp"
#include "platform/entities/user.hpp"
#include "platform/login.hpp"
#include "platform/secret_tokens.hpp"

#include <fmt/format.h>
#include <sodium.h>
#include <boost/json/value.hpp>

namespace strata::platform {

namespace {

namespace server = strata::server;

constexpr std::string_view token_prefix = "inv_";
constexpr std::chrono::days invitation_life{7};

struct invitation {
  std::string token;
  wall_time expires_at{};
};

// Earlier invitations of the user end.
task<result<invitation>> invite_in(const repositories& data, unit_of_work& work, std::string user_id) {
  sql_parameters whose{user_id};
  auto ended = co_await work.execute("DELETE FROM invitations WHERE user_id = $1", std::move(whose));
  if (!ended) co_return std::unexpected(std::move(ended.error()));
  invitation out{new_secret_token(token_prefix), data.now() + invitation_life};
  sql_parameters row{hash_of_token(out.token), std::move(user_id), rfc3339(out.expires_at)};
  auto added = co_await work.execute("INSERT INTO invitations (id, user_id, expires_at) VALUES ($1, $2, $3)",
                                     std::move(row));
  if (!added) co_return std::unexpected(std::move(added.error()));
  co_return out;
}

response response_of(const invitation& of, const user& to, int status) {
  auto out =
      server::json(status, fmt::format(R"({{"user":{},"invitation":{},"expires_at":{}}})", json::text_of(to),
                                       json::text_of(of.token), json::text_of(rfc3339(of.expires_at))));
  if (status == 201) out.add("Location", "/users/" + to.id);
  return out;
}

// The row is inserted under an address of no user, because only an existing row can be marked as not
// verified.
task<result<response>> invite_once(const services& in, user row, unit_of_work work) {
  auto taken = co_await is_email_taken(work, row.organization_id, row.email, row.id);
  if (!taken) co_return std::unexpected(std::move(taken.error()));
  if (*taken) co_return email_taken();
  auto fresh = row;
  fresh.email = row.id + "@invitation.invalid";
  auto made = co_await in.data.rows<user_entity>().create_in(work, std::move(fresh));
  if (!made) co_return std::unexpected(std::move(made.error()));
  made->email = row.email;
  sql_parameters address{row.id, row.email};
  auto set = co_await work.execute("UPDATE users SET email = $2, email_verified = 0 WHERE id = $1",
                                   std::move(address));
  if (!set) co_return std::unexpected(std::move(set.error()));
  auto invited = co_await invite_in(in.data, work, row.id);
  if (!invited) co_return std::unexpected(std::move(invited.error()));
  std::vector<domain_event> events;
  events.push_back(event_of<user_entity>("created", *made));
  auto done = co_await in.data.commit(std::move(work), std::move(events));
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return response_of(*invited, *made, 201);
}

response_task invite_later(const services& in, user row) {
  auto attempt = [&](unit_of_work work) { return invite_once(in, row, std::move(work)); };
  auto invited = in.data.in_transaction(attempt);
  co_return response_or_failure(co_await std::move(invited));
}

task<result<response>> invite_again_once(const services& in, const std::string& id, const std::string& home,
                                         unit_of_work work) {
  auto found = co_await in.data.rows<user_entity>().load_readable_in(work, id);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (!*found || (*found)->row.organization_id != home) co_return not_found();
  sql_parameters whose{id};
  auto known = co_await work.execute("SELECT user_id FROM credentials WHERE user_id = $1", std::move(whose));
  if (!known) co_return std::unexpected(std::move(known.error()));
  if (!known->empty()) co_return server::problem(409, "this user has a password; only they can change it");
  auto invited = co_await invite_in(in.data, work, id);
  if (!invited) co_return std::unexpected(std::move(invited.error()));
  auto done = co_await work.commit();
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return response_of(*invited, (*found)->row, 200);
}

response_task invite_again_later(const services& in, std::string id, std::string home) {
  auto attempt = [&](unit_of_work work) { return invite_again_once(in, id, home, std::move(work)); };
  auto invited = in.data.in_transaction(attempt);
  co_return response_or_failure(co_await std::move(invited));
}

// The same for an unknown, a used and an expired invitation.
response refused_invitation() {
  return server::problem(401, "this invitation is not valid; ask your administrator for another one");
}

task<result<std::string>> invited_user(sql_rows rows, wall_time now) {
  if (rows.empty() || std::get<std::string>(rows.at(0, "expires_at")) <= rfc3339(now))
    co_return std::string();
  co_return std::get<std::string>(rows.at(0, "user_id"));
}

response_task accept_later(const services& in, request& from, std::string id, std::string password) {
  constexpr std::string_view look_up = "SELECT user_id, expires_at FROM invitations WHERE id = $1";
  sql_parameters which{id};
  auto rows = co_await in.data.source().query(look_up, std::move(which));
  if (!rows) co_return failed(rows.error());
  auto user_id = co_await invited_user(std::move(*rows), in.data.now());
  if (!user_id) co_return failed(user_id.error());
  if (user_id->empty()) co_return refused_invitation();
  auto hashing = in.passwords.hash(password, server::client_network(from.peer()));
  auto hash = co_await std::move(hashing);
  sodium_memzero(password.data(), password.size());
  if (!hash) co_return failed(hash.error());
  login_condition holds = [&](unit_of_work& work) -> task<result<bool>> {
    sql_parameters used{id};
    auto gone = co_await work.execute("DELETE FROM invitations WHERE id = $1", std::move(used));
    if (!gone) co_return std::unexpected(std::move(gone.error()));
    if (gone->changed() == 0) co_return false;
    credential next{*user_id, *hash};
    auto set = co_await set_credential(in.data, work, std::move(next));
    if (!set) co_return std::unexpected(std::move(set.error()));
    co_return true;
  };
  auto beginning = begin_login(in, from, *user_id, true, std::move(holds), refused_invitation());
  co_return co_await std::move(beginning);
}

}  // namespace

task<result<bool>> is_email_taken(unit_of_work& work, std::string organization_id, std::string_view email,
                                  std::string id) {
  static const auto statement =
      fmt::format("SELECT id FROM users WHERE organization_id = $1 AND {} = $2 AND id <> $3 LIMIT 1",
                  folded_email_sql("email"));
  sql_parameters parameters{std::move(organization_id), folded_email(email), std::move(id)};
  auto others = co_await work.execute(statement, std::move(parameters));
  if (!others) co_return std::unexpected(std::move(others.error()));
  co_return !others->empty();
}

response email_taken() {
  const std::vector<field_problem> problems{{"/email", "belongs to another user of your organization"}};
  return server::problem(409, {}, "this contradicts what is stored already", problems);
}

response_task invite_user(const services& in, request& from) {
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::create);
  const auto input = read_user(fields);
  fields.read_only({"id", "organization_id", "version", "created_at", "updated_at"});
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  user row;
  row.id = new_id(user_entity::id_prefix);
  row.organization_id = from.who<principal>()->row.organization_id;
  input.apply(row);
  return invite_later(in, std::move(row));
}

response_task invite_again(const services& in, request& from) {
  if (!names_row<user_entity>(from)) return not_found();
  return invite_again_later(in, id_of(from), from.who<principal>()->row.organization_id);
}

response_task accept_invitation(const services& in, request& from) {
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::create);
  auto token = fields.text("invitation", {.min = 1, .max = 100});
  auto password = fields.any("password");
  const auto* const text = password != nullptr ? password->if_string() : nullptr;
  if (text == nullptr) {
    fields.problem("password", password == nullptr ? "is missing" : "must be a string");
  } else if (auto problem = password_problem(*text); !problem.empty()) {
    fields.problem("password", std::move(problem));
  }
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  if (!plausible_secret_token(token_prefix, *token)) return refused_invitation();
  return accept_later(in, from, hash_of_token(*token), std::string(*text));
}

}  // namespace strata::platform
