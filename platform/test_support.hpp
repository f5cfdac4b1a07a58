#pragma once
/// For the platform's tests: a platform over a real database and a real cache, asked through its
/// router as the server would, without sockets. The database is SQLite or PostgreSQL: see chosen.hpp.

#include "platform/app.hpp"
#include "platform/credentials.hpp"
#include "platform/entities.hpp"
#include "platform/ids.hpp"
#include "platform/repositories.hpp"
#include "tests/contract/temporary_folder.hpp"
#include "tests/postgres/chosen.hpp"

#include <server/representation.hpp>
#include <server/request.hpp>
#include <server/response.hpp>
#include <server/response_writer.hpp>
#include <server/router.hpp>

#include <strata/json.hpp>

#include <gtest/gtest.h>
#include <boost/json/value.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::platform::testing {

using fields = std::vector<std::pair<std::string, std::string>>;

/// A clock that a test moves.
class manual_clock final : public strata::clock {
 public:
  strata::time_point now() const noexcept override { return now_; }
  strata::wall_time wall() const noexcept override { return wall_; }
  void advance(strata::duration by) {
    now_ += by;
    wall_ += std::chrono::duration_cast<std::chrono::milliseconds>(by);
  }

 private:
  strata::time_point now_{std::chrono::hours(1)};
  strata::wall_time wall_{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};
};

/// An answer as it would be sent.
struct answer {
  int status = 0;
  std::string head;
  std::string body;

  /// The first value of a field; empty if there is none.
  std::string field(std::string_view name) const {
    const auto at = head.find("\n" + std::string(name) + ": ");
    if (at == std::string::npos) return {};
    const auto start = at + name.size() + 3;
    return head.substr(start, head.find('\r', start) - start);
  }
  boost::json::value json() const {
    auto parsed = strata::json::parse(body);
    if (!parsed) throw std::runtime_error("not JSON: " + parsed.error().detail + " in " + body);
    return std::move(*parsed);
  }
  std::string text(std::string_view pointer) const {
    return std::string(json().at_pointer(pointer).as_string());
  }
  std::int64_t number(std::string_view pointer) const { return json().at_pointer(pointer).as_int64(); }
};

template <class T>
T must(strata::result<T> from) {
  if (!from) throw std::runtime_error(from.error().detail);
  if constexpr (!std::is_void_v<T>) return std::move(*from);
}

/// The fastest hash that is still argon2id.
inline password_settings quick_passwords() {
  return {.operations = 1, .memory = {8192}};
}

inline limit_settings no_limits() {
  return {.user = {.limit = 0},
          .address = {.limit = 0},
          .login_account = {.limit = 0},
          .login_address = {.limit = 0}};
}

/// Asks as the server would; a body is JSON if `more` does not say otherwise. Requests with the same
/// `connection` come through one.
inline answer ask(const strata::server::router& routes, std::string_view method, std::string_view target,
                  std::string_view token = {}, std::string body = {}, fields more = {},
                  strata::server::connection_memory* connection = nullptr) {
  bool typed = false;
  for (const auto& each : more) typed = typed || each.first == "Content-Type";
  if (!body.empty() && !typed) more.emplace_back("Content-Type", "application/json");
  if (!token.empty()) more.emplace_back("Authorization", "Bearer " + std::string(token));
  strata::server::test_request asked(method, target, std::move(more), std::move(body), connection);
  auto made = strata::sync_wait(routes.dispatch(*asked));
  answer out;
  // Later than every change of the test: a Last-Modified is sent only when its second is over.
  const auto now =
      std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now()) + std::chrono::seconds(1);
  const auto sent = strata::server::write_response(*asked, std::move(made), {.now = now}, out.head);
  out.status = sent.status;
  out.body = sent.body();
  return out;
}

/// A session of the user with this email, whose password is as `world::add_user` says.
inline std::string login(const strata::server::router& routes, const std::string& email) {
  const auto done = ask(routes, "POST", "/auth/login", {},
                        R"({"email":")" + email + R"(","password":"password of )" + email + R"("})");
  if (done.status != 200) throw std::runtime_error("login: " + done.head + done.body);
  return done.text("/session");
}

class world {
 public:
  using wrapper = std::function<std::shared_ptr<strata::database>(std::shared_ptr<strata::database>)>;

  /// `wrap` may put a database of its own before the real one.
  explicit world(limit_settings limits = no_limits(), const wrapper& wrap = {},
                 strata::cache_options caching = {}, policy_table policies = default_policies(),
                 std::vector<entity_definition> entities = all_entities()) {
    database = another();
    if (wrap) database = wrap(database);
    cache = std::make_shared<strata::cache>(std::move(caching));
    app_options options;
    options.database = database;
    options.cache = cache;
    options.auth.passwords = quick_passwords();
    options.limits = limits;
    options.policies = std::move(policies);
    options.entities = std::move(entities);
    options.log = [this](strata::log_level, std::string_view line) { log.emplace_back(line); };
    held = std::make_unique<app>(std::move(options));
    must(strata::sync_wait(held->migrate()));
    routes = std::make_unique<strata::server::router>(held->routes());
  }

  /// The same database, as another program has it.
  std::shared_ptr<strata::database> another() const {
    return must(strata::test::open_chosen(folder.file("platform.db")));
  }

  const repositories& data() { return held->data(); }

  organization add_organization(std::string name) {
    organization row;
    row.id = new_id(organization_entity::id_prefix);
    row.name = std::move(name);
    return must(strata::sync_wait(data().rows<organization_entity>().create(std::move(row))));
  }

  /// The password is "password of " and the email.
  user add_user(const organization& in, std::string email, bool is_admin) {
    user row;
    row.id = new_id(user_entity::id_prefix);
    row.organization_id = in.id;
    row.name = "User " + email;
    row.email = std::move(email);
    row.is_admin = is_admin;
    row = must(strata::sync_wait(data().rows<user_entity>().create(std::move(row))));
    auto hash = must(strata::sync_wait(held->passwords().hash("password of " + row.email)));
    auto work = must(strata::sync_wait(data().begin()));
    must(strata::sync_wait(set_credential(data(), work, {row.id, std::move(hash)})));
    must(strata::sync_wait(work.commit()));
    return row;
  }

  agent add_agent(const organization& in, std::string name, std::string status = "active") {
    agent row;
    row.id = new_id(agent_entity::id_prefix);
    row.organization_id = in.id;
    row.name = std::move(name);
    row.status = std::move(status);
    return must(strata::sync_wait(data().rows<agent_entity>().create(std::move(row))));
  }

  listing add_listing(std::string name, std::string description = "", std::string publisher = "") {
    listing row;
    row.id = new_id(listing_entity::id_prefix);
    row.name = std::move(name);
    row.description = std::move(description);
    row.publisher = std::move(publisher);
    return must(strata::sync_wait(data().rows<listing_entity>().create(std::move(row))));
  }

  answer ask(std::string_view method, std::string_view target, std::string_view token = {},
             std::string body = {}, fields more = {}) const {
    return testing::ask(*routes, method, target, token, std::move(body), std::move(more));
  }
  std::string login(const std::string& email) const { return testing::login(*routes, email); }

  std::int64_t count(const std::string& table) const {
    auto rows = must(strata::sync_wait(database->query("SELECT COUNT(*) AS n FROM " + table, {})));
    return std::get<std::int64_t>(rows.at(0, "n"));
  }

  strata::test::temporary_folder folder;
  std::shared_ptr<strata::database> database;
  std::shared_ptr<strata::cache> cache;
  std::vector<std::string> log;
  std::unique_ptr<app> held;
  std::unique_ptr<strata::server::router> routes;
};

/// Two organizations: one with an administrator and a member, another with a stranger.
class PlatformTest : public ::testing::Test {
 protected:
  world at;
  organization home = at.add_organization("Home");
  organization abroad = at.add_organization("Abroad");
  user admin = at.add_user(home, "admin@home.example", true);
  user member = at.add_user(home, "member@home.example", false);
  user stranger = at.add_user(abroad, "stranger@abroad.example", true);
  std::string admin_token = at.login(admin.email);
  std::string member_token = at.login(member.email);
  std::string stranger_token = at.login(stranger.email);
};

}  // namespace strata::platform::testing
