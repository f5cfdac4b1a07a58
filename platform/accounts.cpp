#include "platform/accounts.hpp"

#include "platform/changes.hpp"
#include "platform/credentials.hpp"
#include "platform/emails.hpp"
#include "platform/ids.hpp"
#include "platform/repositories.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace strata::platform {

namespace {

std::unexpected<error> no_user(const std::string& named) {
  return fail(errc::not_found, fmt::format("there is no user {}; strata user list names them all", named));
}

task<result<user>> add_once(app& in, user row, std::string hash, unit_of_work work) {
  auto made = co_await in.data().rows<user_entity>().create_in(work, row);
  if (!made) {
    if (made.error().code != errc::constraint) co_return std::unexpected(std::move(made.error()));
    co_return fail(errc::constraint, fmt::format("{} already is a user's login", row.email));
  }
  credential login{made->id, std::move(hash)};
  auto set = co_await set_credential(in.data(), work, std::move(login));
  if (!set) co_return std::unexpected(std::move(set.error()));
  std::vector<domain_event> events;
  events.push_back(event_of<user_entity>("created", *made));
  auto done = co_await in.data().commit(std::move(work), std::move(events));
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return made;
}

}  // namespace

task<result<organization>> add_organization(app& in, std::string name, std::string plan) {
  if (name.empty() || name.size() > 200)
    co_return fail(errc::invalid_argument, "a name must have 1 to 200 bytes");
  if (std::ranges::find(plans, plan) == plans.end()) {
    co_return fail(errc::invalid_argument,
                   fmt::format("\"{}\" is not a plan: {}", plan, fmt::join(plans, ", ")));
  }
  organization row;
  row.id = new_id(organization_entity::id_prefix);
  row.name = std::move(name);
  row.plan = std::move(plan);
  co_return co_await in.data().rows<organization_entity>().create(std::move(row));
}

task<result<std::vector<organization>>> list_organizations(app& in) {
  return in.data().rows<organization_entity>().select("ORDER BY name, id", {});
}

task<result<user>> add_user(app& in, new_account of) {
  if (!plausible_email(of.email)) {
    co_return fail(errc::invalid_argument, fmt::format("\"{}\" is not an email address", of.email));
  }
  if (auto problem = password_problem(of.password); !problem.empty()) {
    co_return fail(errc::invalid_argument, std::move(problem));
  }
  auto home = co_await in.data().rows<organization_entity>().load(of.organization_id);
  if (!home) co_return std::unexpected(std::move(home.error()));
  if (!*home) {
    co_return fail(errc::not_found, fmt::format("there is no organization {}; strata org list names them all",
                                                of.organization_id));
  }
  auto hash = co_await in.passwords().hash(std::move(of.password));
  if (!hash) co_return std::unexpected(std::move(hash.error()));
  user row;
  row.id = new_id(user_entity::id_prefix);
  row.organization_id = std::move(of.organization_id);
  row.name = of.name.empty() ? of.email.substr(0, of.email.find('@')) : std::move(of.name);
  row.email = std::move(of.email);
  row.is_admin = of.is_admin;
  auto attempt = [&](unit_of_work work) { return add_once(in, row, *hash, std::move(work)); };
  auto adding = in.data().in_transaction(attempt);
  co_return co_await std::move(adding);
}

task<result<std::vector<user>>> list_users(app& in, std::string organization_id) {
  const auto& rows = in.data().rows<user_entity>();
  if (organization_id.empty()) return rows.select("ORDER BY organization_id, email, id", {});
  return rows.select("WHERE organization_id = $1 ORDER BY email, id", {std::move(organization_id)});
}

task<result<user>> find_user(app& in, std::string id_or_email) {
  const bool by_email = id_or_email.contains('@');
  const auto tail = fmt::format("WHERE {} = $1 LIMIT 2", by_email ? folded_email_sql("email") : "id");
  sql_parameters parameters{by_email ? folded_email(id_or_email) : id_or_email};
  auto found = co_await in.data().rows<user_entity>().select(tail, std::move(parameters));
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (found->empty()) co_return no_user(id_or_email);
  if (found->size() > 1) {
    co_return fail(errc::invalid_argument,
                   fmt::format("several organizations have a user {}; name one by its id", id_or_email));
  }
  co_return std::move(found->front());
}

task<result<std::size_t>> set_password(app& in, std::string user_id, std::string password) {
  if (auto problem = password_problem(password); !problem.empty()) {
    co_return fail(errc::invalid_argument, std::move(problem));
  }
  auto hash = co_await in.passwords().hash(std::move(password));
  if (!hash) co_return std::unexpected(std::move(hash.error()));
  auto changing = change_password(in.data(), in.sessions(), {std::move(user_id), std::move(*hash)}, {}, {});
  auto changed = co_await std::move(changing);
  if (!changed) co_return std::unexpected(std::move(changed.error()));
  co_return changed->value_or(0);
}

task<result<void>> verify_email(app& in, std::string user_id) {
  sql_parameters parameters{std::move(user_id)};
  auto done = co_await in.data().source().execute("UPDATE users SET email_verified = 1 WHERE id = $1",
                                                  std::move(parameters));
  if (done) co_return result<void>();
  if (done.error().code != errc::constraint) co_return std::unexpected(std::move(done.error()));
  co_return fail(errc::constraint, "another user logs in with this email");
}

task<result<void>> remove_user(app& in, std::string user_id) {
  const auto& rows = in.data().rows<user_entity>();
  auto found = co_await rows.load(user_id);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (!*found) co_return no_user(user_id);
  auto gone = co_await rows.remove(user_id);
  if (!gone) co_return std::unexpected(std::move(gone.error()));
  co_await in.sessions().forget(user_id);
  co_await in.events().publish(event_of<user_entity>("deleted", **found));
  co_return result<void>();
}

}  // namespace strata::platform
