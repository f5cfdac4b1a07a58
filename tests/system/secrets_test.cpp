// What a gateway leaves behind: no secret may be readable in Redis, in SQLite, in logs, metrics or the
// operator's views, and no value that another program writes into Redis may be served.

#include "tests/redis/server.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace strata::system_test {
namespace {

using testing::HasSubstr;

struct Secrets : testing::Test {
  test::redis_server server;
  temp_folder folder;
  gateway running{folder,
                  {"--demo", "--store", server.url(), "--log-access", folder.file("access.log"), "--log-app",
                   folder.file("app.log"), "--log-level", "debug"}};
  login admin = running.as("admin");
  std::pair<std::string, std::string> session = running.session(admin);
  std::string token = session.second.substr(std::string("Bearer ").size());
  std::string user = text_at(running.ask("GET", "/users/me", {session}).body, "id");
  std::string agent = text_at(running.ask("POST", "/agents", {session}, R"({"name":"Holder"})").body, "id");

  /// Every key and value of Redis.
  std::string in_redis() const {
    std::string all;
    for (const auto& key : server.call({"KEYS", "*"}).items()) {
      all.append(key.text()).append("\n");
      const auto value = server.call({"GET", std::string(key.text())});
      if (value.is_text()) all.append(value.text()).append("\n");
    }
    return all;
  }
  void expect_absent(const std::string& text, const std::string& place,
                     const std::vector<std::string>& secrets) const {
    for (const auto& each : secrets)
      EXPECT_EQ(text.find(each), std::string::npos) << each << " is in " << place;
  }
};

TEST_F(Secrets, AreReadableNowhere) {
  const std::string api_key = "sk-live-d41d8cd98f00b204";
  ASSERT_EQ(
      running.ask("PUT", "/agents/" + agent + "/config", {session}, R"({"api_key":")" + api_key + R"("})")
          .status,
      200);
  ASSERT_EQ(running.ask("PUT", "/users/" + user + "/settings", {session}, R"({"theme":"a-private-setting"})")
                .status,
            200);
  for (const auto* path : {"/config", ""}) running.ask("GET", "/agents/" + agent + path, {session});
  for (const auto* path : {"/settings", "/permissions", ""})
    running.ask("GET", "/users/" + user + path, {session});
  running.ask("GET", "/users/me", {{"Authorization", "Bearer " + token + "x"}});

  const std::vector<std::string> everywhere{token, admin.password, api_key, "a-private-setting"};
  auto hidden = everywhere;
  hidden.insert(hidden.end(), {admin.email, "is_admin", R"("permissions")"});
  expect_absent(in_redis(), "Redis", hidden);
  expect_absent(read_file(folder.file("app.log")), "the log", hidden);
  expect_absent(read_file(folder.file("access.log")), "the access log", {admin.password, api_key});
  expect_absent(running.program().out() + running.program().err(), "the program's output", {token, api_key});
  expect_absent(read_file(folder.file("strata.db")) + read_file(folder.file("strata.db-wal")), "SQLite",
                {token, admin.password});
  expect_absent(running.ask_admin("GET", "/metrics").body, "the metrics", hidden);
  for (const auto& key : {"user:" + user, "user:" + user + ":permissions", "user:" + user + ":settings",
                          "agent:" + agent + ":config"}) {
    const auto shown = running.ask_admin("GET", "/cache/get?key=" + key).body;
    EXPECT_THAT(shown, HasSubstr(R"("hidden":true)")) << key;
    expect_absent(shown + running.ask_admin("GET", "/cache/explain?key=" + key).body, key, hidden);
  }
}

TEST_F(Secrets, AForgedValueIsNeverServed) {
  // Every value of Redis, with another letter in its middle and as another key's.
  running.ask("GET", "/marketplace/listings?limit=5", {});
  running.ask("GET", "/agents/" + agent, {session});
  std::vector<std::string> keys;
  for (const auto& key : server.call({"KEYS", "strata:*"}).items()) keys.emplace_back(key.text());
  ASSERT_FALSE(keys.empty());
  for (const auto& key : keys) {
    const auto value = server.call({"GET", key});
    if (!value.is_text() || value.text().size() < 80) continue;
    std::string changed(value.text());
    changed[changed.size() - 30] = static_cast<char>(changed[changed.size() - 30] ^ 1);
    server.call({"SET", key, changed, "KEEPTTL"});
  }
  const gateway fresh{folder, {"--store", server.url()}};
  EXPECT_EQ(text_at(fresh.ask("GET", "/agents/" + agent, {fresh.session(admin)}).body, "name"), "Holder");
  EXPECT_EQ(fresh.ask("GET", "/marketplace/listings?limit=5", {}).status, 200);
  const auto metrics = fresh.ask_admin("GET", "/metrics").body;
  EXPECT_THAT(metrics,
              testing::ContainsRegex(R"(cache_misses_total\{[^}]*reason="unauthentic"[^}]*\} [1-9])"));
}

}  // namespace
}  // namespace strata::system_test
