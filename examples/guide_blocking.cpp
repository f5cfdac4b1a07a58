/// The code of docs/guide/blocking.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <atomic>
#include <thread>

using namespace std::chrono_literals;

int main() {
  strata::cache cache;
  const strata::entity<std::string, "user:{id}"> users{{.ttl = 1h}};
  std::atomic<int> calls = 0;

  const auto blocking_cache = strata::blocking(cache);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto read = blocking_cache.get_or_set(users("usr_1"), [&] {
        ++calls;  // runs on one of the four threads; the others wait
        return std::string("Ada");
      });
      CHECK(*read == "Ada");
    });
  }
  for (auto& each : threads) each.join();
  CHECK(calls == 1);

  blocking_cache.remove(users("usr_1"));
  CHECK(blocking_cache.get(users("usr_1")).info().reason == strata::miss_reason::removed);

  const auto find = strata::blocking(strata::cached(cache, users, [](const std::string& id) { return id; }));
  CHECK(*find("usr_2") == "usr_2");
  find.invalidate("usr_2");
}
