// A database that can be read and not written: its sessions are read-only, or its server is a standby.

#include "tests/postgres/support.hpp"

#include <fstream>

namespace strata::test {
namespace {

using testing::HasSubstr;

class PostgresReadOnly : public testing::Test {
 protected:
  std::shared_ptr<database> open(const std::string& more = {}) {
    return must_open({.url = server.url() + more});
  }
  static std::string read(database& db) { return code_of(sync_wait(db.query("SELECT count(*) FROM t", {}))); }
  static result<sql_rows> write(database& db) {
    return sync_wait(db.execute("INSERT INTO t VALUES (1)", {}));
  }
  static std::string write_in_transaction(database& db) {
    auto open = sync_wait(db.begin()).value();
    const auto done = sync_wait(open->execute("INSERT INTO t VALUES (1)", {}));
    return done ? code_of(sync_wait(open->commit())) : code_of(done);
  }
  /// Makes new sessions read-only, or no longer. Ends no session.
  void set_read_only(bool on) {
    server.execute(
        "postgres",
        std::string("BEGIN READ WRITE; ALTER DATABASE postgres SET default_transaction_read_only = ") +
            (on ? "on" : "off") + "; COMMIT");
  }
  void end_sessions() {
    server.execute("postgres",
                   "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
  }
  void make_standby() {
    const auto file = server.file("data") + "/standby.signal";
    std::ofstream(file) << "";
    postgres_server::give(file);
    server.restart_cleanly();
  }

  postgres_server server;  // a role's settings, and a standby, concern every test on a server
};

TEST_F(PostgresReadOnly, RefusesWritesAsUnavailableAndTakesThemAgainByItself) {
  const auto db = open();
  ASSERT_TRUE(sync_wait(db->run_script("CREATE TABLE t (a bigint)")));
  ASSERT_TRUE(write(*db));
  set_read_only(true);
  end_sessions();
  wait_until([&] { return read(*db) == "ok"; });
  wait_until([&] {
    const auto done = write(*db);
    return !done && done.error().detail.contains("25006");
  });
  const auto refused = write(*db);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::database_unavailable);
  EXPECT_THAT(refused.error().detail,
              HasSubstr("PostgreSQL takes no writes: cannot execute INSERT in a read-only"));
  EXPECT_EQ(write_in_transaction(*db), "database_unavailable");
  EXPECT_EQ(code_of(sync_wait(db->run_script("CREATE TABLE u ()"))), "database_unavailable");
  EXPECT_EQ(read(*db), "ok");
  EXPECT_EQ(code_of(sync_wait(db->query("SELECT nextval('nothing')", {}))), "statement")
      << "no write of ours";
  set_read_only(false);
  wait_until([&] { return write(*db).has_value(); });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(write_in_transaction(*db), "ok") << "every connection was replaced";
}

TEST_F(PostgresReadOnly, AStandbyIsReadAndTakesWritesOnceItIsPromoted) {
  const auto db = open();
  ASSERT_TRUE(sync_wait(db->run_script("CREATE TABLE t (a bigint); CREATE UNLOGGED TABLE u (a bigint)")));
  make_standby();
  wait_until([&] { return read(*db) == "ok"; });
  wait_until([&] {
    const auto done = write(*db);
    return !done && done.error().detail.contains("25006");
  });
  EXPECT_EQ(code_of(write(*db)), "database_unavailable");
  EXPECT_EQ(write_in_transaction(*db), "database_unavailable") << "BEGIN itself fails";
  EXPECT_EQ(code_of(sync_wait(db->query("SELECT count(*) FROM u", {}))), "database_unavailable");
  EXPECT_EQ(code_of(sync_wait(db->ping())), "ok");
  server.execute("postgres", "SELECT pg_promote()");
  wait_until([&] { return write(*db).has_value(); });
  EXPECT_EQ(write_in_transaction(*db), "ok");
}

TEST_F(PostgresReadOnly, TargetSessionAttrsFindsTheServerThatTakesWrites) {
  const auto db = open("&target_session_attrs=read-write");
  ASSERT_TRUE(sync_wait(db->run_script("CREATE TABLE t (a bigint)")));
  ASSERT_TRUE(write(*db));
  EXPECT_EQ(read(*db), "ok");
  make_standby();
  wait_until([&] { return code_of(write(*db)) == "database_unavailable"; });
  EXPECT_EQ(code_of(sync_wait(db->ping())), "database_unavailable") << "no such server is there";
  server.execute("postgres", "SELECT pg_promote()");
  wait_until([&] { return write(*db).has_value() && read(*db) == "ok"; });
}

}  // namespace
}  // namespace strata::test
