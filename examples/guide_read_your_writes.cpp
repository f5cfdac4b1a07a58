// The snippets of docs/guide/read_your_writes.md.

#include "check.hpp"

#include <strata/strata.hpp>

#include <chrono>
#include <string>

using namespace std::chrono_literals;

namespace {

const strata::entity<std::string, "agent:{id}"> agents{{.ttl = 30min}};

/// Two processes without a shared store, and the row that both read.
strata::task<> two_processes() {
  std::string row = "old";
  strata::cache here;
  strata::cache there;
  const auto load = [&row] { return row; };
  (void)co_await there.get_or_set(agents("agt_1"), load);

  row = "new";
  co_await here.remove(agents("agt_1"));
  const std::string cookie = strata::to_text(here.latest_write());  // send it as a cookie or a header

  const auto token = strata::consistency_token_of(cookie);
  CHECK(token);
  const auto asof = there.required_asof(*token);
  const auto mine = co_await there.get_or_set(agents("agt_1").at_least(asof), load);
  CHECK(*mine == "new");
  CHECK(mine.info().reason == strata::miss_reason::behind);
}

}  // namespace

int main() {
  strata::sync_wait(two_processes());
}
