// The operator's commands for organizations, users and sessions.

#include "tests/redis/child.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace strata::system_test {
namespace {

using test::eventually;
using testing::HasSubstr;

struct Users : testing::Test {
  temp_folder folder;

  /// Runs a command with the gateway's database, and `input` on its standard input.
  finished command(std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.end(), {"--database", test::chosen_url(folder.file("strata.db")),
                               "--auth-password-memory", "8MiB"});
    const auto file = folder.file("input");
    std::ofstream(file) << input;
    return run(folder, words, {}, file);
  }
  finished plain(std::vector<std::string> words) {
    words.insert(words.end(), {"--database", test::chosen_url(folder.file("strata.db"))});
    return run(folder, words, {}, "/dev/null");
  }
  static std::string second_word(const std::string& line) {
    std::istringstream words(line);
    std::string kind, id;
    words >> kind >> id;
    return id;
  }
};

TEST_F(Users, ComeToBeAndLogIn) {
  const auto made = plain({"org", "add", "Halden Freight", "--plan", "pro"});
  ASSERT_EQ(made.status, 0) << made.err;
  const auto organization = second_word(made.out);
  EXPECT_THAT(plain({"org", "list"}).out, HasSubstr(organization + "  pro  Halden Freight"));

  const auto added = command({"user", "add", "ada@halden.example", "--organization", organization, "--admin"},
                             "first secret\n");
  ASSERT_EQ(added.status, 0) << added.err;
  EXPECT_EQ(
      command({"user", "add", "ADA@halden.example", "--organization", organization}, "another one\n").status,
      1);
  EXPECT_EQ(command({"user", "add", "bo@halden.example", "--organization", organization}, "short\n").status,
            1);
  EXPECT_EQ(command({"user", "add", "bo@halden.example", "--organization", organization}).status, 1)
      << "no password";
  EXPECT_THAT(command({"user", "list"}).out, HasSubstr("admin   ada@halden.example"));

  const gateway serving(folder);
  const login ada{"ada@halden.example", "first secret", "admin", organization};
  const auto session = serving.session(ada);
  const auto status = [&] { return serving.ask("GET", "/users/me", {session}).status; };
  EXPECT_EQ(status(), 200);
  EXPECT_THAT(command({"sessions", "list", "--user", "ada@halden.example", "--encryption-keys-file",
                       folder.file("encryption.keys")})
                  .out,
              HasSubstr("from 127.0.0.1"));

  const auto changed = command({"user", "passwd", "ada@halden.example"}, "second secret\n");
  ASSERT_EQ(changed.status, 0) << changed.err;
  EXPECT_THAT(changed.out, HasSubstr("1 sessions ended"));
  EXPECT_TRUE(eventually([&] { return status() == 401; })) << "the running gateway learns of it";
  const auto again = serving.session({ada.email, "second secret", "admin", organization});
  EXPECT_EQ(serving.ask("GET", "/users/me", {again}).status, 200);
  const auto ended = command({"sessions", "end", "--user", "ada@halden.example", "--json"});
  EXPECT_EQ(ended.out, "{\"sessions\":1}\n");
  EXPECT_TRUE(eventually([&] { return serving.ask("GET", "/users/me", {again}).status == 401; }));
  EXPECT_EQ(command({"user", "remove", "ada@halden.example"}).status, 0);
  EXPECT_EQ(command({"user", "remove", "ada@halden.example"}).status, 1);
}

TEST_F(Users, TokensInATargetAreNotLogged) {
  const auto log = folder.file("access.log");
  {
    gateway serving(folder, {"--log-access", log});
    serving.ask("GET", "/agents?access_token=sess_hush");
    serving.ask("GET", "/agents/sess_hush?page=2");
    EXPECT_EQ(serving.stop(), 0);
  }
  const auto lines = read_file(log);
  EXPECT_THAT(lines, HasSubstr("access_token=***"));
  EXPECT_THAT(lines, HasSubstr("page=2"));
  EXPECT_THAT(lines, testing::Not(HasSubstr("hush")));
}

}  // namespace
}  // namespace strata::system_test
