/// Two releases of a program on one store, one of which has a member that the other lacks.

#include "engine/engine_test_support.hpp"

#include <gtest/gtest.h>

namespace before {
struct agent {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(agent, (), (id))
}  // namespace before

namespace after {
struct agent {
  std::string id;
  std::string added = "unknown";
};
BOOST_DESCRIBE_STRUCT(agent, (), (id, added))
}  // namespace after

namespace retyped {
struct agent {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(agent, (), (id))
}  // namespace retyped

namespace {

using namespace strata;
using engine_test::fixture;
using namespace std::chrono_literals;

/// A process with its own declaration of the value.
template <class T>
struct release {
  entity<T, "agent:{id}"> agents{{.ttl = 60s, .jitter = 0}};
  cache values;
  int calls = 0;

  release(const strata::testing::manual_clock& time, const std::shared_ptr<memory_server>& server)
      : values(fixture::on(time, {.second_level = connect(server)})) {}

  lookup<T> read(std::string_view id, T value) {
    return sync_wait(values.get_or_set(agents(id), [this, value] {
      ++calls;
      return value;
    }));
  }
};

TEST(ChangedType, TwoReleasesShareTheirValues) {
  strata::testing::manual_clock time;
  const auto server = make_memory_server(time);
  int calls = 0;
  for (int round = 0; round < 10; ++round) {
    // Each has just started, so that only L2 knows the values.
    release<before::agent> old_one(time, server);
    release<after::agent> new_one(time, server);
    EXPECT_EQ(old_one.read("1", {"1"})->id, "1");
    EXPECT_EQ(new_one.read("1", {"1", "here"})->added, "unknown");
    EXPECT_EQ(new_one.read("2", {"2", "here"})->added, "here");
    EXPECT_EQ(old_one.read("2", {"2"})->id, "2");
    calls += old_one.calls + new_one.calls;
  }
  EXPECT_EQ(calls, 2);
}

TEST(ChangedType, AnInvalidationOfOneReleaseReachesTheOther) {
  strata::testing::manual_clock time;
  const auto server = make_memory_server(time);
  release<before::agent> old_one(time, server);
  release<after::agent> new_one(time, server);
  new_one.read("1", {"1", "before the write"});
  sync_wait(old_one.values.remove(old_one.agents("1")));
  EXPECT_EQ(new_one.read("1", {"1", "after it"})->added, "after it");
}

TEST(ChangedType, AMemberOfAnotherTypeIsAMiss) {
  strata::testing::manual_clock time;
  const auto server = make_memory_server(time);
  release<before::agent> old_one(time, server);
  release<retyped::agent> new_one(time, server);
  old_one.read("1", {"1"});
  const auto read = new_one.read("1", {1});
  EXPECT_EQ(read->id, 1);
  EXPECT_EQ(read.info().reason, miss_reason::undecodable);
}

}  // namespace
