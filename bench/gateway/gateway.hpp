#pragma once
/// The real gateway: `strata serve --demo`, logged into, with 10,000 agents to read.

#include "bench/gateway/process.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace bench {

/// A running gateway over a database of its own. Threads: one.
class gateway {
 public:
  /// Starts `program`, logs in, adds agents until there are 10,000 in the organization, and reads
  /// each once so that it is cached. Throws std::runtime_error.
  gateway(const std::string& program, int core);
  ~gateway();
  gateway(const gateway&) = delete;
  gateway& operator=(const gateway&) = delete;

  const std::string& origin() const { return origin_; }
  const std::string& session() const { return session_; }
  const std::vector<std::string>& targets() const { return targets_; }
  /// The entity tag of the first target.
  const std::string& etag() const { return etag_; }
  pid_t pid() const { return process_->pid(); }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<process> process_;
  std::string origin_, session_, etag_;
  std::vector<std::string> targets_;
};

}  // namespace bench
