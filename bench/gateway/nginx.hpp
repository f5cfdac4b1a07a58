#pragma once
/// nginx, as fast as it can be set but without sendfile, which for files of a KiB costs more than it
/// saves and would flatter us: as a server of static files, and as a cache before one.

#include "bench/gateway/process.hpp"

#include <filesystem>
#include <memory>
#include <string_view>

namespace bench {

/// A running nginx of one worker. Threads: one.
class nginx {
 public:
  /// One with all documents in a folder of its own. Throws std::runtime_error if it cannot be started.
  static std::unique_ptr<nginx> of_files(int core);
  /// One with proxy_cache before the server on `origin`, a port.
  static std::unique_ptr<nginx> before(int origin, int core);

  ~nginx();
  nginx(const nginx&) = delete;
  nginx& operator=(const nginx&) = delete;

  int port() const { return port_; }
  pid_t pid() const { return process_->pid(); }

 private:
  nginx();
  void start(std::string_view configuration, int core);

  std::filesystem::path folder_;
  int port_ = 0;
  std::unique_ptr<process> process_;
};

}  // namespace bench
