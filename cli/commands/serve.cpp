#include "cli/command.hpp"
#include "gateway/gateway.hpp"
#include "gateway/log.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <cstdio>
#include <exception>

namespace strata::cli {

namespace {

/// SIGTERM and SIGINT, blocked in every thread so that one can wait for them.
class stop_signals {
 public:
  /// Requires: constructed before the process starts another thread.
  stop_signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    ::signal(SIGPIPE, SIG_IGN);  // NOLINT: a closed connection is an error of its socket
  }

  int wait() const {
    int which = 0;
    while (::sigwait(&set_, &which) != 0) {
    }
    return which;
  }

  /// Lets the next signal end the process at once, for an operator who does not want to wait.
  void let_through() const { ::pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  sigset_t set_{};
};

int failed(const gateway::config& values, gateway::logs& log, const std::string& what) {
  if (values.log.app != "stderr")
    log.write(gateway::log_level::error, what);  // else the line would appear twice
  print_error("serve: " + what);
  return exit_failed;
}

int serve_until_stopped(const loaded_config& loaded, const stop_signals& signals, gateway::logs& log) {
  for (const auto& each : loaded.warnings) log.write(gateway::log_level::warning, each);
  auto opened = gateway::gateway::open(loaded.values, log);
  if (!opened) return failed(loaded.values, log, opened.error().detail);
  gateway::gateway& running = **opened;
  if (loaded.values.demo) {
    const auto logins = running.fill_demo();
    if (!logins) return failed(loaded.values, log, "--demo: " + logins.error().detail);
    for (const auto& each : *logins) fmt::print("demo login: {}\n", each);
  }
  if (auto done = running.start(); !done) return failed(loaded.values, log, done.error().detail);
  fmt::print("listening on {} (admin {})\n", running.url(), running.admin_url());
  std::fflush(stdout);
  log.write(gateway::log_level::info,
            fmt::format("listening on {}, version {}", running.url(), gateway::version()));

  const int which = signals.wait();
  signals.let_through();
  log.write(gateway::log_level::info, fmt::format("stopping on {}", which == SIGTERM ? "SIGTERM" : "SIGINT"));
  if (!running.stop())
    log.write(gateway::log_level::warning, "the drain timeout ended before every request was finished");
  log.write(gateway::log_level::info, "stopped");
  return exit_ok;
}

int serve(const loaded_config& loaded) {
  const stop_signals signals;
  std::unique_ptr<gateway::logs> log;
  try {
    log = std::make_unique<gateway::logs>(loaded.values.log);
  } catch (const bad_options& refused) {
    for (const auto& each : refused.problems()) print_error("serve: " + each);
    return exit_failed;
  }
  return serve_until_stopped(loaded, signals, *log);
}

/// Opens database, cache and platform and serves until SIGTERM or SIGINT.
class serve_command final : public command {
 public:
  serve_command(CLI::App& flags, const registry& program) : program_(program) {
    config_.add_config_file(flags);
    config_.add_settings(flags, program, [](const setting&) { return true; });
    flags.add_flag("--print-config", print_config_, "print what is in force and where it came from, and end");
    add_json_flag(flags, json_)->needs("--print-config");
    flags.footer(
        "Each flag is also a key of strata.toml and a variable: --limits-body, [limits] body, "
        "STRATA_LIMITS_BODY.\n"
        "Entities' policies: --entity-NAME-ttl, -fail-safe, -hard-timeout and more; see --print-config for "
        "the names.");
  }

  int run() override {
    const auto loaded = config_.load(program_);
    if (!loaded) return exit_wrong_use;
    if (!print_config_) return serve(*loaded);
    fmt::print("{}", json_ ? print_config_json(*loaded) : print_config(*loaded));
    return exit_ok;
  }

 private:
  const registry& program_;
  config_flags config_;
  bool print_config_ = false;
  bool json_ = false;
};

}  // namespace

void add_serve(registry& to) {
  to.add<serve_command>("serve", "serve the platform's API");
}

}  // namespace strata::cli
