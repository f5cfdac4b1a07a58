#include "database/worker_pool.hpp"

namespace strata::detail {

worker_pool::worker_pool(std::vector<std::unique_ptr<sqlite_connection>> connections, unsigned limit)
    : limit_(limit) {
  try {
    for (auto& each : connections) {
      threads_.emplace_back([queue = queue_, connection = std::move(each)] {
        while (auto next = queue->take()) (*next)(*connection);
      });
    }
  } catch (...) {  // no more threads: end those that run
    close();
    throw;
  }
}

worker_pool::~worker_pool() {
  close();
}

void worker_pool::close() {
  queue_->close();
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

}  // namespace strata::detail
