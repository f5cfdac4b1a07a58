#include "tests/attack/colliding_names.hpp"
#include "tests/contract/store_contract.hpp"
#include "tests/redis/prefixed_store.hpp"

#include <strata/testing.hpp>

namespace strata::contract {

struct memory_under_test {
  strata::testing::manual_clock time;
  std::shared_ptr<memory_server> server = make_memory_server(time);

  std::shared_ptr<store> connect() { return strata::connect(server); }
  void advance(duration by) { time.advance(by); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreContract, memory_under_test);

/// A store that leaves `apply` to the port.
struct default_apply_under_test : memory_under_test {
  struct store_with_default final : test::prefixed_store {
    using prefixed_store::prefixed_store;
    task<result<commit_time>> apply(store_invalidation what) override { return store::apply(what); }
  };
  std::shared_ptr<store> connect() {
    return std::make_shared<store_with_default>(strata::connect(server), "");
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(DefaultApply, StoreContract, default_apply_under_test);

TEST(MemoryStore, CostsTheSameForKeysThatAnAttackerMade) {
  strata::testing::manual_clock time;
  const auto seconds_of = [&](const std::vector<std::string>& keys) {
    const auto one = connect(make_memory_server(time));
    return attack::thread_seconds([&] {
      for (const auto& each : keys) {
        ASSERT_TRUE(sync_wait(one->take_lease(each, std::chrono::seconds(9), 0)));
        ASSERT_TRUE(sync_wait(one->put(each, "value", std::chrono::seconds(9))));
      }
    });
  };
  const auto usual = seconds_of(attack::random_names(3'000));
  EXPECT_LT(seconds_of(attack::colliding_names(3'000)), 8 * usual);
}

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

TEST(MemoryStore, NameSpacesShareItsBytesAndNothingElse) {
  strata::testing::manual_clock time;
  const auto server = make_memory_server(time, {10'000});
  const auto one = connect(server, "one");
  const auto two = connect(server, "two");
  const auto fill = [](store& into, commit_time known) {
    const auto lease = *sync_wait(into.acquire("k", std::chrono::seconds(1), known));
    return *sync_wait(into.fill({.key = "k",
                                 .lease = lease.lease,
                                 .asof = lease.granted_at,
                                 .bytes = "v",
                                 .ttl = std::chrono::seconds(9)}));
  };
  EXPECT_EQ(fill(*one, 100), fill_result::stored);
  EXPECT_EQ(fill(*two, 5), fill_result::stored);
  EXPECT_EQ(sync_wait(two->get("k"))->value().asof, 5u) << "a clock of its own";
  const std::vector<floor_entry> floors{{.bucket = 7, .asof = 1, .soft = false}};
  ASSERT_TRUE(sync_wait(one->raise(floors)));
  EXPECT_TRUE(sync_wait(two->floors())->empty());
  ASSERT_TRUE(sync_wait(one->clear(0)));
  EXPECT_FALSE(*sync_wait(one->get("k")));
  EXPECT_TRUE(*sync_wait(two->get("k")));

  const std::string bytes(1000, 'x');
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(sync_wait(one->put("k" + std::to_string(i), bytes, std::chrono::seconds(100))));
  }
  EXPECT_FALSE(*sync_wait(two->get("k"))) << "it ends first";
}

}  // namespace strata::contract
