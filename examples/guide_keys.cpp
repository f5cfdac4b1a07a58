/// The code of docs/guide/keys.md.
#include "check.hpp"

#include <strata/strata.hpp>

using namespace std::chrono_literals;

struct page {
  std::vector<std::string> agents;
  int number = 1;
};
BOOST_DESCRIBE_STRUCT(page, (), (agents, number))

strata::task<> build() {
  const strata::entity<page, "api:agents:list:{organization}:page_{number}"> lists{{.ttl = 1min}};
  CHECK(lists("org_1", 2).key.text() == "api:agents:list:org_1:page_2");

  // Arguments are escaped, so an argument can never form another key.
  CHECK(lists("org_1:page_9", 2).key.text() == "api:agents:list:org_1%3Apage_9:page_2");
  CHECK(lists("", 1).key.text() == "api:agents:list:%:page_1");
  co_return;
}

struct query {
  std::string organization;
  int page = 1;
};

strata::task<> with_builder(strata::cache& cache) {
  const strata::entity<page, "api:agents:list:{organization}:page_{number}"> lists{{.ttl = 1min}};
  const auto list = strata::cached(
      cache, lists, [](const query& request) { return page{{"agt_1"}, request.page}; },
      [](const auto& entity, const query& request) { return entity(request.organization, request.page); });
  CHECK((co_await list(query{"org_1", 2}))->number == 2);
  CHECK(list.key_for(query{"org_1", 2}).key.text() == "api:agents:list:org_1:page_2");
}

strata::task<> one_call(strata::cache& cache) {
  const strata::entity<page, "preview:{id}"> previews{{.ttl = 10min}};
  const auto short_lived = previews("agt_1").with({.ttl = 5s});  // for this call only
  const auto read = co_await cache.get_or_set(short_lived, [] { return page{}; });
  CHECK(read.info().ttl <= 5s);
}

int main() {
  strata::cache cache;
  strata::sync_wait(build());
  strata::sync_wait(with_builder(cache));
  strata::sync_wait(one_call(cache));
}
