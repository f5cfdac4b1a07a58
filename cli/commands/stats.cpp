#include "admin/bodies.hpp"
#include "cli/admin_client.hpp"
#include "cli/command.hpp"
#include "cli/stats_view.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <strata/units.hpp>

#include <chrono>
#include <cstdio>
#include <thread>

namespace strata::cli {

namespace {

class stats_command final : public command {
 public:
  stats_command(CLI::App& flags, const registry& program) : program_(program) {
    watch_ = flags.add_flag("--watch", interval_, "show again every second, or --watch=5s");
    admin_.add(flags);
    add_json_flag(flags, json_);
  }

  int run() override {
    const auto address = admin_.resolve(program_);
    if (!address) return exit_wrong_use;
    const admin_client gateway("stats", *address);
    if (watch_->count() == 0) return show(gateway);
    const auto every = parse_duration(interval_ == "true" ? "1s" : interval_);
    if (!every || *every < std::chrono::milliseconds(100)) {
      gateway.report(every ? "--watch: at least 100ms" : "--watch: " + every.error().detail);
      return exit_wrong_use;
    }
    return watch(gateway, *every);
  }

 private:
  int show(const admin_client& gateway) const {
    return gateway.show<admin::admin_stats>(gateway.get("/cache/stats"), json_, [](const auto& stats) {
      fmt::print("{}\n", stats_view(stats, nullptr, duration::zero()));
    });
  }

  int watch(const admin_client& gateway, duration every) const {
    std::optional<admin::admin_stats> before;
    while (true) {  // until interrupted, or the gateway does not answer
      const auto body = gateway.get("/cache/stats");
      if (!body) return exit_failed;
      if (json_) {
        fmt::print("{}\n", *body);
      } else {
        auto stats = gateway.parse<admin::admin_stats>(*body);
        if (!stats) return exit_failed;
        if (::isatty(STDOUT_FILENO) != 0) fmt::print("\x1b[H\x1b[2J");
        fmt::print("{}\n", stats_view(*stats, before ? &*before : nullptr, every));
        before = std::move(stats);
      }
      std::fflush(stdout);
      std::this_thread::sleep_for(every);
    }
  }

  const registry& program_;
  admin_flags admin_;
  CLI::Option* watch_ = nullptr;
  std::string interval_;
  bool json_ = false;
};

}  // namespace

void add_stats(registry& to) {
  to.add<stats_command>("stats", "show hits, misses and sizes");
}

}  // namespace strata::cli
