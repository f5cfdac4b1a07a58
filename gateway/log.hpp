#pragma once
/// The program's logs: its own and the access log, both lines of `name=value` (logfmt), written by
/// a thread of their own so that no request waits for a disk.
/// Threads: internally locked.

#include "gateway/config.hpp"

#include <server/server.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace strata::gateway {

enum class log_level { debug, info, warning, error };

class logs {
 public:
  /// Opens the logs. Throws bad_options that names every file that cannot be written.
  explicit logs(const log_config& wanted);
  /// Writes the queued lines.
  ~logs();
  logs(const logs&) = delete;
  logs& operator=(const logs&) = delete;

  /// Writes one line of the program's own log. A full queue drops its oldest line: a log must never stop the
  /// service.
  void write(log_level level, std::string_view message);

  bool access_wanted() const noexcept;
  /// One line of the access log. Cost: formatting and one queue push.
  void write(const server::access_record& answered);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// The access log's line for `answered`, without its time.
std::string access_line(const server::access_record& answered);

/// Appends `text` in quotes; quotes, backslashes, control characters and bytes outside ASCII are
/// escaped, so that a client can neither begin a line nor end a value.
void append_quoted(std::string& out, std::string_view text);

}  // namespace strata::gateway
