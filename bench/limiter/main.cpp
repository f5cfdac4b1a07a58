/// What a decision of a shared rate limit costs beside INCR and EXPIRE, the usual way to count in Redis, on
/// the same server in the same run. Each client waits for a decision before it asks for the next one.
///
///   limiter_bench [SECONDS]
///
/// The exit status is 1 if a decision costs more than half of INCR and EXPIRE.

#include "bench/gateway/process.hpp"
#include "redis/connection/client.hpp"
#include "redis/url/url.hpp"
#include "tests/redis/server.hpp"

#include <strata/open.hpp>
#include <strata/rate_limiter.hpp>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

namespace bench {
namespace {

using namespace std::chrono_literals;
using strata::task;

constexpr int clients = 16;
constexpr std::uint64_t callers = 1'000;

strata::time_point now() {
  return strata::system_clock().now();
}

std::string caller_of(std::uint64_t number) {
  return "user:usr_" + std::to_string(number % callers);
}

struct cost {
  double wall = 0;    ///< µs of time for each decision
  double client = 0;  ///< µs of CPU of this process
  double server = 0;  ///< µs of CPU of Redis
};

template <class One>
task<> repeat(const One& one, std::atomic<std::uint64_t>& done, std::uint64_t number,
              strata::time_point until) {
  while (now() < until) {
    for (int i = 0; i < 64; ++i, number += clients) co_await one(number);
    done += 64;
  }
}

template <class One>
cost measure(const std::string& name, pid_t server, strata::duration span, const One& one) {
  std::atomic<std::uint64_t> done = 0;
  std::atomic<int> running = clients;
  const auto began = now();
  const auto cpu = cpu_seconds(server);
  const auto mine = cpu_seconds(::getpid());
  for (int i = 0; i < clients; ++i) {
    strata::start(nullptr, repeat(one, done, static_cast<std::uint64_t>(i), began + span),
                  [&](const strata::completion<void>&) { --running; });
  }
  while (running > 0) std::this_thread::sleep_for(1ms);
  const auto seconds = std::chrono::duration<double>(now() - began).count();
  const auto count = static_cast<double>(done.load());
  const cost out{.wall = seconds * 1e6 / count,
                 .client = (cpu_seconds(::getpid()) - mine) * 1e6 / count,
                 .server = (cpu_seconds(server) - cpu) * 1e6 / count};
  fmt::print("{:<44}{:>12.0f}{:>12.3f}{:>12.3f}{:>12.3f}\n", name, count / seconds, out.wall, out.client,
             out.server);
  std::fflush(stdout);
  return out;
}

int run(strata::duration span) {
  const strata::test::redis_server server;
  const auto shared = *strata::open_store(server.url());
  while (!shared->health().usable) std::this_thread::sleep_for(1ms);
  strata::redis::runtime threads;
  strata::redis::client plain(threads, *strata::redis::parse_url(server.url()));

  fmt::print("{} clients, {} callers\n{:<44}{:>12}{:>12}{:>12}{:>12}\n", clients, callers, "", "decisions/s",
             "µs", "client CPU", "server CPU");
  const auto counted =
      measure("INCR and EXPIRE, one round trip", server.pid(), span, [&](std::uint64_t number) -> task<bool> {
        strata::resp::pipeline both;
        both.add("INCR").arg("count:" + caller_of(number));
        both.add("EXPIRE").arg("count:" + caller_of(number)).arg("60");
        const auto got = co_await plain.execute_many(std::move(both));
        co_return got.has_value();
      });
  const strata::rate_limit rule{.limit = 1'000'000, .window = 1min};
  strata::rate_limiter exact(rule, {.name = "exact", .shared = rate_limits_of(shared), .share = 0});
  measure("rate_limiter, every decision by the store", server.pid(), span,
          [&](std::uint64_t number) -> task<bool> {
            const auto decided = co_await exact.take(caller_of(number));
            co_return decided.allowed;
          });
  // A limit that the callers stay below, as most do.
  strata::rate_limiter local(rule, {.name = "local", .shared = rate_limits_of(shared)});
  const auto ours = measure("rate_limiter", server.pid(), span, [&](std::uint64_t number) -> task<bool> {
    const auto decided = co_await local.take(caller_of(number));
    co_return decided.allowed;
  });
  const auto stats = local.stats();
  fmt::print("\nof {} decisions {} waited for the store, {} reports\n", stats.allowed + stats.refused,
             stats.waited, stats.reports);
  const auto share = (ours.client + ours.server) / (counted.client + counted.server);
  fmt::print("CPU beside INCR and EXPIRE: {:.3f} (goal: at most 0.5); time: {:.3f}\n", share,
             ours.wall / counted.wall);
  return share <= 0.5 && ours.wall <= 0.5 * counted.wall ? 0 : 1;
}

}  // namespace
}  // namespace bench

int main(int count, char** arguments) {
  const double seconds = count > 1 ? std::stod(arguments[1]) : 3;
  return bench::run(std::chrono::round<strata::duration>(std::chrono::duration<double>(seconds)));
}
