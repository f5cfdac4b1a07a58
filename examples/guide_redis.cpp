/// The code of docs/guide/redis.md. It finds no Redis at its address, and the cache works without one.
#include "check.hpp"

#include <strata/strata.hpp>

#include <iostream>
#include <string>

using namespace std::chrono_literals;

strata::task<> share(const std::string& url) {
  const auto shared = strata::open_store(
      url, {.log = [](strata::log_level, std::string_view line) { std::cerr << line << '\n'; }});
  if (!shared) throw std::runtime_error(shared.error().detail);  // the problem with the URL
  strata::cache cache({.second_level = *shared});

  const strata::entity<std::string, "greeting:{name}"> greeting{{.ttl = 30min}};
  const auto text = co_await cache.get_or_set(
      greeting("world"),
      [](strata::fill_context&) -> strata::task<std::string> { co_return "Hello, world"; });
  CHECK(*text == "Hello, world");

  const auto health = (*shared)->health();
  if (!health.usable) std::cerr << "without Redis: " << health.trouble << '\n';
  CHECK(!health.usable);
}

int main() {
  strata::sync_wait(share("redis://127.0.0.1:1"));
}
