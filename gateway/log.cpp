#include "gateway/log.hpp"

#include "gateway/logged_target.hpp"

#include "core/mutex.hpp"
#include "gateway/log_file.hpp"
#include "gateway/repeat_filter.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <utility>
#include <vector>

namespace strata::gateway {

namespace {

spdlog::level::level_enum spdlog_level(log_level level) {
  switch (level) {
    case log_level::debug:
      return spdlog::level::debug;
    case log_level::info:
      return spdlog::level::info;
    case log_level::warning:
      return spdlog::level::warn;
    case log_level::error:
      return spdlog::level::err;
  }
  std::unreachable();
}

std::string_view cache_word(const server::cache_status& status) {
  using forwarded = server::cache_status::forwarded;
  switch (status.forward) {
    case forwarded::none:
      return "hit";
    case forwarded::bypass:
      return "bypass";
    case forwarded::method:
      return "method";
    case forwarded::uri_miss:
      return "uri-miss";
    case forwarded::miss:
      return "miss";
    case forwarded::stale:
      return "stale";
  }
  return "unknown";
}

}  // namespace

namespace {

constexpr auto access_delay = std::chrono::milliseconds(250);
constexpr const char* app_pattern = "time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v";
constexpr const char* access_pattern = "time=%Y-%m-%dT%H:%M:%S.%eZ %v";
constexpr std::array crash_signals{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};

/// Where spdlog puts its lines.
class file_sink final : public spdlog::sinks::sink {
 public:
  explicit file_sink(log_file& to) : to_(to) {}

  void log(const spdlog::details::log_msg& message) override {
    const detail::scoped_lock lock(mutex_);
    line_.clear();
    formatter_->format(message, line_);
    to_.add({line_.data(), line_.size()});
  }
  void flush() override {}
  void set_pattern(const std::string& pattern) override {
    set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  }
  void set_formatter(std::unique_ptr<spdlog::formatter> wanted) override {
    const detail::scoped_lock lock(mutex_);
    formatter_ = std::move(wanted);
  }

 private:
  log_file& to_;
  detail::mutex mutex_;
  std::unique_ptr<spdlog::formatter> formatter_ STRATA_GUARDED_BY(mutex_);
  spdlog::memory_buf_t line_ STRATA_GUARDED_BY(mutex_);
};

/// spdlog composes the lines of a log, and `file` writes them.
class one_log {
 public:
  one_log(const char* name, const char* pattern, std::unique_ptr<log_file> file)
      : file_(std::move(file)), logger_(name, std::make_shared<file_sink>(*file_)) {
    logger_.sinks().front()->set_pattern(pattern);
  }
  log_file& file() noexcept { return *file_; }
  spdlog::logger& logger() noexcept { return logger_; }

 private:
  std::unique_ptr<log_file> file_;
  spdlog::logger logger_;
};

/// What replaces lines that did not fit into memory.
std::string lost_line(std::uint64_t lost, std::string_view level) {
  return fmt::format(
      "time={:%FT%H:%M:%SZ} {}message=\"{} lines of this log are lost: they came faster than they "
      "could be written\"\n",
      fmt::gmtime(std::time(nullptr)), level, lost);
}

// Read by a signal handler, so not part of an object. Null: nothing to write.
std::array<std::atomic<log_file*>, 2> files_at_crash;
std::array<struct sigaction, crash_signals.size()> handlers_before;

void at_crash(int signal) {
  for (auto& each : files_at_crash) {
    if (log_file* const file = each.exchange(nullptr)) file->write_at_crash();
  }
  for (std::size_t i = 0; i < crash_signals.size(); ++i) {
    if (crash_signals[i] == signal) ::sigaction(signal, &handlers_before[i], nullptr);
  }
  ::raise(signal);  // arrives when this handler returns, and does what it would have done without it
}

}  // namespace

struct logs::state {
  std::unique_ptr<one_log> app;
  std::unique_ptr<one_log> access;
  bool at_crash = false;
  detail::mutex mutex;
  repeat_filter repeats STRATA_GUARDED_BY(mutex);
};

logs::logs(const log_config& wanted) : state_(std::make_unique<state>()) {
  // On stderr, since a failing log cannot report its own failure.
  const auto app_notice = [](const std::string& what, bool) {
    const std::string line = "strata: " + what + '\n';
    pollfd ready{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, 0) == 1) (void)!::write(STDERR_FILENO, line.data(), line.size());
  };
  const auto access_notice = [this](const std::string& what, bool works) {
    write(works ? log_level::info : log_level::warning, what);
  };
  std::vector<std::string> problems;
  const auto opened = [&problems](const char* name, const char* pattern,
                                  log_file_options options) -> std::unique_ptr<one_log> {
    auto file = log_file::open(std::move(options));
    if (file) return std::make_unique<one_log>(name, pattern, std::move(*file));
    problems.push_back(file.error().detail);
    return nullptr;
  };
  state_->app = opened("app", app_pattern,
                       {.name = "log.app",
                        .to = wanted.app,
                        .lost_line = [](std::uint64_t lost) { return lost_line(lost, "level=warning "); },
                        .notice = app_notice});
  state_->access = opened("access", access_pattern,
                          {.name = "log.access",
                           .to = wanted.access,
                           .delay = access_delay,
                           .lost_line = [](std::uint64_t lost) { return lost_line(lost, ""); },
                           .notice = access_notice});
  if (!problems.empty()) throw bad_options(std::move(problems));
  state_->app->logger().set_level(spdlog::level::from_str(wanted.level));
}

logs::~logs() {
  if (state_->at_crash) {
    for (auto& each : files_at_crash) each.store(nullptr);
    for (std::size_t i = 0; i < crash_signals.size(); ++i) {
      ::sigaction(crash_signals[i], &handlers_before[i], nullptr);
    }
  }
  state_->access.reset();  // before the log that its notices go to
}

void logs::write(log_level level, std::string_view message) {
  auto& app = *state_->app;
  if (!app.file().wanted() || !app.logger().should_log(spdlog_level(level))) return;
  std::uint64_t held_back = 0;
  if (level >= log_level::warning) {
    const detail::scoped_lock lock(state_->mutex);
    const auto passed = state_->repeats.pass(message, system_clock().coarse_now());
    if (!passed) return;
    held_back = *passed;
  }
  std::string line = "message=";
  append_quoted(line, message);
  if (held_back > 0) line += fmt::format(" repeated={}", held_back);
  app.logger().log(spdlog_level(level), line);
}

bool logs::access_wanted() const noexcept {
  return state_->access->file().wanted();
}

void logs::write(const server::access_record& answered) {
  if (access_wanted()) state_->access->logger().info(access_line(answered));
}

result<void> logs::reopen(const log_config& wanted) {
  std::string problems;
  const auto reopen_one = [&problems](one_log& log, const std::string& to) {
    const auto done = log.file().reopen(to);
    if (!done) problems += (problems.empty() ? "" : "; ") + done.error().detail;
  };
  reopen_one(*state_->app, wanted.app);
  reopen_one(*state_->access, wanted.access);
  state_->app->logger().set_level(spdlog::level::from_str(wanted.level));
  if (!problems.empty()) return fail(errc::invalid_argument, std::move(problems));
  return {};
}

void logs::write_at_crash() {
  state_->at_crash = true;
  files_at_crash[0].store(&state_->app->file());
  files_at_crash[1].store(&state_->access->file());
  struct sigaction handler{};
  handler.sa_handler = at_crash;
  sigfillset(&handler.sa_mask);
  for (std::size_t i = 0; i < crash_signals.size(); ++i) {
    ::sigaction(crash_signals[i], &handler, &handlers_before[i]);
  }
}

std::string access_line(const server::access_record& answered) {
  std::string out = fmt::format("peer={} method={} target=", answered.peer, answered.method);
  append_quoted(out, without_secrets(answered.target));
  if (!answered.route.empty()) {
    out += " route=";
    append_quoted(out, answered.route);
  }
  out += fmt::format(" status={} bytes={} seconds={:.6f}", answered.status, answered.bytes,
                     std::chrono::duration<double>(answered.duration).count());
  if (answered.cache != nullptr) out += fmt::format(" cache={}", cache_word(*answered.cache));
  out += " request_id=";
  append_quoted(out, answered.request_id);
  return out;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace strata::gateway
