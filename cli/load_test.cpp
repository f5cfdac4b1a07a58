#include "cli/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace strata::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

/// A configuration file that is deleted after the test.
class file {
 public:
  explicit file(const std::string& text) {
    char pattern[] = "/tmp/strata-config-XXXXXX";
    folder_ = mkdtemp(pattern);
    std::ofstream(path()) << text;
  }
  ~file() { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/strata.toml"; }

 private:
  std::string folder_;
};

/// The problems of loading `text`, without the file's path.
std::vector<std::string> problems_of(const std::string& text) {
  const file file(text);
  const auto loaded = load(gateway::default_config(), {.file = file.path()});
  if (loaded) return {};
  std::vector<std::string> out;
  for (const auto& each : loaded.error()) {
    out.push_back(each.starts_with(file.path()) ? each.substr(file.path().size() + 1) : each);
  }
  return out;
}

TEST(Load, TakesFlagBeforeEnvironmentBeforeFileBeforeDefault) {
  const file file("listen = \"127.0.0.1:1\"\ndrain_timeout = \"1s\"\nthreads = 1\n");
  const auto loaded = load(gateway::default_config(),
                           {.file = file.path(),
                            .environment = {{"STRATA_LISTEN", "127.0.0.1:2"}, {"STRATA_DRAIN_TIMEOUT", "2s"}},
                            .flags = {{"listen", "127.0.0.1:3"}}});
  ASSERT_TRUE(loaded) << loaded.error().front();
  EXPECT_EQ(loaded->values.listen, "127.0.0.1:3");
  EXPECT_EQ(loaded->values.drain_timeout, 2s);
  EXPECT_EQ(loaded->values.threads, 1u);
  EXPECT_EQ(loaded->values.admin, "127.0.0.1:9090");
  EXPECT_EQ(loaded->origins.at("listen"), "--listen");
  EXPECT_EQ(loaded->origins.at("drain_timeout"), "STRATA_DRAIN_TIMEOUT");
  EXPECT_EQ(loaded->origins.at("threads"), file.path() + ":3");
  EXPECT_EQ(loaded->origins.at("admin"), "default");
}

TEST(Load, ReadsEveryKindOfValue) {
  const file file(
      "demo = true\nthreads = 4\n[limits]\nbody = \"2MiB\"\nidle_timeout = \"250ms\"\n"
      "[entity.agent]\nttl = \"45m\"\njitter = 0.2\n[entity.user]\njitter = 0\n");
  const auto loaded = load(gateway::default_config(), {.file = file.path()});
  ASSERT_TRUE(loaded) << loaded.error().front();
  EXPECT_TRUE(loaded->values.demo);
  EXPECT_EQ(loaded->values.threads, 4u);
  EXPECT_EQ(loaded->values.limits.body.count, 2u << 20);
  EXPECT_EQ(loaded->values.limits.idle_timeout, 250ms);
  EXPECT_EQ(loaded->values.entity.at("agent").ttl, 45min);
  EXPECT_EQ(loaded->values.entity.at("agent").jitter, 0.2);
  EXPECT_EQ(loaded->values.entity.at("user").jitter, 0.0);
}

TEST(Load, PointsAtUnknownKeysAndNamesTheNearest) {
  EXPECT_THAT(problems_of("lisen = \"127.0.0.1:1\"\n"),
              ElementsAre("1:1: unknown key \"lisen\"; did you mean \"listen\"?"));
  EXPECT_THAT(problems_of("[limits]\n  bdy = \"1MiB\"\n"),
              ElementsAre("2:3: unknown key \"limits.bdy\"; did you mean \"limits.body\"?"));
  EXPECT_THAT(problems_of("[entity.agnt]\nttl = \"1m\"\n"),
              ElementsAre("1:9: unknown table \"entity.agnt\"; did you mean \"entity.agent\"?"));
  EXPECT_THAT(problems_of("zzzzzzzzzzzzzzzzzzzzzzz = 1\n"),
              ElementsAre("1:1: unknown key \"zzzzzzzzzzzzzzzzzzzzzzz\""));
  EXPECT_THAT(problems_of("\"limits.body\" = \"1MiB\"\n"), ElementsAre(HasSubstr("1:1: unknown key")));
}

TEST(Load, ChecksTlsAndOrigins) {
  EXPECT_THAT(problems_of("[tls]\ncert = \"c.pem\"\n"), ElementsAre(HasSubstr("tls.key: is missing")));
  EXPECT_THAT(problems_of("[tls]\nkey = \"k.pem\"\n"), ElementsAre(HasSubstr("tls.cert: is missing")));
  EXPECT_THAT(problems_of("[cors]\norigins = [\"*\", \"https://a.example\", \"http://[::1]:3000\"]\n"),
              ElementsAre());
  EXPECT_THAT(problems_of("[cors]\norigins = [\"https://a.example/\"]\n"),
              ElementsAre(HasSubstr("is neither * nor an origin such as https://app.example")));
}

TEST(Load, PointsAtValuesOfTheWrongKind) {
  EXPECT_THAT(problems_of("listen = 8080\n"),
              ElementsAre("1:10: listen is text in quotes, not a whole number"));
  EXPECT_THAT(problems_of("threads = \"4\"\n"), ElementsAre("1:11: threads is a whole number, not text"));
  EXPECT_THAT(problems_of("demo = 1\n"), ElementsAre("1:8: demo is true or false, not a whole number"));
  EXPECT_THAT(problems_of("limits = 1\n"),
              ElementsAre("1:10: limits is a table, written [limits], not a whole number"));
  EXPECT_THAT(problems_of("listen = [1]\n"), ElementsAre("1:10: listen is text in quotes, not a list"));
  EXPECT_THAT(problems_of("drain_timeout = \"10\"\n"),
              ElementsAre(HasSubstr("1:17: drain_timeout: \"10\" is not a duration")));
  EXPECT_THAT(problems_of("[listen]\n"), ElementsAre(HasSubstr("listen is text in quotes, not a table")));
}

TEST(Load, PointsAtInvalidPolicies) {
  EXPECT_THAT(problems_of("[entity.agent]\nttl = \"0s\"\n"),
              ElementsAre("2:7: entity.agent.ttl: must be more than 0"));
  EXPECT_THAT(problems_of("[entity.agent]\nttl = \"31d\"\n"),
              ElementsAre("2:7: entity.agent.ttl: must be at most 30 days"));
  EXPECT_THAT(problems_of("[entity.agent]\nttl = \"-1s\"\n"),
              ElementsAre(HasSubstr("2:7: entity.agent.ttl: \"-1s\" is not a duration")));
  EXPECT_THAT(problems_of("[entity.user_settings]\neager_refresh = 1.5\nsoft_timeout = \"1s\"\n"),
              ElementsAre(HasSubstr("2:17: entity.user_settings.eager_refresh: must be from 0"),
                          HasSubstr("3:16: entity.user_settings.soft_timeout: needs fail_safe")));
  EXPECT_THAT(problems_of("[entity.agent]\ntags = [\"ok\", 1]\n"),
              ElementsAre(HasSubstr("2:8: entity.agent.tags is a list of texts without commas")));
  EXPECT_THAT(problems_of("[entity.agent]\ntags = [\"a,b\"]\n"), ElementsAre(HasSubstr("2:8: ")));
  EXPECT_THAT(problems_of("[entity.agent]\ntags = \"ok\"\n"),
              ElementsAre(testing::EndsWith("\"b\"], not text")));
  EXPECT_THAT(problems_of("[entity.agent]\nfail_save = true\n"),
              ElementsAre("2:1: unknown key \"entity.agent.fail_save\"; did you mean "
                          "\"entity.agent.fail_safe\"?"));
}

TEST(Load, ReportsAllProblemsAtOnceInTheOrderOfTheirLines) {
  EXPECT_THAT(problems_of("threads = true\nlisten = 1\n[limits]\nbdy = 1\nbody = \"x\"\n"),
              ElementsAre(HasSubstr("1:11: threads"), HasSubstr("2:10: listen"),
                          HasSubstr("4:1: unknown key"), HasSubstr("5:8: limits.body")));
}

TEST(Load, PointsAtBrokenToml) {
  EXPECT_THAT(problems_of("listen = \n"), ElementsAre(testing::StartsWith("1:1")));
  EXPECT_THAT(problems_of("a = 1\na = 2\n"), ElementsAre(testing::StartsWith("2:")));
  EXPECT_THAT(problems_of("listen = \"\xff\"\n"), ElementsAre(testing::StartsWith("1:")));
}

TEST(Load, NamesTheOriginOfAValueThatCannotHold) {
  EXPECT_THAT(problems_of("# why\nlisten = \"nowhere\"\n"),
              ElementsAre(HasSubstr("2:10: listen: \"nowhere\" is not HOST:PORT")));
  const auto loaded = load(gateway::default_config(), {.environment = {{"STRATA_STORE", "disk://x"}}});
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error(),
              ElementsAre(HasSubstr("STRATA_STORE: store: is neither memory nor a store's URL")));
}

TEST(Load, RefusesBadEnvironmentAndFlags) {
  const auto loaded = load(gateway::default_config(), {.environment = {{"STRATA_THREADS", "many"}},
                                                       .flags = {{"drain_timeout", "soon"}}});
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error(),
              ElementsAre(HasSubstr("STRATA_THREADS: \"many\""), HasSubstr("--drain-timeout: \"soon\"")));
}

TEST(Load, WarnsOfUnknownVariables) {
  const auto loaded =
      load(gateway::default_config(), {.environment = {{"STRATA_LISTN", "x"}, {"STRATA_CONFIG_OTHER", "y"}}});
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->warnings.size(), 2u);
  EXPECT_THAT(loaded->warnings[1], HasSubstr("did you mean \"STRATA_LISTEN\"?"));
}

TEST(Load, ReportsThatTheNamedFileCannotBeRead) {
  const auto loaded = load(gateway::default_config(), {.file = "/nonexistent/strata.toml"});
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error(), ElementsAre(HasSubstr("/nonexistent/strata.toml: cannot be read")));
  EXPECT_FALSE(load(gateway::default_config(), {.file = "/tmp"}));
}

TEST(Load, TakesTheFileThatTheEnvironmentNames) {
  const file file("threads = 7\n");
  const auto loaded = load(gateway::default_config(), {.environment = {{"STRATA_CONFIG", file.path()}}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->values.threads, 7u);
}

TEST(Load, PrintsWhatIsInForceAsAFileThatLoadsTheSame) {
  const auto loaded =
      load(gateway::default_config(), {.flags = {{"listen", "127.0.0.1:3"}, {"entity.agent.ttl", "7m"}}});
  ASSERT_TRUE(loaded);
  const auto printed = print_config(*loaded);
  EXPECT_THAT(printed, HasSubstr("listen = \"127.0.0.1:3\""));
  EXPECT_THAT(printed, HasSubstr("# --listen"));
  EXPECT_THAT(printed, HasSubstr("[entity.agent]\nttl = \"7m\""));
  const file file(printed);
  const auto again = load(gateway::default_config(), {.file = file.path()});
  ASSERT_TRUE(again) << again.error().front();
  EXPECT_EQ(again->values.entity.at("agent").ttl, 7min);
  EXPECT_EQ(again->values.listen, "127.0.0.1:3");
}

TEST(Load, PrintsListsAsTheFileHasThem) {
  const auto loaded = load(gateway::default_config(),
                           {.environment = {{"STRATA_ENTITY_LISTING_TAGS", "shop,it's \"open\""}}});
  ASSERT_TRUE(loaded);
  const auto printed = print_config(*loaded);
  EXPECT_THAT(printed, HasSubstr(R"(tags = ["shop", "it's \"open\""])"));
  EXPECT_THAT(printed, HasSubstr("dictionaries = []"));
  const file file(printed);
  const auto again = load(gateway::default_config(), {.file = file.path()});
  ASSERT_TRUE(again) << again.error().front();
  EXPECT_THAT(again->values.entity.at("listing").tags, ElementsAre("shop", "it's \"open\""));
}

TEST(Load, NeverShowsTheToken) {
  const auto loaded =
      load(gateway::default_config(), {.environment = {{"STRATA_ADMIN_TOKEN", "0123456789abcdef"}}});
  ASSERT_TRUE(loaded);
  for (const auto& text : {print_config(*loaded), print_config_json(*loaded)}) {
    EXPECT_THAT(text, testing::Not(HasSubstr("0123456789abcdef")));
    EXPECT_THAT(text, HasSubstr("********"));
  }
  const auto refused =
      load(gateway::default_config(), {.environment = {{"STRATA_ADMIN_TOKEN", "hush hush"}}});
  ASSERT_FALSE(refused);
  for (const auto& each : refused.error()) EXPECT_THAT(each, testing::Not(HasSubstr("hush hush")));
}

TEST(Load, NeverShowsTheKeys) {
  const auto loaded =
      load(gateway::default_config(), {.environment = {{"STRATA_ENCRYPTION_KEYS", "1:c2VjcmV0"}}});
  ASSERT_TRUE(loaded);
  for (const auto& text : {print_config(*loaded), print_config_json(*loaded)}) {
    EXPECT_THAT(text, testing::Not(HasSubstr("c2VjcmV0")));
  }
  const auto both = load(
      gateway::default_config(),
      {.environment = {{"STRATA_ENCRYPTION_KEYS", "1:c2VjcmV0"}, {"STRATA_ENCRYPTION_KEYS_FILE", "keys"}}});
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error(), ElementsAre(HasSubstr("keep one of them")));
  EXPECT_THAT(problems_of("[encryption]\nactive = 2\n"),
              ElementsAre(HasSubstr("2:10: encryption.active: names a key, but there are none")));
}

TEST(Nearest, FindsTheLikelyWordOrNone) {
  EXPECT_EQ(nearest("sevre", {"serve", "stats"}), "serve");
  EXPECT_EQ(nearest("explane", {"serve", "explain"}), "explain");
  EXPECT_EQ(nearest("xyzzy", {"serve", "stats"}), "");
}

}  // namespace
}  // namespace strata::cli
