#include "bench/redis/load.hpp"
#include "redis/connection/client.hpp"

#include <atomic>
#include <cstdlib>
#include <future>
#include <thread>

namespace bench {

namespace {

using strata::resp::command;

/// Runs `depth` tasks on `on` until the time is over.
redis_measure run(strata::redis::client& redis, const redis_load& what, strata::executor& on) {
  meter time(what);
  int left = what.depth;
  std::promise<redis_measure> over;
  const std::string value(value_size, 'x');
  const auto work = [&](int number) -> strata::task<void> {
    numbers random(static_cast<std::uint64_t>(number) + 1);
    const strata::redis::request_options patient{.deadline =
                                                     strata::system_clock().now() + std::chrono::minutes(1)};
    while (time.count()) {
      const auto key = key_of(random.next());
      if (what.sets) {
        auto done = co_await redis.execute(command("SET").arg(key).arg(value), patient);
        if (!done || !done->is_ok()) std::abort();
      } else {
        auto got = co_await redis.execute(command("GET").arg(key), patient);
        if (!got || got->text().size() != value_size) std::abort();
      }
    }
  };
  on.post([&] {
    for (int i = 0; i < what.depth; ++i) {
      strata::start(&on, work(i), [&](const strata::completion<void>&) {
        if (--left == 0) over.set_value(time.result());
      });
    }
  });
  return over.get_future().get();
}

strata::redis::client_options options(const redis_load& what) {
  strata::redis::client_options options;
  options.at.port = what.port;
  return options;
}

}  // namespace

redis_measure run_strata(const redis_load& what) {
  strata::redis::runtime threads;
  strata::redis::client redis(threads, options(what));
  return run(redis, what, redis.get_executor());
}

redis_measure run_strata_elsewhere(const redis_load& what) {
  strata::redis::runtime threads;
  strata::redis::client redis(threads, options(what));
  strata::run_loop loop;
  std::atomic<bool> over = false;
  redis_measure got;
  std::thread driver([&] {
    got = run(redis, what, loop);
    over = true;
    loop.post([] {});
  });
  loop.run_until([&] { return over.load(); });
  driver.join();
  return got;
}

}  // namespace bench
