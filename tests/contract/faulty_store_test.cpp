/// A faulty store without rules is the store behind it.

#include "tests/contract/store_contract.hpp"

#include <strata/testing.hpp>

namespace strata::contract {

struct faulty_under_test {
  strata::testing::manual_clock time;
  std::shared_ptr<memory_server> server = make_memory_server(time);

  std::shared_ptr<store> connect() {
    return std::make_shared<strata::testing::faulty_store>(strata::connect(server));
  }
  void advance(duration by) { time.advance(by); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Faulty, StoreContract, faulty_under_test);

}  // namespace strata::contract
