/// Remembered failures: how long, how many, and what ends them.

#include "engine/recent_failures.hpp"

#include <strata/testing.hpp>

#include <gtest/gtest.h>
#include <string>

namespace strata::detail {
namespace {

using namespace std::chrono_literals;

struct Failures : ::testing::Test {
  floor_table floors;
  recent_failures known{floors};
  const std::shared_ptr<const policy> rules = std::make_shared<const policy>(policy{.tags = {"agents"}});
  const time_point start = time_point() + 1h;
  const key agent{"agent:1"};

  void note(const key& of, commit_time asof = 5) {
    const any_key target{of, rules, cache_type(), nullptr};
    known.note(target, {.what = std::make_shared<const error>(errc::timeout, "late"), .until = start + 1s},
               asof, start);
  }
};

TEST_F(Failures, LastUntilTheirTimeIsOver) {
  EXPECT_FALSE(known.find(agent, start));
  note(agent);
  ASSERT_TRUE(known.find(agent, start + 1s - 1ns));
  EXPECT_EQ(known.find(agent, start)->what->detail, "late");
  EXPECT_FALSE(known.find(key("agent:2"), start));
  EXPECT_FALSE(known.find(agent, start + 1s));
  EXPECT_FALSE(known.find(agent, start)) << "it is forgotten";
}

TEST_F(Failures, EndWithAFloorOfATagOrAPrefix) {
  commit_time asof = 5;
  for (const auto bucket : {floor_table::tag_bucket("agents"), floor_table::prefix_bucket("agent")}) {
    for (const bool soft : {false, true}) {
      note(agent, asof);
      EXPECT_TRUE(known.find(agent, start));
      floors.raise({.bucket = bucket, .asof = ++asof, .soft = soft});
      EXPECT_FALSE(known.find(agent, start));
    }
  }
}

TEST_F(Failures, AreForgottenOneByOneAndAllAtOnce) {
  note(agent);
  note(key("agent:2"));
  known.forget("agent:1");
  EXPECT_FALSE(known.find(agent, start));
  EXPECT_TRUE(known.find(key("agent:2"), start));
  known.clear();
  EXPECT_FALSE(known.find(key("agent:2"), start));
}

TEST_F(Failures, AreBounded) {
  constexpr int many = 20'000;
  for (int i = 0; i < many; ++i) note(key("agent:" + std::to_string(i)));
  int remembered = 0;
  for (int i = 0; i < many; ++i) remembered += known.find(key("agent:" + std::to_string(i)), start) ? 1 : 0;
  EXPECT_EQ(remembered, 64 * 64);
  known.clear();
  note(agent);
  EXPECT_TRUE(known.find(agent, start)) << "there is room again";
}

}  // namespace
}  // namespace strata::detail
