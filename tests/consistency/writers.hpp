#pragma once
/// The other programs of a run, which know no cache: each has a libpq connection and a thread.
/// Threads: one, for `start` and `stop`.

#include "tests/consistency/random.hpp"
#include "tests/consistency/record.hpp"
#include "tests/consistency/tables.hpp"

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace strata::consistency {

class writers {
 public:
  writers(std::string url, log& into, std::uint64_t seed, const plan& with);
  ~writers();

  void start();
  /// Waits until their current work has ended.
  void stop();

 private:
  class program;

  std::string url_;
  log* log_;
  std::uint64_t seed_;
  key_space keys_;
  std::int64_t pause_;  ///< maximum milliseconds between two writes of one program
  std::atomic<std::int64_t> tokens_;
  std::vector<std::jthread> threads_;
};

}  // namespace strata::consistency
