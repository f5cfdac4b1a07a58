// What a cached GET of 1.2 KB costs the server, in CPU a request, side by side with a raw epoll
// responder, a bare Asio responder, nginx and Varnish. The server is pinned to one core and wrk to another;
// the runs of all servers alternate, and the median of the rounds counts. Only the ratios of one run
// mean anything, and only on a quiet machine.

#include "bench/gateway/gateway.hpp"
#include "bench/gateway/load.hpp"
#include "bench/gateway/nginx.hpp"
#include "bench/gateway/process.hpp"
#include "bench/gateway/responders.hpp"
#include "bench/gateway/varnish.hpp"

#include <server/test_support.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <stdexcept>
#include <string_view>
#include <thread>

#include <fmt/format.h>

namespace bench {
namespace {

struct contestant {
  std::string name;
  std::string origin;
  pid_t pid = 0;
  std::vector<std::string> targets;
  std::vector<std::string> fields;  // what every request carries
  std::string etag;
};

struct settings {
  int rounds = 3;
  load_options load;
  int server_core = 0;
  std::string only;  // contestants' roles, comma-separated; empty: all
};

process start_responder(const std::string& name, int core, contestant& as) {
  process started({"/proc/self/exe", "--serve", name}, core);
  const auto port = started.read_line(std::chrono::seconds(20));
  if (!port) throw std::runtime_error(name + " does not start");
  as.origin = "http://127.0.0.1:" + *port;
  as.pid = started.pid();
  return started;
}

std::vector<std::string> all_targets() {
  std::vector<std::string> targets;
  for (int i = 0; i < documents; ++i) targets.push_back("/agents/" + document_id(i));
  return targets;
}

/// Every document is asked for once, so that a cache has them all.
void warm(int port) {
  strata::server::testing::client with(static_cast<std::uint16_t>(port));
  for (const auto& each : all_targets()) {
    const auto got = with.get(each, {});
    if (got.status != 200) throw std::runtime_error("GET " + each + ": " + got.head);
  }
}

double median(std::vector<double> of) {
  std::ranges::sort(of);
  return of[of.size() / 2];
}

class comparison {
 public:
  comparison(std::vector<contestant> who, settings how) : who_(std::move(who)), how_(std::move(how)) {}

  /// Measures every contestant; prints a table with ratios to the first two.
  void run(std::string_view title, bool one_target, bool conditional) {
    std::map<std::string, std::vector<double>> costs;
    std::map<std::string, double> speed;
    for (int round = 0; round < how_.rounds; ++round) {
      for (const auto& each : who_) {
        load what{.origin = each.origin, .targets = each.targets, .fields = each.fields, .status = 200};
        if (one_target) what.targets.resize(1);
        if (conditional) {
          if (each.etag.empty()) continue;
          what.fields.push_back("If-None-Match: " + each.etag);
          what.status = 304;
        }
        const auto got = measure(what, each.pid, how_.load);
        if (!got.error.empty()) throw std::runtime_error(each.name + ": " + got.error);
        costs[each.name].push_back(got.microseconds);
        speed[each.name] = std::max(speed[each.name], got.requests_per_second);
      }
    }
    fmt::print("\n{}\n{:<24}{:>10}{:>10}{:>10}{:>12}\n", title, "server", "µs CPU", "/ epoll", "/ Asio",
               "requests/s");
    for (const auto& each : who_) {
      if (!costs.contains(each.name)) continue;
      const auto cost = median(costs[each.name]);
      const auto ratio = [&](const std::string& to) {
        return costs.contains(to) ? fmt::format("{:.2f}", cost / median(costs[to])) : std::string("-");
      };
      fmt::print("{:<24}{:>9.2f}{:>10}{:>10}{:>12.0f}\n", each.name, cost, ratio("raw epoll"),
                 ratio("bare Asio"), speed[each.name]);
    }
    std::fflush(stdout);
  }

 private:
  std::vector<contestant> who_;
  settings how_;
};

int compare(const settings& how) {
  const auto wanted = [&](std::string_view name) {
    return how.only.empty() || ("," + how.only + ",").contains("," + std::string(name) + ",");
  };
  std::vector<process> running;
  std::vector<contestant> who;
  const auto add = [&](const std::string& name, const std::string& role) {
    if (!wanted(role)) return;
    contestant made{.name = name, .targets = all_targets(), .etag = std::string(entity_tag)};
    running.push_back(start_responder(role, how.server_core, made));
    who.push_back(std::move(made));
  };
  add("raw epoll", "epoll");
  add("bare Asio", "asio");
  add("strata::server", "strata");
  std::unique_ptr<nginx> files, proxy;
  std::unique_ptr<varnish> accelerator;
  const auto add_peer = [&](const std::string& name, const auto& peer) {
    who.push_back({.name = name,
                   .origin = fmt::format("http://127.0.0.1:{}", peer->port()),
                   .pid = peer->pid(),
                   .targets = all_targets()});
  };
  if (wanted("nginx") || wanted("proxy") || wanted("varnish")) files = nginx::of_files(how.server_core);
  if (wanted("nginx")) add_peer("nginx, static files", files);
  if (wanted("proxy")) {
    proxy = nginx::before(files->port(), how.server_core);
    warm(proxy->port());
    add_peer("nginx, proxy_cache", proxy);
  }
  if (wanted("varnish")) {
    accelerator = std::make_unique<varnish>(files->port(), how.server_core);
    warm(accelerator->port());
    add_peer("Varnish", accelerator);
  }
  std::unique_ptr<gateway> whole;
  if (wanted("gateway")) {
    whole = std::make_unique<gateway>(STRATA_PROGRAM, how.server_core);
    who.push_back({.name = "strata serve",
                   .origin = whole->origin(),
                   .pid = whole->pid(),
                   .targets = whole->targets(),
                   .fields = {"Authorization: Bearer " + whole->session()},
                   .etag = whole->etag()});
  }
  comparison all(std::move(who), how);
  all.run("One URL", true, false);
  all.run(fmt::format("{} URLs at random (strata serve: {} agents)", documents,
                      whole ? whole->targets().size() : 0),
          false, false);
  all.run("304 by If-None-Match, one URL", true, true);
  return 0;
}

int run(int count, char** values) {
  settings how;
  for (int i = 1; i < count; i += 2) {
    const std::string_view option = values[i];
    const char* value = i + 1 < count ? values[i + 1] : "";
    if (option == "--serve") {
      const std::string_view role = value;
      if (role == "epoll") return serve_epoll();
      if (role == "asio") return serve_asio();
      if (role == "strata") return serve_strata();
    } else if (option == "--seconds") {
      how.load.seconds = std::max(1, std::atoi(value));
    } else if (option == "--rounds") {
      how.rounds = std::max(1, std::atoi(value));
    } else if (option == "--connections") {
      how.load.connections = std::max(1, std::atoi(value));
    } else if (option == "--only") {
      how.only = value;
    } else {
      fmt::print(stderr,
                 "use: gateway_bench [--seconds N] [--rounds N] [--connections N] "
                 "[--only epoll,asio,strata,nginx,proxy,varnish,gateway]\n");
      return 2;
    }
  }
  if (std::thread::hardware_concurrency() < 2) throw std::runtime_error("two cores are needed");
  return compare(how);
}

}  // namespace
}  // namespace bench

int main(int count, char** values) {
  try {
    return bench::run(count, values);
  } catch (const std::exception& failed) {
    fmt::print(stderr, "gateway_bench: {}\n", failed.what());
    return 1;
  }
}
