/// The platform's values as a reader of the second level sees them.

#include "platform/test_support.hpp"

#include <gmock/gmock.h>

#include <strata/encryption.hpp>
#include <strata/store.hpp>

namespace strata::platform::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::shared_ptr<const strata::key_ring> ring(const std::string& text) {
  return std::make_shared<const strata::key_ring>(text);
}

/// A gateway with a second level, and others beside it over the same database.
struct shared_platform {
  explicit shared_platform(std::shared_ptr<const strata::key_ring> keys)
      : at(no_limits(), {}, {.second_level = strata::connect(server), .encryption = std::move(keys)}) {}

  struct other {
    std::shared_ptr<strata::cache> cache;
    std::unique_ptr<app> held;
    std::unique_ptr<strata::server::router> routes;
  };
  other beside(std::shared_ptr<const strata::key_ring> keys) {
    other out;
    out.cache = std::make_shared<strata::cache>(
        strata::cache_options{.second_level = strata::connect(server), .encryption = std::move(keys)});
    app_options options;
    options.database = at.database;
    options.cache = out.cache;
    options.auth.passwords = quick_passwords();
    options.limits = no_limits();
    out.held = std::make_unique<app>(std::move(options));
    out.routes = std::make_unique<strata::server::router>(out.held->routes());
    return out;
  }
  std::string stored(const std::string& key) {
    const auto found = must(strata::sync_wait(raw->get("strata:" + key)));
    return found ? found->bytes : std::string();
  }
  /// Writes and reads back sensitive and other values of `who`.
  void use(const user& who) {
    const auto token = at.login(who.email);
    const auto path = "/users/" + who.id;
    ASSERT_EQ(
        at.ask("PUT", path + "/permissions", token, R"({"permissions":["agents:read","vault:open"]})").status,
        200);
    ASSERT_EQ(at.ask("PUT", path + "/settings", token, R"({"recovery":"blue heron"})").status, 200);
    ASSERT_EQ(at.ask("GET", path + "/permissions", token).status, 200);
    ASSERT_EQ(at.ask("GET", path + "/settings", token).status, 200);
    ASSERT_EQ(at.ask("GET", path, token).status, 200);
  }

  std::shared_ptr<strata::memory_server> server = strata::make_memory_server();
  std::shared_ptr<strata::store> raw = strata::connect(server);
  world at;
  organization home = at.add_organization("Home");
  user admin = at.add_user(home, "admin@home.example", true);
};

std::uint64_t misses(const strata::cache& of, strata::miss_reason reason) {
  std::uint64_t sum = 0;
  for (const auto& each : of.stats().types) sum += each.misses[static_cast<std::size_t>(reason)];
  return sum;
}

const std::string one = "1:" + strata::key_ring::generate();
const std::string two = "2:" + strata::key_ring::generate();
const std::string impostor = "1:" + strata::key_ring::generate();

TEST(Encryption, PermissionsAndSettingsAreNotReadableInTheSecondLevel) {
  shared_platform s(ring(one));
  s.use(s.admin);
  const auto permissions = s.stored("user:" + s.admin.id + ":permissions");
  const auto settings = s.stored("user:" + s.admin.id + ":settings");
  ASSERT_NE(permissions, "");
  ASSERT_NE(settings, "");
  EXPECT_THAT(permissions, Not(HasSubstr("vault:open")));
  EXPECT_THAT(permissions, Not(HasSubstr("permissions\":")));
  EXPECT_THAT(settings, Not(HasSubstr("blue heron")));
  EXPECT_NE(s.stored("user:" + s.admin.id), "");
  EXPECT_THAT(s.stored("user:" + s.admin.id), Not(HasSubstr("admin@home.example")));
  const auto row = s.at.add_agent(s.home, "Readable");
  ASSERT_EQ(s.at.ask("GET", "/agents/" + row.id, s.at.login(s.admin.email)).status, 200);
  EXPECT_THAT(s.stored("agent:" + row.id), HasSubstr("Readable")) << "the test must be able to see";
}

TEST(Encryption, AnotherGatewayWithTheKeyReadsThem) {
  shared_platform s(ring(one));
  s.use(s.admin);
  auto other = s.beside(ring(two + " " + one));  // the new key writes already, the old one still reads
  const auto token = login(*other.routes, s.admin.email);
  const auto read = ask(*other.routes, "GET", "/users/" + s.admin.id + "/permissions", token);
  EXPECT_THAT(read.body, HasSubstr("vault:open"));
  EXPECT_THAT(read.field("Cache-Status"), HasSubstr("detail=l2"));
  EXPECT_EQ(misses(*other.cache, strata::miss_reason::undecodable), 0u);
  EXPECT_EQ(misses(*other.cache, strata::miss_reason::unauthentic), 0u);
}

TEST(Encryption, AnotherKeyIsAMissWithItsReason) {
  shared_platform s(ring(one));
  s.use(s.admin);
  const std::pair<std::shared_ptr<const strata::key_ring>, strata::miss_reason> others[]{
      {ring(impostor), strata::miss_reason::unauthentic},  // first: the others store the value anew
      {ring(two), strata::miss_reason::undecodable},
      {nullptr, strata::miss_reason::undecodable}};
  for (const auto& [keys, reason] : others) {
    auto other = s.beside(keys);
    const auto token = login(*other.routes, s.admin.email);
    const auto read = ask(*other.routes, "GET", "/users/" + s.admin.id + "/settings", token);
    EXPECT_THAT(read.body, HasSubstr("blue heron")) << "the database still has it";
    EXPECT_THAT(read.field("Cache-Status"), HasSubstr("fwd=miss"));
    EXPECT_THAT(read.field("Cache-Status"), HasSubstr("detail=" + std::string(name(reason))));
    EXPECT_GE(misses(*other.cache, reason), 1u);
  }
}

TEST(Encryption, AWriterToTheSecondLevelDoesNotBecomeAnAdministrator) {
  shared_platform s(ring(one));
  const auto member = s.at.add_user(s.home, "member@home.example", false);
  s.use(s.admin);
  const auto path = "/users/" + s.admin.id + "/permissions";
  ASSERT_EQ(s.at.ask("GET", path, s.at.login(member.email)).status, 403);
  // The administrator's value under the member's key: the best that a writer without the keys can do.
  auto other = s.beside(ring(one));
  must(strata::sync_wait(
      s.raw->put("strata:user:" + member.id, s.stored("user:" + s.admin.id), std::chrono::minutes(5))));
  const auto token = login(*other.routes, member.email);
  EXPECT_EQ(ask(*other.routes, "GET", path, token).status, 403);
  EXPECT_GE(misses(*other.cache, strata::miss_reason::unauthentic), 1u);
}

TEST(Encryption, WithoutKeysTheyStayInMemory) {
  shared_platform s(nullptr);
  s.use(s.admin);
  EXPECT_EQ(s.stored("user:" + s.admin.id + ":permissions"), "");
  EXPECT_EQ(s.stored("user:" + s.admin.id + ":settings"), "");
  EXPECT_EQ(s.stored("user:" + s.admin.id), "");
  const auto token = s.at.login(s.admin.email);
  const auto read = s.at.ask("GET", "/users/" + s.admin.id + "/settings", token);
  EXPECT_THAT(read.field("Cache-Status"), HasSubstr("detail=l1"));
}

// A session is in no second level at all: the table of a process holds it, under a keyed hash.
TEST(Encryption, ASessionIsNotReadableInTheSecondLevel) {
  shared_platform s(ring(one));
  const auto credentials =
      R"({"email":")" + s.admin.email + R"(","password":"password of )" + s.admin.email + R"("})";
  const auto token =
      s.at.ask("POST", "/auth/login", {}, credentials, {{"User-Agent", "Telltale"}}).text("/session");
  ASSERT_EQ(s.at.ask("GET", "/auth/session", token).status, 200);
  const auto listed = s.at.ask("GET", "/auth/sessions", token);
  const auto copy = s.stored("session:" + listed.text("/items/0/id"));
  ASSERT_NE(copy, "");
  EXPECT_EQ(listed.text("/items/0/device"), "Telltale");
  EXPECT_THAT(copy, Not(HasSubstr("Telltale")));
  EXPECT_THAT(copy, Not(HasSubstr(token.substr(5))));
  EXPECT_EQ(s.stored("session:" + token), "");
}

TEST(Encryption, WithoutKeysASessionStaysOutOfTheSecondLevel) {
  shared_platform s(nullptr);
  const auto token = s.at.login(s.admin.email);
  ASSERT_EQ(s.at.ask("GET", "/auth/session", token).status, 200);
  const auto removed = must(strata::sync_wait(s.raw->invalidate_matching("*session*", 1u << 30)));
  EXPECT_EQ(removed.removed, 0u);
}

}  // namespace
}  // namespace strata::platform::testing
