#include "platform/maintenance.hpp"

#include <strata/task.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace strata::platform {

maintenance::maintenance(strata::database& source, strata::cache& target, strata::session_store& sessions,
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
  if (!thread_.joinable()) return;
  thread_.join();
  keep_sessions();
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

void maintenance::keep_sessions() {
  const auto kept = strata::sync_wait(sessions_->maintain());
  if (kept) {
    sessions_failing_ = false;
  } else if (!std::exchange(sessions_failing_, true) && log_) {
    log_(strata::log_level::warning, "cannot record the uses of sessions: " + kept.error().detail);
  }
}

void maintenance::run() {
  using time = std::chrono::steady_clock;
  const auto sweep_interval = sessions_->options().write_interval;
  const auto period = checks() ? std::min(interval_, sweep_interval) : sweep_interval;
  auto next_sweep = time::now() + sweep_interval;
  auto next_round = time::now() + period;
  strata::detail::scoped_lock lock(mutex_);
  while (!stopping_) {
    if (lock.wait_until(wake_, next_round)) continue;  // to stop, or for nothing
    lock.unlock();
    if (checks()) check();
    const auto now = time::now();
    if (now >= next_sweep) {
      keep_sessions();
      next_sweep = now + sweep_interval;
    }
    next_round = now + period;
    lock.lock();
  }
}

}  // namespace strata::platform
