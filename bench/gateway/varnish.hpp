#pragma once
/// Varnish before a server, its documents in memory.

#include "bench/gateway/process.hpp"

#include <filesystem>
#include <memory>

namespace bench {

/// A running Varnish. Threads: one.
class varnish {
 public:
  /// Caches what the server on `origin`, a port, answers. Throws std::runtime_error if it cannot be
  /// started.
  varnish(int origin, int core);
  ~varnish();
  varnish(const varnish&) = delete;
  varnish& operator=(const varnish&) = delete;

  int port() const { return port_; }
  /// Of the process that serves, a child of the one that was started.
  pid_t pid() const { return worker_; }

 private:
  std::filesystem::path folder_;
  int port_ = 0;
  pid_t worker_ = -1;
  std::unique_ptr<process> process_;
};

}  // namespace bench
