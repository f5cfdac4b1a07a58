// The outbox records other programs' writes to the platform's tables, and to any other table.

#include "tests/postgres/server.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::system_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class OnPostgresProgram : public testing::Test {
 protected:
  /// `strata db …` on this test's database.
  finished db(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "db");
    arguments.insert(arguments.end(), {"--database", server_.url(name_)});
    return run(folder_, arguments);
  }
  std::string psql(const std::string& statement) const { return server_.execute(name_, statement); }
  std::string url() const { return server_.url(name_); }
  const temp_folder& folder() const { return folder_; }

 private:
  temp_folder folder_;
  test::postgres_server& server_ = test::shared_postgres();
  std::string name_ = server_.create_database();
};

TEST_F(OnPostgresProgram, InstallsShowsAndRemovesTheOutboxOfAnyTable) {
  psql(R"(CREATE TABLE "Odd orders" (id BIGINT PRIMARY KEY, shop TEXT))");
  const std::vector<std::string> install{
      "install",          R"("Odd orders")", "--key",       "order:{id}", "--key",
      "order:{id}:lines", "--tag",           "shop-{shop}", "--prefix",   "api:orders:{shop}",
      "--event",          "order",           "--level",     "row"};
  const auto made = db(install);
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr(": installed"));
  psql(R"(INSERT INTO "Odd orders" VALUES (7, 'north'))");
  EXPECT_EQ(psql("SELECT what, vals FROM strata_outbox.changes"), "i|{7,north}\n");
  EXPECT_THAT(db(install).out, HasSubstr("nothing changed"));

  const auto shown = db({"status"});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_THAT(shown.out, AllOf(HasSubstr(R"("Odd orders": by row)"), HasSubstr("order:{id} order:{id}:lines"),
                               HasSubstr("shop-{shop}"), HasSubstr("api:orders:{shop}")));
  const auto told = parsed(db({"status", "--json"}).out);
  EXPECT_TRUE(told.at("present").as_bool());
  EXPECT_EQ(told.at("tables").at(0).at("event").as_string(), "order");
  EXPECT_TRUE(told.at("tables").at(0).at("complete").as_bool());
  psql(R"(ALTER TABLE "Odd orders" DISABLE TRIGGER ALL)");
  EXPECT_THAT(db({"status"}).out, HasSubstr("missing or disabled"));
  psql(R"(ALTER TABLE "Odd orders" ENABLE ALWAYS TRIGGER strata_outbox_row)");
  psql(R"(ALTER TABLE "Odd orders" RENAME shop TO store; INSERT INTO "Odd orders" VALUES (8, 'south'))");
  EXPECT_THAT(db({"status"}).out, AllOf(HasSubstr("problem    it has no column shop any more"),
                                        HasSubstr("could not read the rows of 1 writes")));

  EXPECT_EQ(db({"uninstall", R"("Odd orders")", "--json"}).status, 0);
  EXPECT_EQ(psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'strata_outbox'"), "0\n");
  EXPECT_THAT(db({"status"}).out, HasSubstr("there is no outbox"));
  EXPECT_EQ(db({"uninstall", "--all"}).status, 0) << "nothing is there, as wanted";
}

TEST_F(OnPostgresProgram, NamesEveryProblemOfARule) {
  psql("CREATE TABLE agents (id TEXT PRIMARY KEY)");
  const auto wrong = db({"install", "agents", "--key", "agent:{uuid}", "--event", "Agent"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("no column uuid"), HasSubstr("event must be")));
  EXPECT_THAT(db({"install", "nobodys", "--key", "a:{id}"}).err, HasSubstr("nobodys"));
  EXPECT_EQ(db({"install", "nobodys", "--key", "a:{id}"}).status, 1);
  EXPECT_EQ(db({"install", "agents"}).status, 2) << "nothing would be invalid";
  EXPECT_EQ(db({"install", "agents", "--key", "a:{id}", "--level", "often"}).status, 2);
  EXPECT_EQ(db({"install"}).status, 2);
  EXPECT_EQ(db({"install", "agents", "--platform"}).status, 2);
  EXPECT_EQ(db({"uninstall"}).status, 2);
  EXPECT_EQ(db({}).status, 2);
  const auto sqlite = run(folder(), {"db", "status", "--database", "sqlite:x.db"});
  EXPECT_EQ(sqlite.status, 2);
  EXPECT_THAT(sqlite.err, HasSubstr("needs PostgreSQL"));
  EXPECT_EQ(psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'strata_outbox'"), "0\n");
}

TEST_F(OnPostgresProgram, ServesWithTheOutboxOfItsTablesThoughTwoStartAtOnce) {
  const auto flags = [this] {
    auto out = gateway::flags(folder());
    out.insert(out.end(), {"--database", url()});
    return out;
  };
  process one(folder(), flags());
  process two(folder(), flags());
  one.wait_for_line("listening on ");
  two.wait_for_line("listening on ");
  const auto tables = parsed(db({"status", "--json"}).out).at("tables").as_array();
  EXPECT_EQ(tables.size(), 9u);
  for (const auto& each : tables) EXPECT_TRUE(each.at("complete").as_bool()) << each.at("table").as_string();
  psql(
      "INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('org_1', 'Written by psql', '', "
      "'')");
  EXPECT_THAT(psql("SELECT vals FROM strata_outbox.changes"), HasSubstr("{org_1}"));
  EXPECT_THAT(db({"install", "--platform"}).out, HasSubstr("agents: is installed already"));
}

TEST_F(OnPostgresProgram, LeavesTheDatabaseAloneIfTold) {
  auto flags = gateway::flags(folder());
  flags.insert(flags.end(), {"--database", url(), "--outbox-install=false"});
  process serving(folder(), flags);
  serving.wait_for_line("listening on ");
  EXPECT_THAT(db({"status"}).out, HasSubstr("there is no outbox"));
}

}  // namespace
}  // namespace strata::system_test
