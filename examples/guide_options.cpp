/// The code of docs/guide/options.md, namespaces.md, hooks.md and explain.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <atomic>

using namespace std::chrono_literals;

const strata::entity<std::string, "offer:{id}"> offers{{.ttl = 10min, .jitter = 0, .tags = {"shop"}}};

strata::task<> one_call(strata::cache& cache) {
  auto policy = offers.policy();
  policy.ttl = 5s;
  policy.hard_timeout = 1s;
  const auto quick = offers("o1").with(policy);  // same key, another policy, for this call only
  const auto read = co_await cache.get_or_set(quick, [] { return std::string("ten per cent off"); });
  CHECK(read.info().ttl <= 5s);
  CHECK(co_await cache.get(offers("o1")));  // the same entry
}

void bad_options() {
  bool thrown = false;
  try {
    (void)offers("o1").with({.ttl = 0s, .jitter = 2});
  } catch (const strata::bad_options& refused) {
    thrown = refused.problems().size() == 2;  // reports every problem, not only the first
  }
  CHECK(thrown);
}

strata::task<> namespaces() {
  const auto server = strata::make_memory_server();  // stands in for a shared store
  strata::cache shop({.second_level = strata::connect(server, "shop"), .name_space = "shop"});
  strata::cache staging({.second_level = strata::connect(server, "staging"), .name_space = "staging"});

  co_await shop.set(offers("o1"), std::string("live"));
  CHECK(!co_await staging.get(offers("o1")));
  co_await staging.set(offers("o2"), std::string("a try"));
  co_await staging.clear();
  CHECK(*co_await shop.get(offers("o1")) == "live");
}

/// Counts cache events. Hooks run on any thread, inside an operation: return quickly.
struct watcher final : strata::cache_observer {
  std::atomic<int> hits = 0, misses = 0, fills = 0, removals = 0, errors = 0;

  void on_hit(std::string_view, const strata::read_info&) override { ++hits; }
  void on_miss(std::string_view, strata::miss_reason) override { ++misses; }
  void on_fill(std::string_view, strata::duration) override { ++fills; }
  void on_remove(strata::invalidation_scope, std::string_view) override { ++removals; }
  void on_error(std::string_view, const strata::error&) override { ++errors; }
};

strata::task<> hooks() {
  const auto watching = std::make_shared<watcher>();
  strata::cache cache({.observer = watching});
  const auto make = [] { return std::string("two for one"); };
  co_await cache.get_or_set(offers("o1"), make);
  co_await cache.get_or_set(offers("o1"), make);
  CHECK(watching->misses == 1 && watching->fills == 1 && watching->hits == 1 && watching->errors == 0);
  co_await cache.remove_by_tag("shop");
  CHECK(watching->removals == 1);
}

strata::task<> explain(strata::cache& cache) {
  co_await cache.set(offers("o2"), std::string("free delivery"));
  auto explanation = co_await cache.explain(offers("o2").key);
  CHECK(explanation.levels[0].layer == strata::layer::l1 &&
        explanation.levels[0].state == strata::explanation::state::fresh);
  CHECK(explanation.next_read == "The next read is answered from memory.");

  co_await cache.remove_by_tag("shop");
  explanation = co_await cache.explain(offers("o2").key);
  CHECK(explanation.levels[0].state == strata::explanation::state::invalid &&
        explanation.levels[0].reason == strata::miss_reason::tag);

  const auto read = co_await cache.get(offers("o2"));
  CHECK(!read && read.info().reason == strata::miss_reason::tag);  // each read reports its reason
}

int main() {
  strata::cache cache;
  strata::sync_wait(one_call(cache));
  bad_options();
  strata::sync_wait(namespaces());
  strata::sync_wait(hooks());
  strata::sync_wait(explain(cache));
}
