#include "platform/entities/user.hpp"

#include "platform/credentials.hpp"
#include "platform/demo_vocabulary.hpp"
#include "platform/demo_writer.hpp"
#include "platform/edit.hpp"
#include "platform/emails.hpp"
#include "platform/entities/organization.hpp"
#include "platform/entities/user_permissions.hpp"
#include "platform/entities/user_settings.hpp"
#include "platform/import_writer.hpp"
#include "platform/invitations.hpp"
#include "platform/json_schema.hpp"
#include "platform/login.hpp"
#include "platform/session_rotation.hpp"

#include <fmt/format.h>
#include <boost/json/value.hpp>

namespace strata::platform {

// Credentials stand apart from users: no statement that feeds the cache can select a hash by mistake.
std::vector<migration> user_entity::migrations() {
  static const auto logins = fmt::format(R"sql(
DROP INDEX users_by_email;
ALTER TABLE users ADD COLUMN email_verified BIGINT NOT NULL DEFAULT 1;
CREATE UNIQUE INDEX users_by_login ON users ({0}) WHERE email_verified = 1;
CREATE UNIQUE INDEX users_by_organization_and_email ON users (organization_id, {0});
CREATE TABLE invitations (
  id         TEXT PRIMARY KEY,
  user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  expires_at TEXT NOT NULL
);
CREATE INDEX invitations_by_user ON invitations (user_id);
CREATE TABLE login_devices (
  id       TEXT PRIMARY KEY,
  user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  added_at TEXT NOT NULL
);
CREATE INDEX login_devices_by_user ON login_devices (user_id, added_at);
)sql",
                                         folded_email_sql("email"));
  return {{1, "accounts", R"sql(
CREATE TABLE users (
  id              TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  email           TEXT NOT NULL,
  name            TEXT NOT NULL,
  is_admin        BIGINT NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1)),
  version         BIGINT NOT NULL DEFAULT 1,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
);
CREATE UNIQUE INDEX users_by_email ON users (LOWER(email));
CREATE INDEX users_by_organization ON users (organization_id);
CREATE TABLE credentials (
  user_id       TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  password_hash TEXT NOT NULL,
  updated_at    TEXT NOT NULL
);
)sql"},
          {6, "logins", logins}};
}

user_input read_user(field_reader& in) {
  user_input out;
  out.email = in.text("email", {.min = 3, .max = 254});
  if (out.email && !plausible_email(*out.email)) {
    in.problem("email", "must be an email address");
    out.email.reset();
  }
  out.name = in.text("name", name_rule);
  out.is_admin = in.flag("is_admin", false);
  return out;
}

void user_input::apply(user& to) const {
  set_if(to.email, email);
  set_if(to.name, name);
  set_if(to.is_admin, is_admin);
}

namespace {

using user_lookup = strata::lookup<cached_response<user>>;

// A member may change their own name. Email and rights decide who can log in as what: only an administrator
// may change them.
refusal refuse_fields(const user_input& input, const principal& caller) {
  if (caller.row.is_admin) return {};
  std::vector<field_problem> problems;
  if (input.email) problems.push_back({"/email", "only an administrator may change it"});
  if (input.is_admin) problems.push_back({"/is_admin", "only an administrator may change it"});
  if (problems.empty()) return {};
  return server::problem(403, {}, "some of these fields are not yours to change", problems);
}

task<result<bool>> has_other(unit_of_work& work, std::string_view condition, std::string first,
                             std::string second) {
  sql_parameters parameters{std::move(first), std::move(second)};
  auto others = co_await work.execute(fmt::format("SELECT id FROM users WHERE {} LIMIT 1", condition),
                                      std::move(parameters));
  if (!others) co_return std::unexpected(std::move(others.error()));
  co_return !others->empty();
}

// An email that an operator gives is a login, and so must be the user's alone.
task<result<bool>> is_login_taken(unit_of_work& work, const user& by) {
  static const auto condition = folded_email_sql("email") + " = $1 AND id <> $2 AND email_verified = 1";
  return has_other(work, condition, folded_email(by.email), by.id);
}

// An email must be the user's alone in their organization, which must keep an administrator. What other
// organizations have stays out of it, so that no response reveals it: see invitations.hpp.
task<result<refusal>> refuse_state(unit_of_work& work, const user& before, const user& after) {
  if (folded_email(after.email) != folded_email(before.email)) {
    auto taken = co_await is_email_taken(work, after.organization_id, after.email, after.id);
    if (!taken) co_return std::unexpected(std::move(taken.error()));
    if (*taken) co_return email_taken();
    sql_parameters parameters{after.id};
    auto unverified =
        co_await work.execute("UPDATE users SET email_verified = 0 WHERE id = $1", std::move(parameters));
    if (!unverified) co_return std::unexpected(std::move(unverified.error()));
  }
  if (before.is_admin && !after.is_admin) {
    auto others = co_await has_other(work, "organization_id = $1 AND is_admin = 1 AND id <> $2",
                                     before.organization_id, before.id);
    if (!others) co_return std::unexpected(std::move(others.error()));
    if (!*others) {
      const std::vector<field_problem> problems{{"/is_admin", "an organization needs an administrator"}};
      co_return server::problem(409, {}, "this is the organization's last administrator", problems);
    }
  }
  co_return refusal();
}

response_task get_me(const services& in, request& from) {
  return then(in.data.rows<user_entity>().find(from.who<principal>()->row.id, session_read(in, from)),
              [](const user_lookup& found) { return found_or_not(found); });
}

response_task get_user(const services& in, request& from) {
  if (!names_row<user_entity>(from)) return not_found();
  return then(in.data.rows<user_entity>().find(from.path_parameter("id"), session_read(in, from)),
              [&from](const user_lookup& found) -> response {
                if (auto refused = refuse_unseen(found, *from.who<principal>())) return std::move(*refused);
                return response_of(found);
              });
}

response_task patch_user(const services& in, request& from) {
  if (!names_row<user_entity>(from)) return not_found();
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::patch);
  auto input = read_user(fields);
  fields.read_only({"id", "organization_id", "version", "created_at", "updated_at"});
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  auto edited = edit<user_entity>(
      in.data, from, id_of(from),
      [caller = from.principal<principal>(), input](const user& row) {
        auto refused = refuse_others(row, *caller);
        return refused ? std::move(refused) : refuse_fields(input, *caller);
      },
      [input](user& row) {
        input.apply(row);
        return refusal();
      },
      refuse_state);
  return input.is_admin.value_or(false) ? rotate_after(in, id_of(from), std::move(edited))
                                        : std::move(edited);
}

struct imported_user : imported<user> {
  std::optional<std::string> password;
};

// Returns: whether the user had none.
task<result<bool>> add_password(import_writer& to, const imported_user& from) {
  sql_parameters parameters{from.fresh.id};
  auto known =
      co_await to.work().execute("SELECT user_id FROM credentials WHERE user_id = $1", std::move(parameters));
  if (!known) co_return std::unexpected(std::move(known.error()));
  if (!known->empty()) co_return false;
  auto hash = co_await to.passwords().hash(*from.password);
  if (!hash) co_return std::unexpected(std::move(hash.error()));
  credential login{from.fresh.id, std::move(*hash)};
  auto set = co_await set_credential(to.data(), to.work(), std::move(login));
  if (!set) co_return std::unexpected(std::move(set.error()));
  co_return true;
}

task<result<import_outcome>> write_record(import_writer& to, const imported_user& from) {
  auto sound = co_await to.check_organization<user_entity, organization_entity>(from.fresh);
  if (!sound) co_return std::unexpected(std::move(sound.error()));
  if (!*sound) co_return import_outcome::refused;
  const auto& fresh = from.fresh;
  auto taken = co_await is_login_taken(to.work(), fresh);
  if (taken && !*taken)
    taken = co_await is_email_taken(to.work(), fresh.organization_id, fresh.email, fresh.id);
  if (!taken) co_return std::unexpected(std::move(taken.error()));
  if (*taken) co_return to.refuse("/email", "belongs to another user");
  auto done = co_await to.upsert<user_entity>(from);
  if (!done || !from.password) co_return done;
  auto added = co_await add_password(to, from);
  if (!added) co_return std::unexpected(std::move(added.error()));
  co_return *added && *done == import_outcome::unchanged ? import_outcome::updated : *done;
}

constexpr std::size_t demo_users_each = 10;

task<result<void>> add_demo_user(demo_writer& to, user row) {
  const auto id = row.id;
  const bool is_admin = row.is_admin;
  auto done = co_await to.create<user_entity>(std::move(row));
  if (!done) co_return done;
  user_permissions rights;
  rights.id = id;
  if (is_admin) rights.permissions = {"agents:*"};
  done = co_await to.create<user_permissions_entity>(std::move(rights));
  if (!done) co_return done;
  stored_document settings;
  settings.id = id;
  settings.document.text =
      R"({"theme":"system","language":"en","notifications":{"email":true,"digest":"weekly"}})";
  done = co_await to.create<user_settings_entity>(std::move(settings));
  if (!done) co_return done;
  credential login{id, is_admin ? to.admin_hash : to.member_hash};
  co_return co_await set_credential(to.data(), to.work(), std::move(login));
}

}  // namespace

std::vector<endpoint> user_entity::endpoints() {
  using enum server::method;
  // clang-format off
  return {
    // method, path, who, permission, handler, Cache-Control, status, response, request, what it does
    {post,  "/users",      access::admin,  {}, invite_user, {},            201, "invitation", "user_invitation", "Adds a user to the organization and returns an invitation, with which they set a password."},
    {post,  "/users/{id}/invitation", access::admin, {}, invite_again, {}, 200, "invitation", {},         "Another invitation for a user who has no password; earlier ones end."},
    {get,   "/users/me",   access::member, {}, get_me,     cache_privately, 200, "user", {},           "The user who is logged in."},
    {get,   "/users/{id}", access::member, {}, get_user,   cache_privately, 200, "user", {},           "A user of the own organization."},
    {patch, "/users/{id}", access::member, {}, patch_user, {},              200, "user", "user_patch", "Changes a user: oneself (name only), or as administrator anyone of the organization."},
  };
  // clang-format on
}

std::vector<named_schema> user_entity::schemas() {
  return {
      {"user", schema_of<user>()},
      {"user_invitation",
       R"({"type":"object","required":["email","name"],"additionalProperties":false,"properties":{)"
       R"("email":{"type":"string","format":"email","maxLength":254},)"
       R"("name":{"type":"string","minLength":1,"maxLength":200},"is_admin":{"type":"boolean","default":false}}})"},
      {"invitation", R"({"type":"object","required":["user","invitation","expires_at"],"properties":{)"
                     R"("user":{"$ref":"#/components/schemas/user"},"invitation":{"type":"string"},)"
                     R"("expires_at":{"type":"string","format":"date-time"}}})"},
      {"user_patch",
       R"({"type":"object","additionalProperties":false,"properties":{)"
       R"("email":{"type":"string","format":"email","maxLength":254},)"
       R"("name":{"type":"string","minLength":1,"maxLength":200},"is_admin":{"type":["boolean","null"]}}})"}};
}

import_result user_entity::import_record(const boost::json::value& from, field_reader& in) {
  imported_user out;
  out.fresh.id = read_id(in, "id", id_prefix).value_or("");
  out.fresh.organization_id = read_id(in, "organization_id", organization_entity::id_prefix).value_or("");
  read_input(from, in, read_user, out);
  out.fresh.created_at = read_created_at(in);
  if (const auto* password = in.any("password"); password != nullptr) {
    const auto* text = password->if_string();
    if (text == nullptr || text->empty() || text->size() > max_password_length) {
      in.problem("password", fmt::format("must be a string of 1 to {} bytes", max_password_length));
    } else {
      out.password.emplace(*text);
    }
  }
  return checked(in, [record = std::move(out)](import_writer& to) { return write_record(to, record); });
}

user demo_user(std::size_t home_index, std::size_t index, wall_time now) {
  const auto& of = demo::homes()[home_index];
  const auto at = home_index * demo_users_each + index;
  const auto first = demo::first_names()[at];
  const auto last = demo::last_names()[at];
  user out;
  out.name = fmt::format("{} {}", first, last);
  out.email = fmt::format("{}.{}@{}", slug(first), slug(last), of.domain);
  out.id = stable_id(user_entity::id_prefix, out.email);
  out.organization_id = stable_id(organization_entity::id_prefix, of.slug);
  out.is_admin = index == 0;
  out.created_at = days_ago(now, 400 - 10 * index, 17 * index);
  return out;
}

task<result<void>> user_entity::add_demo(demo_writer& to) {
  for (std::size_t home = 0; home < demo::homes().size(); ++home) {
    for (std::size_t i = 0; i < demo_users_each; ++i) {
      auto added = co_await add_demo_user(to, demo_user(home, i, to.now));
      if (!added) co_return added;
    }
  }
  co_return result<void>();
}

}  // namespace strata::platform
