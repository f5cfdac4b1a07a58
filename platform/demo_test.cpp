#include "platform/demo.hpp"
#include "platform/test_support.hpp"

#include <functional>
#include <optional>
#include <set>
#include <utility>

namespace strata::platform {
namespace {

TEST(Demo, FillsAnEmptyDatabaseWithAPlatformThatServes) {
  testing::world at;
  const auto logins = testing::must(strata::sync_wait(fill_demo(at.data(), at.held->passwords())));
  EXPECT_EQ(at.count("organizations"), 3);
  EXPECT_EQ(at.count("users"), 30);
  EXPECT_EQ(at.count("agents"), 500);
  EXPECT_EQ(at.count("listings"), 300);
  ASSERT_EQ(logins.size(), 2U);
  EXPECT_TRUE(logins[0].is_admin);
  EXPECT_FALSE(logins[1].is_admin);
  for (const auto& each : logins) {
    const auto done = at.ask("POST", "/auth/login", {},
                             R"({"email":")" + each.email + R"(","password":")" + each.password + R"("})");
    ASSERT_EQ(done.status, 200);
    EXPECT_EQ(done.text("/user/organization_id"), each.organization_id);
    const auto list = at.ask("GET", "/agents?limit=100", done.text("/session"));
    EXPECT_GE(list.number("/total"), 160);
    const auto agent = list.text("/items/0/id");
    EXPECT_NE(at.ask("GET", "/agents/" + agent + "/config", done.text("/session")).body, "{}");
  }
}

TEST(Demo, NamesNoTwoAgentsOfAnOrganizationAndNoTwoListingsAlike) {
  testing::world at;
  testing::must(strata::sync_wait(fill_demo(at.data(), at.held->passwords())));
  for (const auto* statement :
       {"SELECT COUNT(*) AS n FROM (SELECT DISTINCT organization_id, name FROM agents) AS d",
        "SELECT COUNT(*) + 200 AS n FROM (SELECT DISTINCT name FROM listings) AS d"}) {
    const auto rows = testing::must(strata::sync_wait(at.database->query(statement, {})));
    EXPECT_EQ(std::get<std::int64_t>(rows.at(0, "n")), 500) << statement;
  }
}

/// Another process fills the database between this one's look at it and its own transaction.
class raced_database final : public strata::database {
 public:
  explicit raced_database(std::shared_ptr<strata::database> real) : real_(std::move(real)) {}
  std::function<void()> before_begin;
  std::optional<strata::errc> first_failure;  ///< of the first transaction

  strata::task<strata::result<strata::sql_rows>> query(std::string_view statement,
                                                       strata::sql_parameters parameters) override {
    return real_->query(statement, std::move(parameters));
  }
  strata::task<strata::result<strata::sql_rows>> execute(std::string_view statement,
                                                         strata::sql_parameters parameters) override {
    return real_->execute(statement, std::move(parameters));
  }
  strata::task<strata::result<std::unique_ptr<strata::transaction>>> begin() override {
    if (auto once = std::exchange(before_begin, {})) once();
    if (const auto failed = std::exchange(first_failure, {})) co_return strata::fail(*failed, "held up");
    auto begun = real_->begin();
    co_return co_await std::move(begun);
  }
  strata::task<strata::result<void>> run_script(std::string_view script) override {
    return real_->run_script(script);
  }
  strata::task<strata::result<std::uint64_t>> foreign_changes() override { return real_->foreign_changes(); }
  strata::task<strata::result<void>> ping() override { return real_->ping(); }
  std::string_view dialect() const noexcept override { return real_->dialect(); }

 private:
  std::shared_ptr<strata::database> real_;
};

class DemoRace : public ::testing::TestWithParam<std::optional<strata::errc>> {};

TEST_P(DemoRace, IsFilledOnceByTwoProcesses) {
  std::shared_ptr<raced_database> raced;
  testing::world at(testing::no_limits(), [&](auto real) {
    raced = std::make_shared<raced_database>(std::move(real));
    return raced;
  });
  app_options options;
  options.database = at.another();
  options.cache = std::make_shared<strata::cache>();
  options.auth.passwords = testing::quick_passwords();
  app other(std::move(options));
  raced->first_failure = GetParam();
  raced->before_begin = [&] {
    EXPECT_EQ(testing::must(strata::sync_wait(fill_demo(other.data(), other.passwords()))).size(), 2U);
  };
  EXPECT_EQ(testing::must(strata::sync_wait(fill_demo(at.data(), at.held->passwords()))).size(), 2U);
  EXPECT_FALSE(raced->before_begin) << "the other process came in between";
  EXPECT_EQ(at.count("agents"), 500);
}

// Without a failure the rows collide; a statement that waits for the other transaction may time out.
INSTANTIATE_TEST_SUITE_P(Demo, DemoRace,
                         ::testing::Values(std::nullopt, strata::errc::timeout, strata::errc::contention));

TEST(Demo, LeavesADatabaseAloneThatHoldsSomething) {
  testing::world at;
  const auto first = testing::must(strata::sync_wait(fill_demo(at.data(), at.held->passwords())));
  const auto second = testing::must(strata::sync_wait(fill_demo(at.data(), at.held->passwords())));
  EXPECT_EQ(second.size(), first.size());
  EXPECT_EQ(second[0].password, first[0].password);
  EXPECT_EQ(at.count("agents"), 500);

  testing::world other;
  other.add_organization("Somebody's");
  EXPECT_TRUE(testing::must(strata::sync_wait(fill_demo(other.data(), other.held->passwords()))).empty());
  EXPECT_EQ(other.count("organizations"), 1);
}

}  // namespace
}  // namespace strata::platform
