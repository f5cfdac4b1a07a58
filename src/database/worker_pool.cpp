#include "database/worker_pool.hpp"

namespace strata::detail {

worker_pool::worker_pool(std::vector<std::unique_ptr<sqlite_connection>> connections, unsigned limit)
    : state_(std::make_shared<state>()), limit_(limit) {
  try {
    for (auto& each : connections) threads_.emplace_back(&work, state_, std::move(each));
  } catch (...) {  // no more threads: end those that run
    close();
    throw;
  }
}

worker_pool::~worker_pool() {
  close();
}

worker_pool::posted worker_pool::post(job work) {
  scoped_lock lock(state_->guard);
  if (state_->closed) return posted::closed;
  if (state_->waiting.size() >= limit_) return posted::full;
  state_->waiting.push_back(std::move(work));
  state_->woken.notify_one();
  return posted::yes;
}

bool worker_pool::post_always(job work) {
  scoped_lock lock(state_->guard);
  if (state_->closed) return false;
  state_->waiting.push_back(std::move(work));
  state_->woken.notify_one();
  return true;
}

void worker_pool::close() {
  {
    scoped_lock lock(state_->guard);
    state_->closed = true;
    state_->woken.notify_all();
  }
  for (auto& each : threads_) {
    // A task without an executor resumes on our thread and may destroy the database from there.
    if (each.get_id() == std::this_thread::get_id()) {
      each.detach();
    } else {
      each.join();
    }
  }
  threads_.clear();
}

void worker_pool::work(const std::shared_ptr<state>& given, std::unique_ptr<sqlite_connection> connection) {
  const auto shared = given;
  for (;;) {
    job next;
    {
      scoped_lock lock(shared->guard);
      while (shared->waiting.empty() && !shared->closed) lock.wait(shared->woken);
      if (shared->waiting.empty()) return;
      next = std::move(shared->waiting.front());
      shared->waiting.pop_front();
    }
    next(*connection);
  }
}

}  // namespace strata::detail
