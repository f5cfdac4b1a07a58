#include "tests/contract/redis_under_test.hpp"

namespace strata::contract {

struct plain {
  test::redis_server server;
  std::string url() const { return server.url(); }
};

struct through_tls {
  test::redis_server server{{.tls = true}};
  std::string url() const {
    return "rediss://127.0.0.1:" + std::to_string(server.tls_port()) + "?ca=" + server.certificates().ca;
  }
};

struct with_least_privilege {
  test::redis_server server;
  void admit(const std::string& name_space) const {
    allow(server, test::least_privilege("gate", "open sesame", name_space));
  }
  std::string url() const { return "redis://gate:open%20sesame@127.0.0.1:" + std::to_string(server.port()); }
};

struct tracking_what_it_has_read {
  test::redis_server server;
  static constexpr auto tracked = tracked_keys::read;
  std::string url() const { return server.url(); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Redis, StoreContract, redis_under_test<plain>);
INSTANTIATE_TYPED_TEST_SUITE_P(RedisTls, StoreContract, redis_under_test<through_tls>);
INSTANTIATE_TYPED_TEST_SUITE_P(RedisLeastPrivilege, StoreContract, redis_under_test<with_least_privilege>);
INSTANTIATE_TYPED_TEST_SUITE_P(RedisTrackingWhatItHasRead, StoreContract,
                               redis_under_test<tracking_what_it_has_read>);

}  // namespace strata::contract
