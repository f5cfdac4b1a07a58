/// Measures the Redis client beside redis-benchmark and a hiredis client in one run: GET and SET of
/// 512 bytes on one connection at several depths, operations a second and CPU of both sides.
///
///   redis_bench [--rounds N] [--seconds N] [--depths 1,16,64,256] [--strict yes]
///
/// The server has one core, the clients another; the median of the rounds counts. With --strict a
/// target of the project that is missed is exit status 1: that needs a quiet machine.

#include "bench/gateway/process.hpp"
#include "bench/redis/load.hpp"
#include "tests/redis/server.hpp"

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <sched.h>

namespace bench {
namespace {

struct settings {
  int rounds = 3;
  int seconds = 1;
  std::vector<int> depths{1, 16, 64, 256};
  bool strict = false;
};

constexpr int server_core = 0;
constexpr int client_core = 1;
constexpr std::string_view yardstick = "redis-benchmark";
constexpr std::string_view ours = "strata";

void pin(pid_t pid, int core) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<std::size_t>(core), &only);
  ::sched_setaffinity(pid, sizeof only, &only);
}

double children_cpu() {
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  const auto seconds = [](const timeval& of) {
    return static_cast<double>(of.tv_sec) + 1e-6 * static_cast<double>(of.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// redis-benchmark runs a number of requests, not a time.
redis_measure run_redis_benchmark(const redis_load& what, double rate) {
  const auto count = static_cast<std::uint64_t>(rate * std::chrono::duration<double>(what.measured).count());
  const auto before = children_cpu();
  std::string out;
  {
    process running({"redis-benchmark", "-h", "127.0.0.1", "-p", std::to_string(what.port), "-c", "1", "-P",
                     std::to_string(what.depth), "-n", std::to_string(count), "-r", std::to_string(keys),
                     "-d", std::to_string(value_size), "-t", what.sets ? "set" : "get", "--csv"},
                    client_core);
    out = running.read_all();
  }
  const auto row = out.find(what.sets ? "\"SET\",\"" : "\"GET\",\"");
  if (row == std::string::npos) throw std::runtime_error("redis-benchmark printed: " + out);
  return {.operations_per_second = std::stod(out.substr(row + 7)),
          .client_microseconds = (children_cpu() - before) * 1e6 / static_cast<double>(count)};
}

redis_measure run_child(const std::string& role, const redis_load& what) {
  process running({"/proc/self/exe", "--client", role, what.sets ? "set" : "get", std::to_string(what.depth),
                   std::to_string(what.port), std::to_string(what.measured.count())},
                  client_core);
  std::istringstream line(running.read_all());
  redis_measure got;
  line >> got.operations_per_second >> got.client_microseconds;
  if (!line) throw std::runtime_error(role + " has failed");
  return got;
}

double median(std::vector<double> of) {
  std::ranges::sort(of);
  return of[of.size() / 2];
}

class table {
 public:
  table(const strata::test::redis_server& server, const settings& how) : server_(server), how_(how) {}

  /// Prints one operation at one depth. Returns whether our targets are met.
  bool run(bool sets, int depth) {
    redis_load what{.sets = sets, .depth = depth, .port = server_.port()};
    what.measured = std::chrono::seconds(how_.seconds);
    std::map<std::string, std::vector<redis_measure>, std::less<>> rows;
    double rate = run_child("hiredis", what).operations_per_second;
    for (int round = 0; round < how_.rounds; ++round) {
      for (const std::string name : {"redis-benchmark", "hiredis", "strata", "strata, callers elsewhere"}) {
        const auto before = cpu_seconds(server_.pid());
        auto got = name == yardstick ? run_redis_benchmark(what, rate) : run_child(name, what);
        const auto share = name == yardstick ? 1.0 : 1 + 0.2 / how_.seconds;  // with the warm-up
        got.server_microseconds =
            (cpu_seconds(server_.pid()) - before) * 1e6 / (got.operations_per_second * how_.seconds * share);
        if (name == yardstick) {
          got.server_microseconds *= got.operations_per_second / rate;  // it ran as many as that
        }
        rows[name].push_back(got);
      }
    }
    const auto of = [&](std::string_view name, double redis_measure::* field) {
      std::vector<double> values;
      for (const auto& each : rows.find(name)->second) values.push_back(each.*field);
      return median(values);
    };
    fmt::print("\n{} of {} B, {} in flight\n{:<28}{:>12}{:>10}{:>14}{:>14}\n", sets ? "SET" : "GET",
               value_size, depth, "client", "ops/s", "ratio", "client µs", "server µs");
    const auto base = of(yardstick, &redis_measure::operations_per_second);
    for (const auto& [name, measures] : rows) {
      const auto speed = of(name, &redis_measure::operations_per_second);
      fmt::print("{:<28}{:>12.0f}{:>10.2f}{:>13.2f}{:>13.2f}\n", name, speed, speed / base,
                 of(name, &redis_measure::client_microseconds),
                 of(name, &redis_measure::server_microseconds));
    }
    std::fflush(stdout);
    const auto ratio = of(ours, &redis_measure::operations_per_second) / base;
    const auto cost = of(ours, &redis_measure::client_microseconds);
    if (depth < 64) return true;
    const auto wanted = depth < 256 ? 1.0 : 0.95;
    const bool met = ratio >= wanted && cost <= 1.0;
    fmt::print("target: ratio >= {:.2f}, client <= 1.0 µs: {}\n", wanted, met ? "met" : "MISSED");
    return met;
  }

 private:
  const strata::test::redis_server& server_;
  settings how_;
};

void fill(const strata::test::redis_server& server) {
  strata::test::plain_connection connection(server.port());
  for (unsigned i = 0; i < keys; ++i) connection.call({"SET", key_of(i), std::string(value_size, 'x')});
}

int compare(const settings& how) {
  if (std::thread::hardware_concurrency() < 2) throw std::runtime_error("two cores are needed");
  const strata::test::redis_server server;
  pin(server.pid(), server_core);
  fill(server);
  table rows(server, how);
  bool met = true;
  for (const bool sets : {false, true}) {
    for (const int depth : how.depths) met &= rows.run(sets, depth);
  }
  return met || !how.strict ? 0 : 1;
}

int serve_client(char** values) {
  redis_load what{.sets = std::string_view(values[1]) == "set", .depth = std::stoi(values[2])};
  what.port = static_cast<std::uint16_t>(std::stoi(values[3]));
  what.measured = std::chrono::milliseconds(std::stoi(values[4]));
  const std::string_view role = values[0];
  const auto got = role == "hiredis" ? run_hiredis(what)
                   : role == ours    ? run_strata(what)
                                     : run_strata_elsewhere(what);
  fmt::print("{} {}\n", got.operations_per_second, got.client_microseconds);
  return 0;
}

int run(int count, char** values) {
  if (count == 7 && std::string_view(values[1]) == "--client") return serve_client(values + 2);
  settings how;
  for (int i = 1; i < count; i += 2) {
    const std::string_view option = values[i];
    const std::string value = i + 1 < count ? values[i + 1] : "";
    if (option == "--rounds") {
      how.rounds = std::max(1, std::stoi(value));
    } else if (option == "--seconds") {
      how.seconds = std::max(1, std::stoi(value));
    } else if (option == "--strict") {
      how.strict = value == "yes";
    } else if (option == "--depths") {
      how.depths.clear();
      std::istringstream all(value);
      for (std::string each; std::getline(all, each, ',');) how.depths.push_back(std::stoi(each));
    } else {
      fmt::print(stderr,
                 "use: redis_bench [--rounds N] [--seconds N] [--depths 1,16,64,256] [--strict yes]\n");
      return 2;
    }
  }
  return compare(how);
}

}  // namespace
}  // namespace bench

int main(int count, char** values) {
  try {
    return bench::run(count, values);
  } catch (const std::exception& failed) {
    fmt::print(stderr, "redis_bench: {}\n", failed.what());
    return 1;
  }
}
