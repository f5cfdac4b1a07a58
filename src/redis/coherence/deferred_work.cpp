#include "redis/coherence/deferred_work.hpp"

#include <utility>

namespace strata::redis {

/// Stands between the client's thread, which has work of ours, and an owner that ends.
struct deferred_work::shared {
  detail::mutex mutex;
  deferred_work* owner STRATA_GUARDED_BY(mutex) = nullptr;
};

deferred_work::deferred_work() : shared_(std::make_shared<shared>()) {
  detail::scoped_lock lock(shared_->mutex);
  shared_->owner = this;
}

void deferred_work::stop() {
  detail::scoped_lock lock(shared_->mutex);
  shared_->owner = nullptr;
}

void deferred_work::add(executor& client_thread, std::move_only_function<void()> work) {
  detail::scoped_lock lock(mutex_);
  work_.push_back(std::move(work));
  if (work_.size() > 1) return;
  client_thread.post([self = shared_] {
    deferred_work* owner = nullptr;
    {
      detail::scoped_lock held(self->mutex);
      owner = self->owner;
    }
    // The owner outlives this: its client ends on its own thread, which is this one.
    if (owner != nullptr) owner->run();
  });
}

void deferred_work::run() {
  std::vector<std::move_only_function<void()>> due;
  {
    detail::scoped_lock lock(mutex_);
    due.swap(work_);
  }
  for (auto& each : due) each();
}

}  // namespace strata::redis
