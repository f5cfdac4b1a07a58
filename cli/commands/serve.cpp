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

/// The signals that the program answers, blocked in every thread so that one can wait for them: SIGTERM and
/// SIGINT stop it, SIGHUP reloads, SIGUSR1 only reopens the logs. It ignores signals that would end it for no
/// reason.
class operator_signals {
 public:
  /// Requires: constructed before the process starts another thread.
  operator_signals() {
    sigemptyset(&all_);
    for (const int each : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&all_, each);
    ::pthread_sigmask(SIG_BLOCK, &all_, nullptr);
    ::signal(SIGPIPE, SIG_IGN);  // NOLINT: a closed connection is an error of its socket
    ::signal(SIGXFSZ, SIG_IGN);  // NOLINT: a file at its limit is an error of its write
    ::signal(SIGUSR2, SIG_IGN);  // NOLINT: it has no meaning here
  }

  int wait() const {
    int which = 0;
    while (::sigwait(&all_, &which) != 0) {
    }
    return which;
  }

  /// Lets the next SIGTERM or SIGINT end the process at once, for an operator who does not want to wait.
  void let_stops_through() const {
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    ::pthread_sigmask(SIG_UNBLOCK, &stops, nullptr);
  }

 private:
  sigset_t all_{};
};

int failed(const gateway::config& values, gateway::logs& log, const std::string& what) {
  if (values.log.app != "stderr") log.write(log_level::error, what);  // else the line would appear twice
  print_error("serve: " + what);
  return exit_failed;
}

/// Whether SIGHUP applies a changed value of `key`; the others take effect at the next start.
bool is_reloadable(std::string_view key) {
  return key.starts_with("log.") || key.starts_with("rate.") || key.starts_with("encryption.");
}

/// The keys whose values differ in `now` but need a restart, separated by commas.
std::string changes_that_wait(const registry& program, const gateway::config& running,
                              const gateway::config& now) {
  std::string keys;
  for (const auto& each : program.settings()) {
    if (is_reloadable(each.key) || each.write(running) == each.write(now)) continue;
    keys += (keys.empty() ? "" : ", ") + each.key;
  }
  return keys;
}

/// The running gateway and the configuration in force.
class service {
 public:
  service(const registry& program, const config_flags& flags, loaded_config loaded)
      : program_(program), flags_(flags), values_(std::move(loaded.values)), log_(values_.log) {
    log_.write_at_crash();
    for (const auto& each : loaded.warnings) log_.write(log_level::warning, each);
  }

  int run(const operator_signals& signals) {
    auto opened = gateway::gateway::open(values_, log_);
    if (!opened) return failed(values_, log_, opened.error().detail);
    gateway::gateway& running = **opened;
    if (values_.demo) {
      const auto logins = running.fill_demo();
      if (!logins) return failed(values_, log_, "--demo: " + logins.error().detail);
      for (const auto& each : *logins) fmt::print("demo login: {}\n", each);
    }
    if (auto done = running.start(); !done) return failed(values_, log_, done.error().detail);
    fmt::print("listening on {} (admin {})\n", running.url(), running.admin_url());
    std::fflush(stdout);
    log_.write(log_level::info,
               fmt::format("listening on {}, version {}", running.url(), gateway::version()));

    const int which = serve_until_stopped(running, signals);
    signals.let_stops_through();
    log_.write(log_level::info, fmt::format("stopping on {}", which == SIGTERM ? "SIGTERM" : "SIGINT"));
    if (!running.stop())
      log_.write(log_level::warning, "the drain timeout ended before every request was finished");
    log_.write(log_level::info, "stopped");
    return exit_ok;
  }

 private:
  int serve_until_stopped(gateway::gateway& running, const operator_signals& signals) {
    for (;;) {
      const int which = signals.wait();
      if (which == SIGHUP) {
        reload(running);
      } else if (which == SIGUSR1) {
        reopen_logs();
      } else {
        return which;
      }
    }
  }

  void reload(gateway::gateway& running) {
    const auto now = flags_.read(program_);
    if (!now) {
      for (const auto& each : now.error()) {
        log_.write(log_level::error, "not reloaded on SIGHUP: " + each);
      }
      reopen_logs();
      return;
    }
    const auto later = changes_that_wait(program_, values_, now->values);
    values_.log = now->values.log;
    values_.rate = now->values.rate;
    reopen_logs();
    running.set_rates(values_.rate);
    values_.encryption = now->values.encryption;
    running.reload_keys(values_.encryption);
    if (auto done = running.reload_tls(); !done) log_.write(log_level::error, done.error().detail);
    for (const auto& each : now->warnings) log_.write(log_level::warning, each);
    if (!later.empty()) log_.write(log_level::warning, "changed, but needs a restart: " + later);
    log_.write(log_level::info, "reloaded on SIGHUP");
  }

  void reopen_logs() {
    if (auto done = log_.reopen(values_.log); !done) log_.write(log_level::error, done.error().detail);
  }

  const registry& program_;
  const config_flags& flags_;
  gateway::config values_;
  gateway::logs log_;
};

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
    const operator_signals signals;
    auto loaded = config_.load(program_);
    if (!loaded) return exit_wrong_use;
    if (!print_config_) return serve(std::move(*loaded), signals);
    fmt::print("{}", json_ ? print_config_json(*loaded) : print_config(*loaded));
    return exit_ok;
  }

 private:
  int serve(loaded_config loaded, const operator_signals& signals) const {
    std::unique_ptr<service> served;
    try {
      served = std::make_unique<service>(program_, config_, std::move(loaded));
    } catch (const bad_options& refused) {
      for (const auto& each : refused.problems()) print_error("serve: " + each);
      return exit_failed;
    }
    return served->run(signals);
  }

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
