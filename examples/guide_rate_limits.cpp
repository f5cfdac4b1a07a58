/// The code of docs/guide/rate_limits.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <string_view>

using namespace std::chrono_literals;

strata::task<bool> admit(strata::rate_limiter& limits, std::string_view user) {
  const strata::rate_decision decision = co_await limits.take(user);
  co_return decision.allowed;  // decision.retry_after says how long a refused client should wait
}

int main() {
  const auto server = strata::make_memory_server();  // open_store("redis://…") in a program
  const strata::rate_limit hundred{.limit = 100, .window = 1min};
  strata::rate_limiter here(hundred, {.name = "user", .shared = strata::rate_limits_of(connect(server))});
  strata::rate_limiter there(hundred, {.name = "user", .shared = strata::rate_limits_of(connect(server))});

  int admitted = 0;
  for (int i = 0; i < 100; ++i) {
    admitted += strata::sync_wait(admit(here, "ann")) ? 1 : 0;
    admitted += strata::sync_wait(admit(there, "ann")) ? 1 : 0;
  }
  CHECK(admitted >= 100 && admitted <= 110);  // two processes, one allowance
  CHECK(strata::sync_wait(admit(here, "bob")));
  CHECK(here.stats().refused > 0);
}
