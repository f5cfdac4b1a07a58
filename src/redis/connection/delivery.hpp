#pragma once
/// Wakes those whose requests are done, each on its executor; all of one executor with one `post`.
/// Threads: `fence` any; the rest the link's thread.
///
/// A waiter may be destroyed at any moment, and its executor after it. So `flush` marks a request
/// ready and posts its resumption under one lock, and a waiter that finds itself ready while it is
/// destroyed passes `fence`, after which its executor is not touched any more on its behalf.

#include "core/mutex.hpp"
#include "redis/connection/request.hpp"

namespace strata::redis {

class delivery {
 public:
  /// Takes over a reference to a request that is done.
  void add(request* done) { added_.push(done); }

  /// Wakes all that were added: those of `own` and of no executor right here, before it returns.
  void flush(const executor* own);

  void fence() { detail::scoped_lock lock(posting_); }

 private:
  done_list added_;
  detail::mutex posting_;
};

}  // namespace strata::redis
