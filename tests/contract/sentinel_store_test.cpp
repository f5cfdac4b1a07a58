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

/// The servers and the sentinels have a user each. ACLs are not replicated, so each server gets its own.
struct watched_with_least_privilege {
  test::sentinel_group group{{.sentinel_lines = {test::least_privilege_of_sentinels("watch", "sesame")}}};
  void admit(const std::string& name_space) {
    for (const auto& each : group.servers()) {
      allow(each, test::least_privilege("gate", "open sesame", name_space));
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
