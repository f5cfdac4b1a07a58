/// The code of docs/guide/tags.md.
#include "check.hpp"

#include <strata/strata.hpp>

using namespace std::chrono_literals;

using strata::miss_reason;

strata::task<> tags(strata::cache& cache) {
  const strata::entity<std::string, "listing:{id}"> listings{{.ttl = 30min, .tags = {"marketplace"}}};
  const auto render = [](strata::fill_context& fill) {
    fill.set_tags({"publisher:acme"});
    return std::string("a weather tool");
  };
  co_await cache.get_or_set(listings("lst_1"), render);

  co_await cache.remove_by_tag("publisher:acme");  // O(1) for any number of values
  const auto gone = co_await cache.get(listings("lst_1"));
  CHECK(!gone && gone.info().reason == miss_reason::tag);
}

strata::task<> prefixes(strata::cache& cache) {
  const strata::entity<std::string, "api:agents:list:{organization}:{page}"> lists{{.ttl = 1min}};
  co_await cache.set(lists("org_1", 1), std::string("one"));
  co_await cache.set(lists("org_1", 2), std::string("two"));
  co_await cache.set(lists("org_10", 1), std::string("another organization's"));

  co_await cache.remove_by_prefix("api:agents:list:org_1");  // O(1); a prefix ends at a ':'
  const auto gone = co_await cache.get(lists("org_1", 2));
  CHECK(!gone && gone.info().reason == miss_reason::prefix);
  CHECK(co_await cache.get(lists("org_10", 1)));

  co_await cache.remove_pattern("api:agents:list:org_10:*");  // the same as a prefix
  co_await cache.remove_pattern("api:*:org_1?:*");            // walks every key
  CHECK(!co_await cache.get(lists("org_10", 1)));
}

strata::task<> events(strata::cache& cache, strata::event_bus& bus) {
  strata::invalidate_on(bus, cache,
                        {{.event = "agent.updated",
                          .keys = {"agent:{id}", "agent:{id}:config"},
                          .prefixes = {"api:agents:list:{organization_id}"}}});
  const strata::entity<std::string, "agent:{id}"> agents;
  co_await cache.set(agents("agt_1"), std::string("Scout"));

  co_await bus.publish({"agent.updated", {{"id", "agt_1"}, {"organization_id", "org_1"}}});
  CHECK(!co_await cache.get(agents("agt_1")));
}

int main() {
  strata::cache cache;
  strata::event_bus bus;
  strata::sync_wait(tags(cache));
  strata::sync_wait(prefixes(cache));
  strata::sync_wait(events(cache, bus));
}
