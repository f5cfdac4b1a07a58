#pragma once
/// The threads that talk to Redis: each runs one event loop with the connections that were given to it.
/// Threads: any.

#include <strata/task.hpp>

#include <memory>

namespace strata::redis {

class loop;

class runtime {
 public:
  /// One thread drives a server's core; more are worth having with several nodes. Requires: threads > 0.
  explicit runtime(unsigned threads = 1);
  /// Ends the threads; from one of them without waiting for it. Requires: its clients are gone.
  ~runtime();
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  /// For clients: the loop that is next in turn.
  const std::shared_ptr<loop>& next();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace strata::redis
