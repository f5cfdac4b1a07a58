/// The code of docs/guide/stale.md.
#include "check.hpp"

#include <strata/strata.hpp>

using namespace std::chrono_literals;

struct report {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(report, (), (text))

strata::task<> fail_safe(strata::cache& cache) {
  const strata::entity<report, "report:{id}"> reports{{.ttl = 1min, .fail_safe = true, .grace = 1h}};
  co_await cache.set(reports("r1"), report{"yesterday's figures"});
  co_await cache.expire(reports("r1"));

  const auto read = co_await cache.get_or_set(reports("r1"), []() -> strata::result<report> {
    return strata::fail(strata::errc::database_unavailable, "the warehouse does not answer");
  });
  CHECK(read && read->text == "yesterday's figures");
  CHECK(read.info().stale);
}

int main() {
  strata::cache cache;
  strata::sync_wait(fail_safe(cache));
}
