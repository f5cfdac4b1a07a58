#include "database/postgres/server_address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace strata::detail {
namespace {

using testing::HasSubstr;
using testing::Not;

std::map<std::string, std::string> keywords_of(const postgres_options& options,
                                               server_address::role as = server_address::role::writing) {
  const server_address to(options);
  const auto found = to.for_role(as);
  std::map<std::string, std::string> out;
  for (std::size_t i = 0; found.names[i] != nullptr; ++i) out[found.names[i]] = found.values[i];
  return out;
}

TEST(ServerAddress, TakesAUrlApart) {
  auto found = keywords_of({.url = "postgres://ann:a%20b@db.example:6543/things?sslmode=verify-full"});
  EXPECT_EQ(found["host"], "db.example");
  EXPECT_EQ(found["port"], "6543");
  EXPECT_EQ(found["user"], "ann");
  EXPECT_EQ(found["password"], "a b");
  EXPECT_EQ(found["dbname"], "things");
  EXPECT_EQ(found["sslmode"], "verify-full");
  EXPECT_EQ(found["client_encoding"], "UTF8");
}

TEST(ServerAddress, AFieldCountsBeforeTheUrl) {
  auto found =
      keywords_of({.url = "postgresql://ann@one/things", .host = "other", .port = 7, .password = "p"});
  EXPECT_EQ(found["host"], "other");
  EXPECT_EQ(found["port"], "7");
  EXPECT_EQ(found["user"], "ann");
  EXPECT_EQ(found["password"], "p");
}

TEST(ServerAddress, ASessionThatReadsCannotWrite) {
  const postgres_options options{.url = "host=h options='-c work_mem=1MB'",
                                 .statement_timeout = std::chrono::seconds(7)};
  auto reading = keywords_of(options, server_address::role::reading)["options"];
  auto writing = keywords_of(options)["options"];
  EXPECT_THAT(reading, HasSubstr("default_transaction_read_only=on"));
  EXPECT_THAT(writing, Not(HasSubstr("default_transaction_read_only")));
  EXPECT_THAT(writing, testing::StartsWith("-c work_mem=1MB "));
  EXPECT_THAT(writing, HasSubstr("-c statement_timeout=7000 "));
}

TEST(ServerAddress, ASessionThatReadsMayReachAnyServerThatAWriterMay) {
  const postgres_options options{.url = "postgres://one,two/x?target_session_attrs=read-write"};
  EXPECT_TRUE(problems_of(options).empty());
  EXPECT_EQ(keywords_of(options)["target_session_attrs"], "read-write");
  EXPECT_EQ(keywords_of(options, server_address::role::reading)["target_session_attrs"], "primary");
  const postgres_options any{.url = "postgres://one,two/x?target_session_attrs=any"};
  EXPECT_EQ(keywords_of(any, server_address::role::reading)["target_session_attrs"], "any");
  for (const char* wrong : {"standby", "read-only", "prefer-standby", "nothing"}) {
    const auto found = problems_of({.url = std::string("host=h target_session_attrs=") + wrong});
    ASSERT_EQ(found.size(), 1u) << wrong;
    EXPECT_THAT(found[0], HasSubstr("target_session_attrs must be any, read-write or primary"));
  }
}

TEST(ServerAddress, EveryProblemIsNamedAndNoPasswordShown) {
  const auto all = problems_of({.url = "",
                                .sslmode = "perhaps",
                                .readers = 0,
                                .pipeline_depth = 0,
                                .writers = 0,
                                .queue_limit = 0,
                                .statement_timeout = {},
                                .transaction_timeout = {},
                                .connect_timeout = {}});
  EXPECT_EQ(all.size(), 9u);
  EXPECT_TRUE(problems_of({.url = "postgres://localhost/x"}).empty());
  for (const char* url : {"postgres://ann:secret@[::1/x", "postgres://ann:secret%@h/x",
                          "postgres://ann:secret@h/x?nothing=secret", "host=h passwort=secret",
                          "password='secret", "nonsense secret"}) {
    const auto found = problems_of({.url = url});
    ASSERT_EQ(found.size(), 1u) << url;
    EXPECT_THAT(found[0], HasSubstr("postgres url: is not one: "));
    EXPECT_THAT(found[0], Not(HasSubstr("secret"))) << url;
  }
}

TEST(ServerAddress, TakesThePasswordOutOfAMessage) {
  const server_address to({.url = "postgres://ann:hush@h/x"});
  EXPECT_EQ(to.without_password("hush said hush"), "*** said ***");
}

}  // namespace
}  // namespace strata::detail
