#pragma once
/// The program's logs: its own and the access log, both lines of `name=value` (logfmt), each written by a
/// thread of its own so that no request waits for a disk.
/// Threads: internally locked.

#include "gateway/config.hpp"

#include <server/server.hpp>
#include <strata/error.hpp>
#include <strata/log.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace strata::gateway {

class logs {
 public:
  /// Opens the logs. Throws bad_options that names every file that cannot be opened.
  explicit logs(const log_config& wanted);
  /// Writes the lines in memory. If a pipe takes none of them for a second, gives up.
  ~logs();
  logs(const logs&) = delete;
  logs& operator=(const logs&) = delete;

  /// Writes one line of the program's own log. Of equal warnings and errors it writes one every ten seconds,
  /// with the number of the others as "repeated=". When the memory for lines is full, the log loses the line
  /// and counts it: a log must never stop the service.
  void write(log_level level, std::string_view message);

  bool access_wanted() const noexcept;
  /// One line of the access log, in its file within a second.
  /// Cost: formatting and one copy.
  void write(const server::access_record& answered);

  /// Opens the files of `wanted` anew, after they were renamed or their names have changed, and applies its
  /// level. Errors: every file that cannot be opened; that log stays as it was.
  result<void> reopen(const log_config& wanted);

  /// Writes the lines in memory when a signal such as SIGSEGV or SIGABRT ends the process, as far as
  /// possible. Requires: no other object of this class does so.
  void write_at_crash();

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
