#include "platform/test_support.hpp"

#include <strata/testing.hpp>

#include <gmock/gmock.h>

namespace strata::platform {
namespace {

using strata::errc;
using strata::result;
using strata::sql_parameters;
using strata::sql_rows;
using strata::task;

/// The faults that a test causes.
struct faults {
  bool down = false;         ///< nothing answers
  bool lose_answer = false;  ///< a commit happens, but its answer is lost
};

class faulty_transaction final : public strata::transaction {
 public:
  faulty_transaction(std::unique_ptr<strata::transaction> real, const faults& with)
      : real_(std::move(real)), with_(with) {}
  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) override {
    return real_->execute(statement, std::move(parameters));
  }
  task<result<void>> run_script(std::string_view script) override { return real_->run_script(script); }
  task<result<void>> commit() override {
    auto done = co_await real_->commit();
    if (with_.lose_answer) co_return strata::fail(errc::timeout, "the answer was lost");
    co_return done;
  }
  task<result<std::vector<result<sql_rows>>>> commit_and_read(std::vector<strata::sql_query> reads) override {
    auto done = co_await real_->commit_and_read(std::move(reads));
    if (with_.lose_answer) co_return strata::fail(errc::timeout, "the answer was lost");
    co_return done;
  }
  task<result<void>> rollback() override { return real_->rollback(); }

 private:
  std::unique_ptr<strata::transaction> real_;
  const faults& with_;
};

class faulty_database final : public strata::database {
 public:
  faulty_database(std::shared_ptr<strata::database> real, const faults& with)
      : real_(std::move(real)), with_(with) {}
  task<result<sql_rows>> query(std::string_view statement, sql_parameters parameters) override {
    if (with_.down) return result<sql_rows>(away());
    return real_->query(statement, std::move(parameters));
  }
  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) override {
    if (with_.down) return result<sql_rows>(away());
    return real_->execute(statement, std::move(parameters));
  }
  task<result<std::unique_ptr<strata::transaction>>> begin() override {
    if (with_.down) co_return away();
    auto opened = co_await real_->begin();
    if (!opened) co_return std::unexpected(opened.error());
    co_return std::make_unique<faulty_transaction>(std::move(*opened), with_);
  }
  task<result<void>> run_script(std::string_view script) override { return real_->run_script(script); }
  task<result<std::uint64_t>> foreign_changes() override { return real_->foreign_changes(); }
  task<result<void>> ping() override { return real_->ping(); }
  std::string_view dialect() const noexcept override { return real_->dialect(); }

 private:
  static std::unexpected<strata::error> away() { return strata::fail(errc::database_unavailable, "away"); }

  std::shared_ptr<strata::database> real_;
  const faults& with_;
};

class Outage : public ::testing::Test {
 protected:
  faults fault;
  testing::world at{testing::no_limits(),
                    [this](auto real) { return std::make_shared<faulty_database>(std::move(real), fault); }};
  organization home = at.add_organization("Home");
  user member = at.add_user(home, "m@home.example", false);
  agent row = at.add_agent(home, "Before");
  std::string path = "/agents/" + row.id;
  std::string token = at.login(member.email);
};

TEST_F(Outage, ServesCachedValuesAndAnswersTheRestWithRetryAfter) {
  EXPECT_EQ(at.ask("GET", path, token).status, 200);
  fault.down = true;
  EXPECT_EQ(at.ask("GET", path, token).status, 200);
  const std::vector<std::pair<std::string, std::string>> tried{{"GET", path + "/config"},
                                                               {"GET", "/agents"},
                                                               {"GET", "/agents/agt_neverseen0001"},
                                                               {"GET", "/marketplace/listings"},
                                                               {"POST", path + "/executions"},
                                                               {"DELETE", path}};
  for (const auto& [method, target] : tried) {
    const auto answer = at.ask(method, target, token);
    EXPECT_EQ(answer.status, 503) << method << ' ' << target;
    EXPECT_EQ(answer.field("Retry-After"), "5");
    EXPECT_EQ(answer.field("Cache-Control"), "no-store");
    EXPECT_EQ(answer.field("Content-Type"), "application/problem+json");
  }
  EXPECT_EQ(at.ask("POST", "/auth/login", {}, R"({"email":"m@home.example","password":"x"})").status, 503);
  fault.down = false;
  EXPECT_EQ(at.ask("GET", "/agents", token).number("/total"), 1) << "a failure is not remembered";
}

TEST_F(Outage, PermissionsThatMayBeOutdatedAllowOnlyReading) {
  const auto admin = at.login(at.add_user(home, "a@home.example", true).email);
  const auto given = at.add_user(home, "given@home.example", false);
  const auto barred = at.add_user(home, "barred@home.example", false);
  const auto permissions_of = [](const user& who) { return "/users/" + who.id + "/permissions"; };
  ASSERT_EQ(at.ask("PUT", permissions_of(given), admin, R"({"permissions":["agents:*"]})").status, 200);
  ASSERT_EQ(at.ask("PUT", permissions_of(barred), admin, R"({"permissions":["agents:execute"]})").status,
            200);
  const auto given_token = at.login(given.email);
  const auto barred_token = at.login(barred.email);
  for (const auto& each : {token, given_token}) {
    EXPECT_EQ(at.ask("GET", path, each).status, 200);
    EXPECT_EQ(at.ask("GET", "/agents", each).status, 200);
  }
  EXPECT_EQ(at.ask("GET", path, barred_token).status, 403);

  fault.down = true;
  for (const auto& who : {member, given, barred}) {
    strata::sync_wait(at.cache->expire_by_prefix("user:" + who.id + ":permissions"));
  }
  for (const auto& each : {token, given_token}) {
    EXPECT_EQ(at.ask("GET", path, each).status, 200);
    EXPECT_EQ(at.ask("GET", "/agents", each).status, 200);
    EXPECT_EQ(at.ask("POST", path + "/executions", each).status, 503);
    EXPECT_EQ(at.ask("PATCH", path, each, R"({"name":"x"})").status, 503);
  }
  EXPECT_EQ(at.ask("GET", path, barred_token).status, 403);
  const auto refused = at.ask("POST", path + "/executions", barred_token);
  EXPECT_EQ(refused.status, 503) << "a permission that may have been revoked starts nothing";
  EXPECT_EQ(refused.field("Retry-After"), "5");

  strata::sync_wait(at.cache->remove_by_prefix("user:" + given.id + ":permissions"));
  EXPECT_EQ(at.ask("GET", path, given_token).status, 503) << "revoked, as far as this process knows";
}

TEST_F(Outage, AnAdministratorWhoseRowMayBeOutdatedMayReadAndNoMore) {
  const auto admin = at.login(at.add_user(home, "a@home.example", true).email);
  EXPECT_EQ(at.ask("GET", path, admin).status, 200);
  EXPECT_EQ(at.ask("GET", "/agents", admin).status, 200);
  const auto others = "/users/" + member.id + "/permissions";
  EXPECT_EQ(at.ask("GET", others, admin).status, 200);
  fault.down = true;
  strata::sync_wait(at.cache->expire_by_prefix("user"));
  EXPECT_EQ(at.ask("GET", path, admin).status, 200);
  EXPECT_EQ(at.ask("GET", "/agents", admin).status, 200);
  EXPECT_NE(at.ask("GET", others, admin).status, 200) << "only administrators may see it";
  EXPECT_EQ(at.ask("PATCH", path, admin, R"({"name":"x"})").status, 503);
  EXPECT_EQ(at.ask("POST", path + "/executions", admin).status, 503);
}

TEST(StalePermissions, EndAMinuteAfterTheirTtl) {
  faults fault;
  strata::testing::manual_clock time;
  strata::testing::manual_timers timers(time);
  testing::world at(testing::no_limits(),
                    [&](auto real) { return std::make_shared<faulty_database>(std::move(real), fault); },
                    {.timer = &timers, .maintenance_interval = {}, .time = &time});
  const auto home = at.add_organization("Home");
  const auto member = at.add_user(home, "m@home.example", false);
  const auto token = at.login(member.email);
  const auto admin = at.login(at.add_user(home, "a@home.example", true).email);
  const auto path = "/agents/" + at.add_agent(home, "Scout").id;
  ASSERT_EQ(at.ask("PUT", "/users/" + member.id + "/permissions", admin, R"({"permissions":["agents:read"]})")
                .status,
            200);
  EXPECT_EQ(at.ask("GET", path, token).status, 200);
  fault.down = true;
  time.advance(std::chrono::minutes(5) + std::chrono::seconds(20));
  EXPECT_EQ(at.ask("GET", path, token).status, 200);
  time.advance(std::chrono::minutes(1));
  EXPECT_EQ(at.ask("GET", path, token).status, 503) << "though the agent itself may be a day old";
}

TEST(StaleAnswers, AreServedWhereThePolicyAllowsAndSaySo) {
  faults fault;
  auto policies = default_policies();
  policies.at("listing").fail_safe = true;
  testing::world at(
      testing::no_limits(),
      [&](auto real) { return std::make_shared<faulty_database>(std::move(real), fault); }, {},
      std::move(policies));
  const auto path = "/marketplace/listings/" + at.add_listing("Cartographer").id;
  EXPECT_EQ(at.ask("GET", path).field("Cache-Control"), "public, max-age=300, s-maxage=600");
  fault.down = true;
  strata::sync_wait(at.cache->expire_by_prefix("listing"));
  const auto stale = at.ask("GET", path);
  EXPECT_EQ(stale.status, 200);
  EXPECT_EQ(stale.text("/name"), "Cartographer");
  EXPECT_THAT(stale.field("Cache-Status"), ::testing::HasSubstr("detail=stale"));
  EXPECT_EQ(stale.field("Cache-Control"), "private, no-cache") << "no cache may keep it";
  EXPECT_EQ(stale.field("CDN-Cache-Control"), "");
  strata::sync_wait(at.cache->remove_by_prefix("listing"));
  EXPECT_EQ(at.ask("GET", path).status, 503) << "what was removed is never served";
}

TEST_F(Outage, LeavesNothingOldInTheCacheWhenACommitsAnswerIsLost) {
  EXPECT_EQ(at.ask("GET", path, token).text("/name"), "Before");
  EXPECT_EQ(at.ask("GET", "/agents", token).text("/items/0/name"), "Before");
  fault.lose_answer = true;
  EXPECT_EQ(at.ask("PATCH", path, token, R"({"name":"After"})").status, 503);
  EXPECT_EQ(at.ask("GET", path, token).text("/name"), "After");
  EXPECT_EQ(at.ask("GET", "/agents", token).text("/items/0/name"), "After");
}

TEST_F(Outage, LogsARowThatCannotBeRead) {
  testing::must(strata::sync_wait(at.database->execute("UPDATE agents SET execution_count = 'many'", {})));
  strata::sync_wait(at.cache->clear());
  try {
    at.ask("GET", path, token);
    FAIL() << "answered";
  } catch (const std::runtime_error& thrown) {
    EXPECT_THAT(thrown.what(), ::testing::HasSubstr("execution_count"));
  }
}

TEST_F(Outage, AWriteReplacesADocumentThatCannotBeRead) {
  const auto config = path + "/config";
  ASSERT_EQ(at.ask("PUT", config, token, R"({"a":1})").status, 200);
  testing::must(strata::sync_wait(at.database->execute("UPDATE agent_configs SET document = 'no JSON'", {})));
  strata::sync_wait(at.cache->clear());
  try {
    at.ask("GET", config, token);
    FAIL() << "answered";
  } catch (const std::runtime_error& thrown) {
    EXPECT_THAT(thrown.what(), ::testing::HasSubstr("agent_configs: column document"));
    EXPECT_THAT(thrown.what(),
                ::testing::HasSubstr("in the row with the id " + path.substr(path.rfind('/') + 1)));
  }
  EXPECT_EQ(at.ask("PUT", config, token, "{}").status, 200)
      << "also with what stands for an unreadable document";
  EXPECT_EQ(at.ask("GET", config, token).body, "{}");
  testing::must(strata::sync_wait(at.database->execute("UPDATE agent_configs SET document = 'no JSON'", {})));
  EXPECT_EQ(at.ask("DELETE", path, token).status, 204);
}

}  // namespace
}  // namespace strata::platform
