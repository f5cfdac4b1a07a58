#pragma once
/// Child processes of a benchmark: pinned to a core, read from, measured, ended by their pid.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace bench {

/// A running child. Threads: one.
class process {
 public:
  /// Starts `command` on `core`, its standard output readable here. Throws std::runtime_error.
  process(const std::vector<std::string>& command, int core);
  /// Ends it, politely first.
  ~process();
  process(process&& other) noexcept;
  process& operator=(process&&) = delete;

  pid_t pid() const { return pid_; }
  /// The next line it writes; nothing if it ends or is silent for `within`.
  std::optional<std::string> read_line(std::chrono::milliseconds within);
  /// Everything it still writes until it ends.
  std::string read_all();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string rest_;
};

/// CPU seconds that `pid` and its threads have used, user and system.
double cpu_seconds(pid_t pid);

}  // namespace bench
