/// The code of docs/guide/coming_from.md.
#include "check.hpp"

#include <strata/strata.hpp>

using namespace std::chrono_literals;

struct product {
  std::string id;
  int price = 0;
};
BOOST_DESCRIBE_STRUCT(product, (), (id, price))

product load(const std::string& id) {
  return {id, 10};
}

// FusionCacheEntryOptions, bentocache's options, Caffeine's builder: a policy, stated once for each kind of
// value.
const strata::entity<product, "product:{id}"> products{{.ttl = 5min,
                                                        .fail_safe = true,
                                                        .grace = 2h,
                                                        .throttle = 30s,
                                                        .eager_refresh = 0.9,
                                                        .soft_timeout = 100ms,
                                                        .hard_timeout = 2s}};

strata::task<> reads(strata::cache& cache) {
  // GetOrSetAsync, GetOrCreateAsync, getOrSet, cachified(), get(key, loader)
  const auto found = co_await cache.get_or_set(products("p1"), [](strata::fill_context& fill) {
    fill.add_tag("supplier:7");  // adaptive caching: tags and ttl from the result
    return load("p1");
  });
  CHECK(found->price == 10);

  // TryGetAsync, getIfPresent; a miss says why
  CHECK(co_await cache.get(products("p1")));
  CHECK((co_await cache.get(products("p2"))).info().reason == strata::miss_reason::absent);

  // RemoveByTagAsync, deleteByTag, invalidateTags, delete_tags
  co_await cache.remove_by_tag("supplier:7");
  CHECK(!co_await cache.get(products("p1")));
}

strata::task<> decorator(strata::cache& cache) {
  // @cache(ttl="5m", key="product:{id}") of cashews, LoadingCache of Caffeine
  const auto product_of = strata::cached(cache, products, load);
  CHECK((co_await product_of("p3"))->id == "p3");
  co_await product_of.invalidate("p3");
}

int main() {
  strata::cache cache;
  strata::sync_wait(reads(cache));
  strata::sync_wait(decorator(cache));
}
