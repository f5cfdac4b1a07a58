#include "tests/contract/store_contract.hpp"
#include "tests/redis/prefixed_store.hpp"
#include "tests/redis/store_support.hpp"

namespace strata::contract {

/// The store contract over a real server; `Setup` says how it is reached.
template <class Setup>
struct redis_under_test {
  Setup setup;
  std::mutex mutex;
  std::vector<std::shared_ptr<store>> opened;

  std::shared_ptr<store> connect() {
    std::shared_ptr<store> made = test::open_now(setup.url());
    std::lock_guard lock(mutex);
    opened.push_back(made);
    return std::make_shared<test::prefixed_store>(std::move(made), "strata:");
  }
  void advance(duration by) { std::this_thread::sleep_for(by); }
  void settle() {
    for (const auto& each : opened) test::wait_until_told(*each);
  }
};

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
  with_least_privilege() {
    const auto done = server.call(test::least_privilege("gate", "open sesame"));
    if (!done.is_ok()) throw std::runtime_error(resp::to_text(done));
  }
  std::string url() const { return "redis://gate:open%20sesame@127.0.0.1:" + std::to_string(server.port()); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Redis, StoreContract, redis_under_test<plain>);
INSTANTIATE_TYPED_TEST_SUITE_P(RedisTls, StoreContract, redis_under_test<through_tls>);
INSTANTIATE_TYPED_TEST_SUITE_P(RedisLeastPrivilege, StoreContract, redis_under_test<with_least_privilege>);

}  // namespace strata::contract
