#include "cli/opened_platform.hpp"

#include "gateway/gateway.hpp"
#include "gateway/keys.hpp"

#include <strata/cache.hpp>

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <utility>

namespace strata::cli {

namespace {

/// Keeps a terminal from showing what is typed.
class silent_terminal {
 public:
  silent_terminal() : is_terminal_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!is_terminal_) return;
    auto silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fmt::print(stderr, "password: ");
  }
  ~silent_terminal() {
    if (!is_terminal_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    fmt::print(stderr, "\n");
  }
  silent_terminal(const silent_terminal&) = delete;
  silent_terminal& operator=(const silent_terminal&) = delete;

 private:
  termios before_{};
  bool is_terminal_;
};

}  // namespace

result<std::unique_ptr<opened_platform>> opened_platform::open(const gateway::config& values) {
  std::unique_ptr<opened_platform> out(new opened_platform);
  auto source = gateway::open_database(values);
  if (!source) return std::unexpected(std::move(source.error()));
  auto keys = gateway::open_keys(values.encryption);
  if (!keys) return std::unexpected(std::move(keys.error()));
  out->source_ = std::move(*source);
  out->cache_ = std::make_shared<cache>();
  platform::app_options options{.database = out->source_, .cache = out->cache_};
  options.auth.sessions.encryption = std::move(*keys);
  options.auth.sessions.idle = values.auth.session_idle;
  options.auth.sessions.lifetime = values.auth.session_lifetime;
  options.auth.passwords = gateway::passwords_of(values.auth);
  out->app_ = std::make_unique<platform::app>(std::move(options));
  if (auto done = sync_wait(out->app_->migrate()); !done) return std::unexpected(std::move(done.error()));
  return out;
}

opened_platform::~opened_platform() {
  if (cache_ != nullptr) cache_->stop_filling();
}

bool is_account_setting(const setting& each) {
  return is_database_setting(each) || each.key.starts_with("auth.") || each.key.starts_with("encryption.");
}

result<std::string> read_password() {
  const silent_terminal quiet;
  std::string line;
  if (!std::getline(std::cin, line) || line.empty()) {
    return fail(errc::invalid_argument, "standard input has no password; its first line is the password");
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace strata::cli
