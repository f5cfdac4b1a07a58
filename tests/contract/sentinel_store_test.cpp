#include "tests/contract/redis_under_test.hpp"
#include "tests/redis/sentinel_group.hpp"

namespace strata::contract {

struct watched {
  test::sentinel_group group;
  std::string url() const { return group.url(); }
};

struct watched_through_tls {
  test::sentinel_group group{{.tls = true}};
  std::string url() const { return group.url(); }
};

/// The servers' user and the sentinels' are two; the servers' is made on each, for ACLs are not replicated.
struct watched_with_least_privilege {
  test::sentinel_group group{{.sentinel_lines = {test::least_privilege_of_sentinels("watch", "sesame")}}};
  watched_with_least_privilege() {
    for (const auto& each : group.servers()) {
      const auto done = each.call(test::least_privilege("gate", "open sesame"));
      if (!done.is_ok()) throw std::runtime_error(resp::to_text(done));
    }
  }
  std::string url() const {
    return group.url("gate:open%20sesame@", "&sentinel-user=watch&sentinel-password=sesame");
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sentinel, StoreContract, redis_under_test<watched>);
INSTANTIATE_TYPED_TEST_SUITE_P(SentinelTls, StoreContract, redis_under_test<watched_through_tls>);
INSTANTIATE_TYPED_TEST_SUITE_P(SentinelLeastPrivilege, StoreContract,
                               redis_under_test<watched_with_least_privilege>);

}  // namespace strata::contract
