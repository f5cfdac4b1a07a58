// A database that is read and not written: the disk under SQLite is full, or PostgreSQL is read-only. Reads
// go on, writes are 503 with Retry-After, the log and /readyz say why, and everything recovers by itself.

#include "tests/full_disk.hpp"
#include "tests/postgres/server.hpp"
#include "tests/redis/server.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::system_test {
namespace {

using test::eventually;
using testing::HasSubstr;
using testing::Not;

/// A gateway's first agent, and writes to it.
class written_agent {
 public:
  explicit written_agent(const gateway& of) : gateway_(of), session_(of.session(of.as("admin"))) {
    const auto page = parsed(of.ask("GET", "/agents?limit=1", {session_}).body);
    path_ = "/agents/" + std::string(page.at("items").at(0).at("id").as_string());
  }
  answer write() {
    return gateway_.ask("PATCH", path_, {session_},
                        R"({"description":"version )" + std::to_string(++versions_) + "\"}");
  }
  answer read() const { return gateway_.ask("GET", path_, {session_}); }

 private:
  const gateway& gateway_;
  std::pair<std::string, std::string> session_;
  std::string path_;
  int versions_ = 0;
};

/// What /readyz says of writes: empty if they are possible.
std::string write_trouble(const gateway& of) {
  const auto found = of.ask_admin("GET", "/readyz");
  if (found.status != 200) return "not even reads are possible: " + found.body;
  const auto told = parsed(found.body);
  for (const auto& each : told.at("parts").as_array()) {
    if (each.at("name").as_string() != "writes") continue;
    return each.at("ready").as_bool() ? "" : std::string(each.at("detail").as_string());
  }
  return "the part is missing";
}

void expect_refused(const answer& written) {
  EXPECT_EQ(written.status, 503) << written.body;
  EXPECT_EQ(written.field("retry-after"), "5");
}

TEST(FullDisk, RefusesWritesAndSaysWhy) {
  const temp_folder folder;
  const temp_folder switches;
  const test::full_disk disk(switches.file("."), "strata.db");
  gateway serving(folder, {"--demo", "--database", "sqlite:" + folder.file("strata.db")}, disk.environment());
  written_agent agent(serving);
  EXPECT_EQ(agent.write().status, 200);
  EXPECT_EQ(write_trouble(serving), "");
  const auto before = agent.read().body;
  disk.fill();
  for (int i = 0; i < 3; ++i) expect_refused(agent.write());
  EXPECT_EQ(agent.read().body, before);
  EXPECT_THAT(write_trouble(serving),
              HasSubstr("database or disk is full, file " + folder.file("strata.db")));
  EXPECT_TRUE(eventually([&] {
    return serving.program().err().contains("the database takes no writes: database or disk is full, file ");
  }));
  disk.empty();
  EXPECT_TRUE(eventually([&] { return write_trouble(serving).empty(); }));
  EXPECT_EQ(agent.write().status, 200);
  EXPECT_TRUE(
      eventually([&] { return serving.program().err().contains("the database takes writes again"); }));
  EXPECT_EQ(serving.stop(), 0);
}

class OnPostgresUnwritable : public testing::Test {
 protected:
  void set_read_only(bool on) {
    server_.execute("postgres", "ALTER DATABASE " + name_ +
                                    " SET default_transaction_read_only = " + (on ? "on" : "off"));
  }
  void end_sessions() {
    server_.execute("postgres",
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name_ + "'");
  }
  std::string url() const { return server_.url(name_) + "&target_session_attrs=read-write"; }
  std::string url_of_any() const { return server_.url(name_); }
  const temp_folder& folder() const { return folder_; }

 private:
  temp_folder folder_;
  test::postgres_server& server_ = test::shared_postgres();
  std::string name_ = server_.create_database();
};

TEST_F(OnPostgresUnwritable, RefusesWritesWhileSessionsAreReadOnly) {
  gateway serving(folder(), {"--demo", "--database", url_of_any()});
  written_agent agent(serving);
  EXPECT_EQ(agent.write().status, 200);
  EXPECT_EQ(write_trouble(serving), "");
  set_read_only(true);
  end_sessions();
  EXPECT_TRUE(eventually([&] { return write_trouble(serving).contains("PostgreSQL takes no writes"); }));
  expect_refused(agent.write());
  EXPECT_TRUE(eventually([&] { return agent.read().status == 200; }));
  EXPECT_TRUE(eventually([&] {
    return serving.program().err().contains("the database takes no writes: PostgreSQL takes no writes");
  }));
  set_read_only(false);
  EXPECT_TRUE(eventually([&] { return agent.write().status == 200; })) << "no session is ended by hand";
  EXPECT_EQ(write_trouble(serving), "");
  EXPECT_EQ(serving.stop(), 0);
}

TEST_F(OnPostgresUnwritable, StartsWithAUrlThatAsksForAServerThatTakesWrites) {
  gateway serving(folder(), {"--demo", "--database", url()});
  written_agent agent(serving);
  EXPECT_EQ(agent.write().status, 200);
  EXPECT_EQ(serving.stop(), 0);
}

}  // namespace
}  // namespace strata::system_test
