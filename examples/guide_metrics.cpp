/// The code of docs/guide/metrics.md.
#include "check.hpp"

#include <strata/strata.hpp>

strata::task<> look(strata::cache& cache) {
  const strata::entity<std::string, "agent:{id}"> agents;
  co_await cache.get(agents("agt_1"));
  co_await cache.set(agents("agt_1"), std::string("Scout"));
  co_await cache.get(agents("agt_1"));

  const auto stats = cache.stats();
  for (const auto& type : stats.types) {
    if (type.type != "agent") continue;
    CHECK(type.l1_hits == 1);
    CHECK(type.misses[static_cast<std::size_t>(strata::miss_reason::absent)] == 1);
  }
  CHECK(stats.entries == 1 && stats.used <= stats.budget);

  const auto explanation = co_await cache.explain(agents("agt_1").key);
  CHECK(explanation.levels.front().layer == strata::layer::l1 &&
        explanation.levels.front().state == strata::explanation::state::fresh);
  std::cout << explanation.next_read << '\n';
}

int main() {
  strata::cache cache;
  strata::sync_wait(look(cache));
}
