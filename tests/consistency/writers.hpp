#pragma once
/// The other programs of a run, which know nothing of any cache: each a connection of libpq and a thread.
/// Threads: `start` and `stop` one.

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
  /// Waits until what they are doing has ended.
  void stop();

 private:
  class program;

  std::string url_;
  log* log_;
  std::uint64_t seed_;
  key_space keys_;
  std::int64_t pause_;  ///< milliseconds between two writes of one of them, at most
  std::atomic<std::int64_t> tokens_;
  std::vector<std::jthread> threads_;
};

}  // namespace strata::consistency
