#include "cli/commands.hpp"
#include "cli/program.hpp"
#include "gateway/gateway.hpp"
#include "gateway/log.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <cstdio>
#include <exception>

namespace strata::cli {

namespace {

/// SIGTERM and SIGINT, kept from every thread so that one can wait for them.
class stop_signals {
 public:
  /// Requires: made before any other thread.
  stop_signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    ::signal(SIGPIPE, SIG_IGN);  // NOLINT: a client that went away is an error of its socket, not ours
  }

  int wait() const {
    int which = 0;
    while (::sigwait(&set_, &which) != 0) {
    }
    return which;
  }

  /// From now on the next one ends the process at once: for who does not want to wait.
  void let_through() const { ::pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  sigset_t set_{};
};

int failed(const gateway::config& values, gateway::logs& log, const std::string& what) {
  if (values.log.app != "stderr") log.write(gateway::log_level::error, what);  // else it would be told twice
  fmt::print(stderr, "strata: serve: {}\n", what);
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

}  // namespace

int serve(const loaded_config& loaded) {
  const stop_signals signals;
  std::unique_ptr<gateway::logs> log;
  try {
    log = std::make_unique<gateway::logs>(loaded.values.log);
  } catch (const bad_options& wrong) {
    for (const auto& each : wrong.problems()) fmt::print(stderr, "strata: serve: {}\n", each);
    return exit_failed;
  }
  return serve_until_stopped(loaded, signals, *log);
}

}  // namespace strata::cli
