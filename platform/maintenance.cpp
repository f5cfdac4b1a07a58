#include "platform/maintenance.hpp"

#include <strata/task.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace strata::platform {

maintenance::maintenance(strata::database& source, strata::cache& target, session_table& sessions,
                         strata::duration interval, strata::log_function log)
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
    const strata::detail::scoped_lock lock(mutex_);
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
      log_(strata::log_level::warning,
           "cannot check if another program writes to the database: " + changes.error().detail);
    }
    return false;
  }
  if (std::exchange(failing_, false) && log_) log_(strata::log_level::info, "the database answers again");
  if (seen_ == *changes) return false;
  const bool first = !seen_;
  seen_ = *changes;
  if (first) return false;
  strata::sync_wait(cache_->clear());
  return true;
}

void maintenance::run() {
  using time = std::chrono::steady_clock;
  constexpr auto sweep_interval = std::chrono::minutes(1);
  const auto period = checks() ? std::min<duration>(interval_, sweep_interval) : sweep_interval;
  auto next_sweep = time::now() + sweep_interval;
  auto next_round = time::now() + period;
  strata::detail::scoped_lock lock(mutex_);
  while (!stopping_) {
    if (lock.wait_until(wake_, next_round)) continue;  // to stop, or for nothing
    lock.unlock();
    if (checks()) check();
    const auto now = time::now();
    if (now >= next_sweep) {
      sessions_->sweep();
      next_sweep = now + sweep_interval;
    }
    next_round = now + period;
    lock.lock();
  }
}

}  // namespace strata::platform
