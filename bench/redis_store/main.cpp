/// What the store over Redis costs: a hit, a lease and a fill beside a plain GET and SET of the same
/// server in the same run; many keys at once from one server and from a cluster of three; and how soon
/// other processes' connections are notified of an invalidation, by both.
///
///   redis_store_bench [SECONDS]
///
/// Client and servers share the machine: compare the rows of one run, not runs.

#include "bench/gateway/process.hpp"
#include "redis/connection/client.hpp"
#include "redis/url/url.hpp"
#include "tests/redis/cluster_group.hpp"

#include <strata/open.hpp>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

namespace bench {
namespace {

using namespace std::chrono_literals;
using strata::completion;
using strata::duration;
using strata::sync_wait;
using strata::task;

constexpr int most_in_flight = 64;
constexpr std::size_t value_size = 512;
constexpr std::uint64_t key_count = 10'000;

std::string key_of(std::uint64_t number) {
  return "strata:bench:" + std::to_string(number % key_count);
}

strata::time_point now() {
  return strata::system_clock().now();
}

/// A server, or several that are one store.
struct place {
  std::string name;
  std::string url;
  std::vector<pid_t> pids;

  double cpu() const {
    double all = 0;
    for (const auto each : pids) all += cpu_seconds(each);
    return all;
  }
};

struct counts {
  std::atomic<std::uint64_t> done = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::atomic<int> running = 0;
};

template <class One>
task<> repeat(const One& one, counts& into, std::uint64_t number, std::uint64_t step,
              strata::time_point until) {
  while (now() < until) {
    const bool well = co_await one(number);
    into.done.fetch_add(1, std::memory_order_relaxed);
    if (!well) into.failed.fetch_add(1, std::memory_order_relaxed);
    number += step;
  }
}

/// Repeats `one`, `in_flight` at once, and prints the cost.
template <class One>
void measure(const std::string& name, const place& server, duration span, const One& one,
             int in_flight = most_in_flight) {
  counts counted;
  counted.running = in_flight;
  const auto began = now();
  const auto cpu = server.cpu();
  const auto mine = cpu_seconds(::getpid());
  for (int i = 0; i < in_flight; ++i) {
    strata::start(nullptr,
                  repeat(one, counted, static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(in_flight),
                         began + span),
                  [&](const completion<void>&) { --counted.running; });
  }
  while (counted.running > 0) std::this_thread::sleep_for(1ms);
  const auto seconds = std::chrono::duration<double>(now() - began).count();
  const auto count = static_cast<double>(counted.done.load());
  fmt::print("{:<36}{:>12.0f}{:>14.2f}{:>14.2f}{:>10}\n", name, count / seconds,
             (server.cpu() - cpu) * 1e6 / count, (cpu_seconds(::getpid()) - mine) * 1e6 / count,
             counted.failed.load());
  std::fflush(stdout);
}

void print_columns(const std::string& title) {
  fmt::print("\n{}\n{:<36}{:>12}{:>14}{:>14}{:>10}\n", title, "", "ops/s", "server µs", "client µs",
             "failed");
}

std::shared_ptr<strata::network_store> open_now(const std::string& url) {
  auto opened = *strata::open_store(url);
  while (!opened->health().usable) std::this_thread::sleep_for(1ms);
  return opened;
}

void costs(const place& server, duration span) {
  const auto shared = open_now(server.url);
  strata::redis::runtime threads;
  strata::redis::client plain(threads, *strata::redis::parse_url(server.url));
  const std::string bytes(value_size, 'x');
  print_columns(fmt::format("{} in flight, values of {} B", most_in_flight, value_size));
  measure("plain SET", server, span, [&](std::uint64_t n) -> task<bool> {
    auto set = strata::resp::command("SET").arg("plain:" + key_of(n)).arg(bytes).arg("PX").arg("60000");
    const auto got = co_await plain.execute(std::move(set));
    co_return got.has_value();
  });
  measure("plain GET", server, span, [&](std::uint64_t n) -> task<bool> {
    auto get = strata::resp::command("GET").arg("plain:" + key_of(n));
    const auto got = co_await plain.execute(std::move(get));
    co_return got.has_value();
  });
  measure("lease and fill (a miss)", server, span, [&](std::uint64_t n) -> task<bool> {
    const auto key = key_of(n);
    const auto right = co_await shared->force_lease(key, 10s, 0);
    if (!right) co_return false;
    const strata::fill_request request{
        .key = key, .lease = right->lease, .asof = right->granted_at, .bytes = bytes, .ttl = 60s};
    const auto filled = co_await shared->fill(request);
    co_return filled.has_value();
  });
  measure("lease", server, span, [&](std::uint64_t n) -> task<bool> {
    const auto key = key_of(n);
    const auto right = co_await shared->force_lease(key, 10s, 0);
    co_return right.has_value();
  });
  measure("get (a hit)", server, span, [&](std::uint64_t n) -> task<bool> {
    const auto key = key_of(n);
    const auto got = co_await shared->get(key);
    co_return got && got->has_value();
  });
  measure("invalidate", server, span, [&](std::uint64_t n) -> task<bool> {
    const std::vector<std::string> keys{key_of(n)};
    const auto done = co_await shared->invalidate(keys, 0);
    co_return done.has_value();
  });
}

/// Many keys in one call, as a page of a list asks for them.
void batches(const place& server, duration span) {
  constexpr std::uint64_t batch = 64;
  const auto shared = open_now(server.url);
  const std::string bytes(value_size, 'x');
  for (std::uint64_t n = 0; n < key_count; ++n) {
    const auto key = key_of(n);
    const auto right = sync_wait(shared->force_lease(key, 10s, 0)).value();
    sync_wait(shared->fill(
                  {.key = key, .lease = right.lease, .asof = right.granted_at, .bytes = bytes, .ttl = 600s}))
        .value();
  }
  std::vector<std::vector<std::string>> pages(key_count / batch);
  for (std::uint64_t n = 0; n < pages.size() * batch; ++n) pages[n / batch].push_back(key_of(n));
  const auto one = [&](std::uint64_t n) -> task<bool> {
    const auto found = co_await shared->get_many(pages[n % pages.size()]);
    co_return found&& std::ranges::all_of(*found, [](const auto& each) { return each.has_value(); });
  };
  for (const int in_flight : {1, 8}) {
    measure(fmt::format("{}, {} at once", server.name, in_flight), server, span, one, in_flight);
  }
}

/// Counts the observers that were notified of a key.
struct listener final : strata::store_observer {
  explicit listener(std::atomic<int>& count) : notified(count) {}
  void changed(std::string_view key) override {
    if (key == awaited && !seen.exchange(true)) ++notified;
  }
  void floor_raised(strata::floor_entry) override {}
  void lost(bool) override {}
  void trust_until(strata::time_point, strata::time_point) override {}
  std::atomic<int>& notified;
  std::string awaited = "strata:bench:notified";
  std::atomic<bool> seen = false;
};

void fan_out(const place& server, int listeners) {
  const auto maker = open_now(server.url);
  std::atomic<int> notified = 0;
  std::vector<std::shared_ptr<strata::network_store>> stores;
  std::vector<std::unique_ptr<listener>> observers;
  for (int i = 0; i < listeners; ++i) {
    stores.push_back(open_now(server.url));
    observers.push_back(std::make_unique<listener>(notified));
    stores.back()->observe(*observers.back());
  }
  constexpr int rounds = 500;
  std::vector<double> took;
  const std::vector<std::string> keys{"strata:bench:notified"};
  for (int i = 0; i < rounds; ++i) {
    notified = 0;
    for (auto& each : observers) each->seen = false;
    const auto began = now();
    sync_wait(maker->invalidate(keys, 0));
    while (notified < listeners) std::this_thread::yield();
    took.push_back(std::chrono::duration<double, std::micro>(now() - began).count());
  }
  for (std::size_t i = 0; i < stores.size(); ++i) stores[i]->unobserve(*observers[i]);
  std::ranges::sort(took);
  fmt::print("{:<24}{:>10}{:>14.0f}{:>12.0f}{:>12.0f}\n", server.name, listeners, took[rounds / 2],
             took[rounds * 99 / 100], took.back());
  std::fflush(stdout);
}

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  const auto span = std::chrono::seconds(count > 1 ? std::stoi(words[1]) : 2);
  const strata::test::redis_server server;
  const strata::test::cluster_group group;
  const bench::place one{.name = "one server", .url = server.url(), .pids = {server.pid()}};
  bench::place cluster{.name = "a cluster of three", .url = group.url(), .pids = {}};
  for (std::size_t i = 0; i < group.size(); ++i) cluster.pids.push_back(group.node(i).pid());

  bench::costs(one, span);
  bench::print_columns("get_many of 64 keys");
  bench::batches(one, span);
  bench::batches(cluster, span);
  fmt::print(
      "\nfrom an invalidation until the last listener is notified, µs\n{:<24}{:>10}{:>14}{:>12}{:>12}\n", "",
      "listeners", "p50", "p99", "max");
  for (const auto& each : {one, cluster}) {
    for (const int listeners : {1, 10, 50}) bench::fan_out(each, listeners);
  }
}
