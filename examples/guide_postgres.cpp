/// The code of docs/guide/postgres.md. Pass the URL of a server; without one it shows the errors for an
/// unreachable server.
#include "check.hpp"

#include <strata/strata.hpp>

#include <cstdlib>
#include <string>

using namespace std::chrono_literals;

namespace {

strata::task<> use(strata::database& database) {
  const auto one = co_await database.query("SELECT 1 AS one", {});
  CHECK(one && one->at(0, "one") == strata::sql_value(std::int64_t{1}));
}

strata::task<strata::result<void>> transfer(strata::unit_of_work work) {
  const auto less = co_await work.execute("UPDATE accounts SET balance = balance - 5 WHERE id = 'a'", {});
  if (!less) co_return std::unexpected(less.error());
  const auto more = co_await work.execute("UPDATE accounts SET balance = balance + 5 WHERE id = 'b'", {});
  if (!more) co_return std::unexpected(more.error());
  co_return co_await work.commit();
}

strata::task<> pay(strata::database& database, strata::cache& cache) {
  const auto made = co_await database.run_script(
      "CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, balance BIGINT NOT NULL);"
      "INSERT INTO accounts VALUES ('a', 100), ('b', 0) ON CONFLICT DO NOTHING;");
  CHECK(made);
  auto paying = strata::in_transaction(database, cache, transfer);  // retries on conflicts
  const auto paid = co_await std::move(paying);
  CHECK(paid);
}

}  // namespace

int main(int count, char** words) {
  const std::string url = count > 1 ? words[1] : "postgres://nobody@127.0.0.1:1/nothing";
  auto opened = strata::open_postgres(
      {.url = url, .readers = 2, .writers = 4, .statement_timeout = 5s, .transaction_timeout = 30s});
  if (count == 1) {
    CHECK(!opened && opened.error().code == strata::errc::database_unavailable);
    return 0;
  }
  CHECK(opened);
  strata::cache cache;
  strata::sync_wait(use(**opened));
  strata::sync_wait(pay(**opened, cache));
  return 0;
}
