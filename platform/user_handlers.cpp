#include "platform/consistency_cookie.hpp"
#include "platform/edit.hpp"
#include "platform/handlers.hpp"
#include "platform/ids.hpp"
#include "platform/input_schemas.hpp"

#include <boost/json/value.hpp>

namespace strata::platform {

namespace {

namespace server = strata::server;
using maybe_refused = std::optional<response>;
using user_lookup = strata::lookup<cached_response<user>>;

bool names_user(const request& from) {
  return plausible_id(user_prefix, from.path_parameter("id"));
}
std::string id_of(const request& from) {
  return std::string(from.path_parameter("id"));
}

maybe_refused refuse_foreign(const user& row, const principal& who) {
  if (row.organization_id != who.row.organization_id) return not_found();
  return {};
}

// What is a user's own: they and the administrators of their organization.
maybe_refused refuse_others(const user& row, const principal& who) {
  if (auto refused = refuse_foreign(row, who)) return refused;
  if (row.id == who.row.id || who.row.is_admin) return {};
  return forbidden("this is for the user themself and for administrators of their organization");
}

maybe_refused refuse_unseen(const user_lookup& found, const principal& who) {
  if (found.failure() != nullptr) return failed(*found.failure());
  if (!found) return not_found();
  return refuse_foreign(found->row, who);
}

strata::domain_event updated(const user& row) {
  return user_event("updated", row);
}

template <class Repository>
response_task get_part(const services& in, request& from, const Repository& parts) {
  using row = Repository::row_type;
  if (!names_user(from)) return not_found();
  return then(in.data.users.find(from.path_parameter("id"), session_read(in, from)),
              [&](const user_lookup& found) -> response_task {
                const auto who = from.principal<principal>();
                if (auto refused = refuse_unseen(found, *who)) return std::move(*refused);
                if (auto refused = refuse_others(found->row, *who)) return std::move(*refused);
                return then(parts.find(found->row.id, session_read(in, from)),
                            [](const strata::lookup<cached_response<row>>& part) -> response {
                              if (part.failure() != nullptr) return failed(*part.failure());
                              return part ? response_of(part) : default_response<row>(part.info());
                            });
              });
}

// A member may change their own name; email and rights are an administrator's to change, since
// both decide who can log in as what.
maybe_refused refuse_fields(const user_input& form, const principal& who) {
  if (who.row.is_admin) return {};
  std::vector<server::field_problem> problems;
  if (form.email) problems.push_back({"/email", "only an administrator may change it"});
  if (form.is_admin) problems.push_back({"/is_admin", "only an administrator may change it"});
  if (problems.empty()) return {};
  return server::problem(403, {}, "some of these fields are not yours to change", problems);
}

// What a change of a user must hold besides: an email of one's own, and somebody left who
// administers the organization.
strata::task<strata::result<maybe_refused>> refuse_state(strata::unit_of_work& work, const user& before,
                                                         const user& after) {
  if (after.email != before.email) {
    strata::sql_parameters parameters{after.email, after.id};
    auto others = co_await work.execute("SELECT id FROM users WHERE LOWER(email) = LOWER($1) AND id <> $2",
                                        std::move(parameters));
    if (!others) co_return std::unexpected(std::move(others.error()));
    if (!others->empty()) {
      const std::vector<server::field_problem> problems{{"/email", "belongs to another account"}};
      co_return server::problem(409, {}, "this contradicts what is stored already", problems);
    }
  }
  if (before.is_admin && !after.is_admin) {
    strata::sql_parameters parameters{before.organization_id, before.id};
    auto others = co_await work.execute(
        "SELECT id FROM users WHERE organization_id = $1 AND is_admin = 1 AND id <> $2 LIMIT 1",
        std::move(parameters));
    if (!others) co_return std::unexpected(std::move(others.error()));
    if (others->empty()) {
      const std::vector<server::field_problem> problems{
          {"/is_admin", "an organization needs an administrator"}};
      co_return server::problem(409, {}, "this is the organization's last administrator", problems);
    }
  }
  co_return maybe_refused();
}

}  // namespace

response_task get_me(const services& in, request& from) {
  return then(in.data.users.find(from.who<principal>()->row.id, session_read(in, from)),
              [](const user_lookup& found) -> response {
                if (found.failure() != nullptr) return failed(*found.failure());
                return found ? response_of(found) : not_found();
              });
}

response_task get_user(const services& in, request& from) {
  if (!names_user(from)) return not_found();
  return then(in.data.users.find(from.path_parameter("id"), session_read(in, from)),
              [&from](const user_lookup& found) -> response {
                if (auto refused = refuse_unseen(found, *from.who<principal>())) return std::move(*refused);
                return response_of(found);
              });
}

response_task patch_user(const services& in, request& from) {
  if (!names_user(from)) return not_found();
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::patch);
  auto form = read_user(fields);
  fields.read_only({"id", "organization_id", "version", "created_at", "updated_at"});
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  const auto who = from.principal<principal>();
  return edit(
      in.data, from, in.data.users, id_of(from),
      [who, form](const user& row) {
        auto refused = refuse_others(row, *who);
        return refused ? std::move(refused) : refuse_fields(form, *who);
      },
      [form](user& row) {
        form.apply(row);
        return maybe_refused();
      },
      updated, refuse_state);
}

response_task get_permissions(const services& in, request& from) {
  return get_part(in, from, in.data.permissions);
}
response_task get_settings(const services& in, request& from) {
  return get_part(in, from, in.data.settings);
}

response_task put_permissions(const services& in, request& from) {
  if (!names_user(from)) return not_found();
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::create);
  auto names = read_permissions(fields);
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  user_permissions value;
  value.id = id_of(from);
  value.permissions = std::move(*names);
  const auto who = from.principal<principal>();
  return put_part(
      in.data, from, in.data.users, in.data.permissions, std::move(value),
      [who](const user& row) { return refuse_foreign(row, *who); }, updated);
}

response_task put_settings(const services& in, request& from) {
  if (!names_user(from)) return not_found();
  auto value = put_document_of(from);
  if (!value) return std::move(value.error());
  const auto who = from.principal<principal>();
  return put_part(
      in.data, from, in.data.users, in.data.settings, std::move(*value),
      [who](const user& row) { return refuse_others(row, *who); }, updated);
}

}  // namespace strata::platform
