#include "tests/contract/redis_under_test.hpp"
#include "tests/redis/cluster_group.hpp"

namespace strata::contract {

struct clustered {
  test::cluster_group group;
  std::string url() const { return group.url(); }
};

struct clustered_through_tls_with_least_privilege {
  test::cluster_group group{{.tls = true}};
  clustered_through_tls_with_least_privilege() {
    for (std::size_t i = 0; i < group.size(); ++i) {
      const auto done = group.node(i).call(test::least_privilege_in_a_cluster("gate", "open sesame"));
      if (!done.is_ok()) throw std::runtime_error(resp::to_text(done));
    }
  }
  std::string url() const { return group.url("gate:open%20sesame@"); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Cluster, StoreContract, redis_under_test<clustered>);
INSTANTIATE_TYPED_TEST_SUITE_P(ClusterTlsLeastPrivilege, StoreContract,
                               redis_under_test<clustered_through_tls_with_least_privilege>);

}  // namespace strata::contract
