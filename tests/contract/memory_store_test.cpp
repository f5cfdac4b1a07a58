#include "tests/contract/store_contract.hpp"

#include <strata/testing.hpp>

namespace strata::contract {

struct memory_under_test {
  strata::testing::manual_clock time;
  std::shared_ptr<memory_server> server = make_memory_server(time);

  std::shared_ptr<store> connect() { return strata::connect(server); }
  void advance(duration by) { time.advance(by); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreContract, memory_under_test);

TEST(MemoryStore, DropsWhatEndsFirstToKeepItsBudget) {
  strata::testing::manual_clock time;
  const auto one = connect(make_memory_server(time, {10'000}));
  const std::string bytes(1000, 'x');
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(sync_wait(one->put("k" + std::to_string(i), bytes, std::chrono::seconds(100 + i))));
  }
  EXPECT_FALSE(*sync_wait(one->get("k0")));
  EXPECT_TRUE(*sync_wait(one->get("k19")));
}

}  // namespace strata::contract
