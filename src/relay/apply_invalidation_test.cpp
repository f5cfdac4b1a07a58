#include "relay/apply_invalidation.hpp"

#include <strata/cache.hpp>
#include <strata/json_codec.hpp>

#include <gtest/gtest.h>

#include <string>

namespace strata::relay_detail {
namespace {

TEST(ApplyInvalidation, TakesTheBoundaryAtAPrefixsEndForTheBoundary) {
  const auto server = make_memory_server();
  const auto shared = connect(server);
  cache reader({.second_level = connect(server)});
  cache local;
  const entity<std::string, "agent:{id}"> agents;
  for (const auto* prefix : {"agent", "agent:", "agent:1:", ":", ""}) {
    for (auto* each : {&reader, &local}) sync_wait(each->set(agents("1"), std::string("old")));
    const auto done = sync_wait(apply_to(*shared, "strata", {.prefixes = {prefix}}));
    ASSERT_TRUE(done) << done.error().detail;
    EXPECT_EQ(done->floors, 1u);
    EXPECT_FALSE(sync_wait(reader.get(agents("1")))) << '"' << prefix << '"';
    sync_wait(apply_to(local, {.prefixes = {prefix}}));
    EXPECT_FALSE(sync_wait(local.get(agents("1")))) << '"' << prefix << '"';
  }
}

}  // namespace
}  // namespace strata::relay_detail
