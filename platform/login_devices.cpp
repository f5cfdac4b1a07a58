#include "platform/login_devices.hpp"

#include "platform/secret_tokens.hpp"

#include <fmt/format.h>

namespace strata::platform {

namespace {

constexpr std::string_view token_prefix = "dev_";
constexpr int most_devices = 20;  // of a user
constexpr std::chrono::seconds cookie_lifetime = std::chrono::days(365);

std::string_view cookie_name(const auth_settings& auth) noexcept {
  return auth.secure_cookie ? "__Host-strata_device" : "strata_device";
}

}  // namespace

std::string device_sent_with(const auth_settings& auth, const strata::server::request& from) {
  const auto token = from.cookie(cookie_name(auth)).value_or(std::string_view());
  return plausible_secret_token(token_prefix, token) ? hash_of_token(token) : std::string();
}

task<result<std::optional<std::string>>> owner_of_device(const repositories& source, std::string id) {
  sql_parameters parameters{std::move(id)};
  auto rows = co_await source.source().query("SELECT user_id FROM login_devices WHERE id = $1",
                                             std::move(parameters));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  if (rows->empty()) co_return std::optional<std::string>();
  co_return std::optional(std::get<std::string>(rows->at(0, "user_id")));
}

task<result<std::string>> remember_device(const repositories& target, unit_of_work& work,
                                          const auth_settings& auth, std::string user_id) {
  static const auto forget_others = fmt::format(
      "DELETE FROM login_devices WHERE user_id = $1 AND id NOT IN "
      "(SELECT id FROM login_devices WHERE user_id = $1 ORDER BY added_at DESC, id LIMIT {})",
      most_devices);
  const auto token = new_secret_token(token_prefix);
  sql_parameters row{hash_of_token(token), user_id, rfc3339(target.now())};
  auto added = co_await work.execute("INSERT INTO login_devices (id, user_id, added_at) VALUES ($1, $2, $3)",
                                     std::move(row));
  if (!added) co_return std::unexpected(std::move(added.error()));
  sql_parameters whose{std::move(user_id)};
  auto forgotten = co_await work.execute(forget_others, std::move(whose));
  if (!forgotten) co_return std::unexpected(std::move(forgotten.error()));
  co_return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", cookie_name(auth), token,
                        cookie_lifetime.count(), auth.secure_cookie ? "; Secure" : "");
}

}  // namespace strata::platform
