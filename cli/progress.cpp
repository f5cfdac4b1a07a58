#include "cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace strata::cli {

namespace {

constexpr std::uint64_t bar_width = 30;
constexpr const char* clear_line = "\r\x1b[K";

}  // namespace

std::string progress_line(const std::string& what, std::uint64_t done, std::uint64_t whole,
                          std::uint64_t records) {
  if (whole == 0) return fmt::format("{}  {} records", what, records);
  const auto share = static_cast<double>(std::min(done, whole)) / static_cast<double>(whole);
  const auto filled = static_cast<std::size_t>(share * bar_width);
  return fmt::format("{} [{}{}] {:3.0f} %  {} records", what, std::string(filled, '='),
                     std::string(bar_width - filled, ' '), 100 * share, records);
}

progress_bar::progress_bar(std::string what, std::uint64_t whole)
    : what_(std::move(what)), whole_(whole), terminal_(::isatty(STDERR_FILENO) != 0) {
}

progress_bar::~progress_bar() {
  if (!shown_.empty()) fmt::print(stderr, "{}", clear_line);
}

void progress_bar::show(std::uint64_t done, std::uint64_t records) {
  if (!terminal_) return;
  shown_ = progress_line(what_, done, whole_, records);
  fmt::print(stderr, "{}{}", clear_line, shown_);
}

void progress_bar::print(const std::string& line) {
  if (shown_.empty()) {
    fmt::print(stderr, "{}\n", line);
  } else {
    fmt::print(stderr, "{}{}\n{}", clear_line, line, shown_);
  }
}

}  // namespace strata::cli
