#include <strata/entity.hpp>
#include <strata/error.hpp>

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using strata::entity;
using strata::policy;

TEST(Policy, IsSoundByDefault) {
  EXPECT_TRUE(problems(policy{}).empty());
}

TEST(Policy, NamesEveryProblem) {
  const policy wrong{.ttl = 0s, .negative_ttl = -1s, .jitter = 0.9, .max_size = {0}, .tags = {""}};
  EXPECT_EQ(problems(wrong).size(), 5u);
  EXPECT_EQ(problems(policy{.ttl = std::chrono::hours(24 * 31)}).size(), 1u);
  EXPECT_EQ(problems(policy{.ttl = 1min, .l1_ttl = -1s, .sliding = 1min, .failure_ttl = 6min}).size(), 3u);
  EXPECT_TRUE(problems(policy{.ttl = 1min, .l1_ttl = 1s, .sliding = 59s, .failure_ttl = 5min}).empty());
}

TEST(Entity, ThrowsOnAPolicyThatIsNotSound) {
  try {
    const entity<std::string, "agent:{id}"> wrong{{.ttl = 0s, .jitter = 2}};
    FAIL() << "accepted";
  } catch (const strata::bad_options& refused) {
    EXPECT_EQ(refused.problems().size(), 2u);
  }
}

TEST(Entity, GivesItsKeysItsRulesAndItsType) {
  const entity<std::string, "agent:{id}:config"> configs{{.ttl = 30min}};
  const auto where = configs("agt_1");
  EXPECT_EQ(where.key.text(), "agent:agt_1:config");
  EXPECT_EQ(where.policy->ttl, strata::duration(30min));
  EXPECT_EQ(strata::cache_type::names()[where.type.index()], "agent");
  EXPECT_EQ(where.with({.ttl = 1min}).policy->ttl, strata::duration(1min));
}

TEST(CacheType, IsOtherForAKeyOfNoEntity) {
  EXPECT_EQ(strata::cache_type::find("nobody's").index(), 0u);
  const auto known = strata::cache_type::named("policy_test");
  EXPECT_EQ(strata::cache_type::find("policy_test").index(), known.index());
  EXPECT_EQ(strata::cache_type::named("policy_test").index(), known.index());
}

}  // namespace
