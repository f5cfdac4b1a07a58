#pragma once
/// nginx with static files, as fast as it can be set for them but without sendfile, which for
/// files of a KiB costs more than it saves and would flatter us.

#include "bench/gateway/process.hpp"

#include <filesystem>
#include <memory>

namespace bench {

/// A running nginx of one worker over a folder of its own with all documents. Threads: one.
class nginx {
 public:
  /// Throws std::runtime_error if it cannot be started.
  explicit nginx(int core);
  ~nginx();
  nginx(const nginx&) = delete;
  nginx& operator=(const nginx&) = delete;

  int port() const { return port_; }
  pid_t pid() const { return process_->pid(); }

 private:
  std::filesystem::path folder_;
  int port_ = 0;
  std::unique_ptr<process> process_;
};

}  // namespace bench
