#include "platform/credentials.hpp"

#include "platform/emails.hpp"

#include <utility>

namespace strata::platform {

namespace {

std::optional<credential> credential_in(const sql_rows& rows) {
  if (rows.empty()) return {};
  return credential{std::get<std::string>(rows.at(0, "user_id")),
                    std::get<std::string>(rows.at(0, "password_hash"))};
}

}  // namespace

task<result<std::optional<credential>>> credential_of(const repositories& source, std::string email,
                                                      std::string organization_id) {
  static const auto statement =
      "SELECT credentials.user_id, credentials.password_hash FROM users "
      "JOIN credentials ON credentials.user_id = users.id WHERE " +
      folded_email_sql("users.email") + " = $1 AND ";
  static const auto by_login = statement + "users.email_verified = 1";
  static const auto in_organization = statement + "users.organization_id = $2";
  sql_parameters parameters{folded_email(email)};
  if (!organization_id.empty()) parameters.emplace_back(organization_id);
  auto rows = co_await source.source().query(organization_id.empty() ? by_login : in_organization,
                                             std::move(parameters));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return credential_in(*rows);
}

task<result<std::optional<credential>>> credential_of_user(const repositories& source, std::string user_id) {
  sql_parameters parameters{std::move(user_id)};
  auto rows = co_await source.source().query(
      "SELECT user_id, password_hash FROM credentials WHERE user_id = $1", std::move(parameters));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return credential_in(*rows);
}

namespace {

using changed_password = result<std::optional<std::size_t>>;

task<changed_password> change_once(const repositories& target, session_store& sessions,
                                   const credential& value, const std::optional<std::string>& before,
                                   const std::string& kept, unit_of_work work) {
  if (before) {
    auto same = co_await is_current(work, value.user_id, *before);
    if (!same) co_return std::unexpected(std::move(same.error()));
    if (!*same) co_return std::optional<std::size_t>();
  }
  credential next = value;
  auto set = co_await set_credential(target, work, std::move(next));
  if (!set) co_return std::unexpected(std::move(set.error()));
  auto ended = co_await sessions.end_all_in(work, value.user_id, kept);
  if (!ended) co_return std::unexpected(std::move(ended.error()));
  auto done = co_await work.commit();
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return std::optional<std::size_t>(*ended);
}

}  // namespace

task<changed_password> change_password(const repositories& target, session_store& sessions, credential value,
                                       std::optional<std::string> before, std::string kept) {
  auto attempt = [&](unit_of_work work) {
    return change_once(target, sessions, value, before, kept, std::move(work));
  };
  auto changing = target.in_transaction(attempt);
  auto changed = co_await std::move(changing);
  co_await sessions.forget(value.user_id);  // also after an error: the commit may have reached the database
  co_return changed;
}

task<result<bool>> is_current(unit_of_work& work, const std::string& user_id, const std::string& hash) {
  sql_parameters parameters{user_id};
  auto rows = co_await work.execute("SELECT password_hash FROM credentials WHERE user_id = $1",
                                    std::move(parameters));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return !rows->empty() && std::get<std::string>(rows->at(0, "password_hash")) == hash;
}

task<result<void>> set_credential(const repositories& target, unit_of_work& work, credential value) {
  sql_parameters parameters{std::move(value.user_id), std::move(value.password_hash), rfc3339(target.now())};
  auto written = co_await work.execute(
      "INSERT INTO credentials (user_id, password_hash, updated_at) VALUES ($1, $2, $3) "
      "ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, "
      "updated_at = excluded.updated_at",
      std::move(parameters));
  if (!written) co_return std::unexpected(std::move(written.error()));
  co_return result<void>();
}

}  // namespace strata::platform
