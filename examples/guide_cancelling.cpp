/// The code of docs/guide/cancelling.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <optional>
#include <stop_token>

using namespace std::chrono_literals;

const strata::entity<std::string, "offer:{id}"> offers{{.ttl = 10min}};

int main() {
  strata::cache cache;
  strata::run_loop loop;
  strata::async_latch from_database;
  const auto load = [&]() -> strata::task<std::string> {
    co_await from_database.wait();
    co_return std::string("two for one");
  };

  std::stop_source client;  // requests the stop when the client disconnects
  std::optional<strata::errc> ended;
  strata::start(&loop, cache.get_or_set(offers("o1").stopping(client.get_token()), load),
                [&](auto read) { ended = read->failure()->code; });
  client.request_stop();
  loop.run_until([&] { return ended.has_value(); });
  CHECK(ended == strata::errc::cancelled);

  from_database.set();
  const auto next = strata::sync_wait(cache.get_or_set(offers("o1"), load));
  CHECK(*next == "two for one");
  cache.stop_filling();  // waits for the factory that the first caller left behind
}
