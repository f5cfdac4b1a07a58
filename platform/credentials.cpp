#include "platform/credentials.hpp"

#include <utility>

namespace strata::platform {

task<result<std::optional<credential>>> credential_of(const repositories& source, std::string email) {
  sql_parameters parameters{std::move(email)};
  auto rows = co_await source.source().query(
      "SELECT credentials.user_id, credentials.password_hash FROM users "
      "JOIN credentials ON credentials.user_id = users.id WHERE LOWER(users.email) = LOWER($1)",
      std::move(parameters));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  std::optional<credential> found;
  if (!rows->empty()) {
    found.emplace(std::get<std::string>(rows->at(0, "user_id")),
                  std::get<std::string>(rows->at(0, "password_hash")));
  }
  co_return found;
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
