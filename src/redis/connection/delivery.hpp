#pragma once
/// Wakes the waiters of completed requests, each on its executor; one `post` an executor.
/// Threads: `fence` any; the rest the connection's thread.
///
/// A waiter may be destroyed at any moment, and its executor after it. So `flush` marks a request
/// ready and posts its resumption under one lock, and a waiter that finds itself ready while it is
/// destroyed passes `fence`, after which its executor is not touched any more on its behalf.

#include "core/mutex.hpp"
#include "redis/connection/request.hpp"

namespace strata::redis {

class delivery {
 public:
  /// Takes over a reference to a completed request.
  void add(request* done) { added_.push(done); }

  /// Wakes the waiters of all added requests: those of `own` and of no executor here, before it returns.
  void flush(const executor* own);

  void fence() { detail::scoped_lock lock(posting_); }

 private:
  done_list added_;
  detail::mutex posting_;
};

}  // namespace strata::redis
