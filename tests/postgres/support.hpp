#pragma once
/// Support for tests of the PostgreSQL driver.
/// Threads: one.

#include "tests/contract/database_contract.hpp"
#include "tests/postgres/server.hpp"

#include <strata/database.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace strata::test {

using namespace std::chrono_literals;

inline std::shared_ptr<database> must_open(postgres_options options) {
  auto opened = open_postgres(std::move(options));
  if (!opened) throw std::runtime_error(opened.error().detail);
  return std::move(*opened);
}

/// Calls `done` until it returns true. Throws after a minute.
template <class Done>
void wait_until(Done done) {
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("waited for too long");
    std::this_thread::sleep_for(2ms);
  }
}

/// A database of its own on the shared server.
class PostgresTest : public testing::Test {
 protected:
  postgres_options options() const { return {.url = server.url(name)}; }
  std::shared_ptr<database> open() const { return must_open(options()); }
  std::shared_ptr<database> open(postgres_options with) const {
    with.url = server.url(name);
    return must_open(std::move(with));
  }
  std::string elsewhere(const std::string& statements) const { return server.execute(name, statements); }

  postgres_server& server = shared_postgres();
  std::string name = server.create_database();
};

}  // namespace strata::test
