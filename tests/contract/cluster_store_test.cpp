#include "tests/contract/redis_under_test.hpp"
#include "tests/redis/cluster_group.hpp"

namespace strata::contract {

struct clustered {
  test::cluster_group group;
  std::string url() const { return group.url(); }
};

struct clustered_through_tls_with_least_privilege {
  test::cluster_group group{{.tls = true}};
  void admit(const std::string& name_space) const {
    for (std::size_t i = 0; i < group.size(); ++i) {
      allow(group.node(i), test::least_privilege_in_a_cluster("gate", "open sesame", name_space));
    }
  }
  std::string url() const { return group.url("gate:open%20sesame@"); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Cluster, StoreContract, redis_under_test<clustered>);
INSTANTIATE_TYPED_TEST_SUITE_P(ClusterTlsLeastPrivilege, StoreContract,
                               redis_under_test<clustered_through_tls_with_least_privilege>);

}  // namespace strata::contract
