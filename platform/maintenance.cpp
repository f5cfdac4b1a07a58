#include "platform/maintenance.hpp"

#include <strata/task.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace strata::platform {

maintenance::maintenance(strata::database& source, strata::cache& target, session_table& sessions,
                         strata::duration interval, std::function<void(std::string_view)> log)
    : source_(&source), cache_(&target), sessions_(&sessions), interval_(interval), log_(std::move(log)) {
}

maintenance::~maintenance() {
  stop();
}

void maintenance::start() {
  if (thread_.joinable()) return;
  if (checks()) check();  // later writes are seen
  thread_ = std::thread([this] { run(); });
}

void maintenance::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool maintenance::check() {
  const auto changes = strata::sync_wait(source_->foreign_changes());
  if (!changes) {
    // While the database is down nothing can be loaded again, so the cache keeps its entries.
    if (!std::exchange(failing_, true) && log_) {
      log_("cannot check if another program writes to the database: " + changes.error().detail);
    }
    return false;
  }
  if (std::exchange(failing_, false) && log_) log_("the database answers again");
  if (seen_ == *changes) return false;
  const bool first = !seen_;
  seen_ = *changes;
  if (first) return false;
  strata::sync_wait(cache_->clear());
  return true;
}

void maintenance::run() {
  const auto period = checks() ? interval_ : std::chrono::seconds(1);
  const auto rounds = std::max<std::int64_t>(1, std::chrono::seconds(1) / period);
  std::int64_t round = 0;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, period, [&] { return stopping_; })) {
    lock.unlock();
    if (checks()) check();
    if (++round % rounds == 0) cache_->maintain();
    if (round % (60 * rounds) == 0) sessions_->sweep();
    lock.lock();
  }
}

}  // namespace strata::platform
