#include "gateway/log.hpp"

#include <strata/error.hpp>

#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <utility>
#include <vector>

namespace strata::gateway {

namespace {

constexpr std::size_t queue_lines = 8192;

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

struct logs::state {
  std::shared_ptr<spdlog::details::thread_pool> writer;
  std::shared_ptr<spdlog::logger> app;
  std::shared_ptr<spdlog::logger> access;

  /// Null if `to` is "off", or cannot be opened, which is added to `problems`.
  std::shared_ptr<spdlog::logger> open(const char* name, const std::string& to, const char* pattern,
                                       std::vector<std::string>& problems) {
    if (to == "off") return nullptr;
    try {
      spdlog::sink_ptr sink;
      if (to == "stderr") {
        sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
      } else {
        sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(to);
      }
      if (writer == nullptr) writer = std::make_shared<spdlog::details::thread_pool>(queue_lines, 1);
      auto logger = std::make_shared<spdlog::async_logger>(name, std::move(sink), writer,
                                                           spdlog::async_overflow_policy::overrun_oldest);
      logger->set_formatter(
          std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
      return logger;
    } catch (const spdlog::spdlog_ex& failure) {
      problems.push_back(fmt::format("log.{}: {}", name, failure.what()));
      return nullptr;
    }
  }
};

logs::logs(const log_config& wanted) : state_(std::make_unique<state>()) {
  std::vector<std::string> problems;
  state_->app = state_->open("app", wanted.app, "time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", problems);
  state_->access = state_->open("access", wanted.access, "time=%Y-%m-%dT%H:%M:%S.%eZ %v", problems);
  if (!problems.empty()) throw bad_options(std::move(problems));
  if (state_->app != nullptr) {
    state_->app->set_level(spdlog::level::from_str(wanted.level));
    state_->app->flush_on(spdlog::level::info);  // the lines are few, and most needed after a failure
  }
}

logs::~logs() {
  if (state_->app != nullptr) state_->app->flush();
  if (state_->access != nullptr) state_->access->flush();
  state_->writer.reset();  // joins the thread after the last line
}

void logs::write(log_level level, std::string_view message) {
  if (state_->app == nullptr || !state_->app->should_log(spdlog_level(level))) return;
  std::string line = "message=";
  append_quoted(line, message);
  state_->app->log(spdlog_level(level), line);
}

bool logs::access_wanted() const noexcept {
  return state_->access != nullptr;
}

void logs::write(const server::access_record& answered) {
  if (state_->access != nullptr) state_->access->info(access_line(answered));
}

std::string access_line(const server::access_record& answered) {
  std::string out = fmt::format("peer={} method={} target=", answered.peer, answered.method);
  append_quoted(out, answered.target);
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
