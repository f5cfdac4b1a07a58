#pragma once
/// One log: callers add lines to memory, and a thread of its own writes them to a file or to stderr. So no
/// caller waits for a disk, or for the reader of a pipe.
/// Threads: internally locked; `write_at_crash` also from a signal handler.

#include <strata/error.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace strata::gateway {

struct log_file_options {
  std::string name;  ///< in messages: "log.access"
  std::string to;    ///< "off", "stderr" or the file's path
  duration delay{};  ///< how long a line may wait for others; zero: the thread writes it at once
  /// Composes the line that replaces `lost` lines which did not fit into memory.
  std::function<std::string(std::uint64_t lost)> lost_line;
  /// Receives one message when writing fails, and one when it works again; called from the log's thread.
  std::function<void(const std::string& what, bool works)> notice;
};

class log_file {
 public:
  /// Opens the log. A new file has mode 0600. If the file ends within a line, the first write ends that line.
  /// Errors: invalid_argument, with the file's name and the reason.
  static result<std::unique_ptr<log_file>> open(log_file_options options);
  /// Writes the added lines. If the reader of a pipe takes none for a second, gives up.
  ~log_file();
  log_file(const log_file&) = delete;
  log_file& operator=(const log_file&) = delete;

  /// Whether lines are kept, that is, whether the log is not "off".
  bool wanted() const noexcept;

  /// Adds `line`, which ends with '\n'. If the memory is full the line is lost, and counted.
  /// Cost: one lock and one copy.
  void add(std::string_view line);

  /// Opens `to` anew: further lines go to the file that now has this name. On an error the log stays as it
  /// is.
  result<void> reopen(const std::string& to);

  /// Writes the lines in memory from a signal handler, as far as possible: takes no lock, allocates nothing.
  void write_at_crash() noexcept;

 private:
  struct state;
  explicit log_file(std::shared_ptr<state> opened);
  std::shared_ptr<state> state_;  // shared with the thread, which can outlive the log
};

}  // namespace strata::gateway
