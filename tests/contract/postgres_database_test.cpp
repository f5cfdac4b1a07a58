#include "tests/contract/database_contract.hpp"
#include "tests/postgres/server.hpp"

namespace {

class postgres_provider {
 public:
  std::shared_ptr<strata::database> open() {
    auto opened = strata::open_postgres({.url = strata::test::shared_postgres().url(database_)});
    if (!opened) throw std::runtime_error(opened.error().detail);
    return std::move(*opened);
  }

 private:
  std::string database_ = strata::test::shared_postgres().create_database();
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, DatabaseContract, postgres_provider);
