#pragma once
/// The threads that talk to Redis: each runs the event loop of its connections.
/// Threads: any.

#include <strata/task.hpp>

#include <memory>

namespace strata::redis {

class loop;

class runtime {
 public:
  /// One thread saturates a server's core; more help with several nodes. Requires: threads > 0.
  explicit runtime(unsigned threads = 1);
  /// Ends the threads; does not wait for its own. Requires: its clients are gone.
  ~runtime();
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  /// The loop for the next client, in turn.
  const std::shared_ptr<loop>& next();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace strata::redis
