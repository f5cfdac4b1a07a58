#pragma once
/// Work that runs after the replies that have arrived by now were handled. The client delivers the pushes of
/// one read before its replies; work posted to its thread runs after both.
/// Threads: internally locked; the work runs on the client's thread, in the order in which it was deferred.

#include "core/mutex.hpp"

#include <strata/task.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace strata::redis {

class deferred_work {
 public:
  deferred_work();
  ~deferred_work() { stop(); }
  deferred_work(const deferred_work&) = delete;
  deferred_work& operator=(const deferred_work&) = delete;

  /// Runs `work` on `client_thread`.
  void add(executor& client_thread, std::move_only_function<void()> work);
  /// Drops the work that has not begun. What runs on the client's thread now may still be running.
  void stop();

 private:
  struct shared;

  void run();

  const std::shared_ptr<shared> shared_;

  detail::mutex mutex_;
  std::vector<std::move_only_function<void()>> work_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::redis
