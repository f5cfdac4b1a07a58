/// The code of docs/guide/second_level.md.
#include "check.hpp"

#include <strata/strata.hpp>
#include <strata/testing.hpp>

#include <memory>

using namespace std::chrono_literals;

const strata::entity<std::string, "page:{id}"> pages{{.ttl = 60s}};

strata::task<> an_outage() {
  const auto server = strata::make_memory_server();
  const auto store = std::make_shared<strata::testing::faulty_store>(strata::connect(server));
  strata::cache ours({.second_level = store, .l2_timeout = 100ms, .breaker_open_for = 2s});
  strata::cache theirs({.second_level = strata::connect(server)});
  co_await theirs.set(pages("1"), std::string("old"));

  store->fail({});
  co_await ours.remove(pages("1"));  // the store is unreachable: the removal joins the backlog
  const auto meanwhile = co_await ours.get_or_set(pages("1"), [] { return std::string("new"); });
  CHECK(*meanwhile == "new" && meanwhile.info().reason == strata::miss_reason::l2_down);
  CHECK(ours.stats().second_level.backlog == 1);

  store->heal();
  store->lose();  // simulates a reconnect
  const auto after = co_await ours.get_or_set(pages("1"), [] { return std::string("new"); });
  CHECK(*after == "new" && after.info().stored);
  const auto elsewhere = co_await theirs.get(pages("1"));
  CHECK(*elsewhere == "new");
}

int main() {
  strata::sync_wait(an_outage());
}
