#include "platform/entities.hpp"
#include "platform/entity_table.hpp"
#include "platform/fields.hpp"
#include "platform/ids.hpp"
#include "platform/list_query.hpp"
#include "platform/passwords.hpp"
#include "platform/test_support.hpp"

#include <gmock/gmock.h>

#include <set>
#include <thread>

namespace strata::platform {
namespace {

using namespace std::chrono_literals;

TEST(Ids, AreDifferentAndOfTheirShape) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(new_id(agent_entity::id_prefix));
  EXPECT_EQ(seen.size(), 1000U);
  for (const auto& each : seen) ASSERT_TRUE(well_formed_id(agent_entity::id_prefix, each)) << each;
  EXPECT_EQ(stable_id(listing_entity::id_prefix, "a"), stable_id(listing_entity::id_prefix, "a"));
  EXPECT_NE(stable_id(listing_entity::id_prefix, "a"), stable_id(listing_entity::id_prefix, "b"));
  EXPECT_TRUE(well_formed_id(listing_entity::id_prefix, stable_id(listing_entity::id_prefix, "")));
  EXPECT_TRUE(plausible_id(user_entity::id_prefix, "usr_1"));
  EXPECT_FALSE(well_formed_id(user_entity::id_prefix, "usr_1"));
  for (const auto* bad : {"", "usr_", "agt_123456789012", "usr_a b", "usr_a/b", "usr_\xc3\xa9", "usr_a:b"}) {
    EXPECT_FALSE(plausible_id(user_entity::id_prefix, bad)) << bad;
  }
  EXPECT_FALSE(plausible_id(user_entity::id_prefix, "usr_" + std::string(61, 'a')));
}

TEST(Emails, HaveOneAtAndADomain) {
  for (const auto* good : {"a@b.example", "first.last+tag@sub.b.example", "\xc3\xa9@b.example"}) {
    EXPECT_TRUE(plausible_email(good)) << good;
  }
  for (const auto* bad :
       {"", "a", "@b.example", "a@", "a@b", "a@.b", "a@b.", "a@@b.example", "a b@c.example", "<a@b.c>"}) {
    EXPECT_FALSE(plausible_email(bad)) << bad;
  }
}

TEST(Fields, CutNamesThatAreTooLongForAnAnswer) {
  const std::string name(99, 'a');
  EXPECT_EQ(pointer_to(name + "\xc3\xa9" + name), "/" + name);
  boost::json::object many;
  for (int i = 0; i < 1000; ++i) many.emplace("f" + std::to_string(i), i);
  const boost::json::value value(std::move(many));
  field_reader in(value, field_reader::mode::patch);
  EXPECT_EQ(in.finish().size(), field_reader::max_problems);
}

TEST(ListQuery, PutsParametersInOrder) {
  strata::sql_parameters parameters;
  EXPECT_EQ(search_condition(" two\twords ", {"a", "b"}, parameters),
            R"((LOWER(a) LIKE LOWER($1) ESCAPE '\' OR LOWER(b) LIKE LOWER($1) ESCAPE '\') AND )"
            R"((LOWER(a) LIKE LOWER($2) ESCAPE '\' OR LOWER(b) LIKE LOWER($2) ESCAPE '\'))");
  EXPECT_EQ(parameters, (strata::sql_parameters{"%two%", "%words%"}));
  EXPECT_EQ(search_condition("", {"a"}, parameters), "");
  EXPECT_EQ(like_pattern(R"(50%_\)"), R"(%50\%\_\\%)");
  EXPECT_EQ(normalized("  Ab \n C "), "ab c");
}

TEST(EntityTable, HasTheKeysAndPoliciesOfTheStrategy) {
  const entity_table entities;
  EXPECT_EQ(entities.get<agent_entity>()("agt_1").key.text(), "agent:agt_1");
  EXPECT_EQ(entities.get<agent_config_entity>()("agt_1").key.text(), "agent:agt_1:config");
  EXPECT_EQ(entities.get<user_permissions_entity>()("usr_1").key.text(), "user:usr_1:permissions");
  EXPECT_EQ(entities.get<organization_entity>()("org_1").key.text(), "org:org_1");
  EXPECT_EQ(entities.get<agent_list_entity>()("org_1", 1, 20, "").key.text(),
            "api:agents:list:org_1:page_1:limit_20:status_%");
  const auto policies = default_policies();
  EXPECT_EQ(policies.at("user").ttl, 1h);
  EXPECT_EQ(policies.at("user_permissions").ttl, 5min);
  EXPECT_EQ(policies.at("agent").ttl, 30min);
  EXPECT_EQ(policies.at("agent_list").ttl, 1min);
  EXPECT_EQ(policies.at("session").ttl, 24h);
  EXPECT_TRUE(policies.at("session").sensitive);
  EXPECT_EQ(policies.size(), 11U);
}

TEST(EntityTable, TakesOtherPoliciesAndRefusesBadOnes) {
  EXPECT_EQ(entity_table({{"agent", {.ttl = 5s}}}).get<agent_entity>().policy().ttl, 5s);
  try {
    const entity_table bad({{"agent", {.ttl = 0s}}, {"agents", {}}});
    FAIL() << "accepted";
  } catch (const strata::bad_options& problem) {
    EXPECT_EQ(problem.problems().size(), 2U);
  }
}

TEST(Passwords, AreVerifiedAgainstTheirHash) {
  password_hasher hasher(testing::quick_passwords());
  const auto hash = testing::must(strata::sync_wait(hasher.hash("correct horse")));
  EXPECT_TRUE(hash.starts_with("$argon2id$"));
  EXPECT_EQ(hash.find("horse"), std::string::npos);
  EXPECT_TRUE(testing::must(strata::sync_wait(hasher.verify(hash, "correct horse"))));
  EXPECT_FALSE(testing::must(strata::sync_wait(hasher.verify(hash, "Correct horse"))));
  EXPECT_FALSE(testing::must(strata::sync_wait(hasher.verify({}, "correct horse"))));
  EXPECT_FALSE(testing::must(strata::sync_wait(hasher.verify("not a hash", "correct horse"))));
}

TEST(Passwords, AreRefusedWhenTooManyWait) {
  // One job runs and one waits. Further calls end with errc::busy meanwhile.
  password_hasher hasher({.queue = 1, .operations = 1, .memory = {32u << 20}});
  strata::run_loop loop;
  int busy = 0;
  int finished = 0;
  for (int i = 0; i < 8; ++i) {
    strata::start(&loop, hasher.hash("x"), [&](strata::completion<strata::result<std::string>> done) {
      ++finished;
      if (done.has_value() && !done->has_value() && done->error().code == strata::errc::busy) ++busy;
    });
  }
  EXPECT_GE(busy, 5);
  loop.run_until([&] { return finished == 8; });
  EXPECT_LE(busy, 7);
}

TEST(Passwords, NameEveryBadSetting) {
  try {
    password_hasher bad({.threads = 0, .queue = 0, .operations = 0, .memory = {1}});
    FAIL() << "accepted";
  } catch (const strata::bad_options& problem) {
    EXPECT_EQ(problem.problems().size(), 4U);
  }
}

}  // namespace
}  // namespace strata::platform
