/// The code of docs/guide/bulkhead.md, size_limit.md and memory.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <optional>
#include <vector>

using namespace std::chrono_literals;
using namespace strata::literals;

const strata::entity<std::string, "page:{id}"> pages{{.ttl = 1h, .jitter = 0}};

void bulkhead() {
  strata::cache cache({.factory_limit = 2, .factory_queue = 1});
  strata::run_loop loop;
  strata::async_latch from_database;
  int running = 0;
  const auto slow = [&]() -> strata::task<std::string> {
    ++running;
    co_await from_database.wait();
    co_return "rendered";
  };
  std::vector<std::optional<strata::lookup<std::string>>> reads(4);
  for (int id = 0; id < 4; ++id) {
    strata::start(&loop, cache.get_or_set(pages(id), slow), [&, id](auto read) { reads[id] = *read; });
  }
  CHECK(running == 2);  // two run, one is queued, the fourth fails at once
  CHECK(!*reads[3] && reads[3]->failure()->code == strata::errc::busy);

  from_database.set();
  while (loop.run_ready() != 0) continue;
  CHECK(running == 3 && **reads[2] == "rendered");
}

strata::task<> size_limit(strata::cache& cache) {
  const strata::entity<std::string, "export:{id}"> exports{{.max_size = 4_KiB}};
  int calls = 0;
  const auto make = [&] {
    ++calls;
    return std::string(10'000, 'x');
  };
  const auto read = co_await cache.get_or_set(exports("e1"), make);
  CHECK(read->size() == 10'000 && !read.info().stored);  // returned, not stored

  const auto again = co_await cache.get_or_set(exports("e1"), make);
  CHECK(calls == 2 && again.info().reason == strata::miss_reason::too_large);
  for (const auto& type : cache.stats().types) CHECK(type.type != "export" || type.fills_too_large > 0);
}

strata::task<> budget() {
  strata::cache cache({.memory = 1_MiB});
  for (int id = 0; id < 10'000; ++id) co_await cache.set(pages(id), std::string(1000, 'x'));
  const auto stats = cache.stats();
  CHECK(stats.used <= stats.budget && stats.budget == 1_MiB);
  CHECK(stats.evictions > 8'000);

  cache.resize(256_KiB);  // evicts at once; concurrent reads go on
  CHECK(cache.stats().used <= 256_KiB);

  co_await cache.clear();
  CHECK(cache.stats().entries == 0);
}

int main() {
  bulkhead();
  strata::cache cache;
  strata::sync_wait(size_limit(cache));
  strata::sync_wait(budget());
}
