#include "server/body_stream.hpp"

#include <utility>

namespace strata::server {

bool body_stream::send(std::string_view piece) {
  std::move_only_function<void()> wake;
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    if (over_) return false;
    taken = waiting_.size() + piece.size() <= most_;
    if (taken) {
      waiting_ += piece;
    } else {
      waiting_ = {};
      over_ = true;
    }
    wake = std::exchange(when_more_, nullptr);
  }
  if (wake) wake();
  return taken;
}

void body_stream::end() {
  std::move_only_function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    wake = std::exchange(when_more_, nullptr);
  }
  if (wake) wake();
}

body_stream::pieces body_stream::take(std::move_only_function<void()> when_more) {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty() && !over_) when_more_ = std::move(when_more);
  return {.text = std::exchange(waiting_, {}), .over = over_};
}

bool body_stream::forget() {
  std::move_only_function<void()> unused;
  const std::lock_guard lock(mutex_);
  over_ = true;
  waiting_ = {};
  unused = std::exchange(when_more_, nullptr);
  return static_cast<bool>(unused);
}

}  // namespace strata::server
