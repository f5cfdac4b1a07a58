/// What two gateways with nothing to do cost: their CPU, that of the Redis and the PostgreSQL that they
/// share, and the scripts that they send to Redis.
///
///   idle_bench [SECONDS]
///
/// CPU is measured by the kernel for each process, so that a busy machine changes the figures little.

#include "tests/postgres/server.hpp"
#include "tests/redis/child.hpp"
#include "tests/redis/server.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// Seconds of CPU that a process has used. Source: proc(5), utime and stime of /proc/PID/stat.
double cpu_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text(std::istreambuf_iterator<char>(file), {});
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  const std::vector<std::string> words(std::istream_iterator<std::string>(fields), {});
  return (std::stod(words.at(11)) + std::stod(words.at(12))) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

long scripts_run(const strata::test::redis_server& by) {
  const auto text = std::string(by.call({"INFO", "commandstats"}).text());
  const std::string_view field = "cmdstat_evalsha:calls=";
  const auto at = text.find(field);
  return at == std::string::npos ? 0 : std::stol(text.substr(at + field.size()));
}

struct gateway {
  gateway(const std::string& name, const strata::test::redis_server& redis, const std::string& database)
      : log(redis.file(name)),
        program({STRATA_PROGRAM, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--database",
                 database, "--store", redis.url(), "--encryption-keys",
                 "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
                redis.file("."), log) {
    const bool up = strata::test::eventually([&] { return said("listening on "); }, 60s);
    if (!up) throw std::runtime_error("a gateway does not start");
  }
  bool said(std::string_view words) const {
    std::ostringstream text;
    text << std::ifstream(log).rdbuf();
    return text.str().contains(words);
  }

  std::string log;
  strata::test::child program;
};

void run(std::chrono::seconds span) {
  const strata::test::postgres_server postgres;
  const strata::test::redis_server redis;
  const std::array<gateway, 2> gateways{gateway("one", redis, postgres.url()),
                                        gateway("two", redis, postgres.url())};
  std::this_thread::sleep_for(5s);  // until they are at rest

  const auto measure = [&] {
    return std::array{cpu_of(gateways[0].program.pid()), cpu_of(gateways[1].program.pid()),
                      cpu_of(redis.pid())};
  };
  const auto began = clock::now();
  const auto before = measure();
  const auto scripts = scripts_run(redis);
  std::this_thread::sleep_for(span);
  const auto after = measure();
  const auto sent = scripts_run(redis) - scripts;
  const auto took = std::chrono::duration<double>(clock::now() - began).count();
  const auto percent = [&](std::size_t i) { return 100 * (after[i] - before[i]) / took; };
  const auto duty = [&](std::size_t i) {
    return gateways[i].said("relay: leads") ? "leads or has led" : "waits";
  };
  for (std::size_t i = 0; i < gateways.size(); ++i) {
    fmt::print("gateway {}   {:5.2f} % of a core (its relay {})\n", i + 1, percent(i), duty(i));
  }
  fmt::print("redis       {:5.2f} % of a core, {:.0f} scripts a second\n", percent(2),
             static_cast<double>(sent) / took);
}

}  // namespace
}  // namespace bench

int main(int count, char** given) {
  try {
    bench::run(std::chrono::seconds(count > 1 ? std::stoi(given[1]) : 20));
    return 0;
  } catch (const std::exception& why) {
    std::fprintf(stderr, "%s\n", why.what());
    return 1;
  }
}
