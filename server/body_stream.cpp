#include "server/body_stream.hpp"

#include <utility>

namespace strata::server {

bool body_stream::send(std::string_view piece) {
  std::move_only_function<void()> wake;
  bool accepted = false;
  {
    const detail::scoped_lock lock(mutex_);
    if (ended_) return false;
    accepted = queued_.size() + piece.size() <= limit_;
    if (accepted) {
      queued_ += piece;
    } else {
      queued_ = {};  // a part of it would look complete
      ended_ = true;
    }
    wake = std::exchange(on_more_, nullptr);
  }
  if (wake) wake();
  return accepted;
}

void body_stream::end() {
  std::move_only_function<void()> wake;
  {
    const detail::scoped_lock lock(mutex_);
    ended_ = true;
    wake = std::exchange(on_more_, nullptr);
  }
  if (wake) wake();
}

body_stream::pieces body_stream::take(std::move_only_function<void()> on_more) {
  const detail::scoped_lock lock(mutex_);
  if (queued_.empty() && !ended_) on_more_ = std::move(on_more);
  return {.text = std::exchange(queued_, {}), .ended = ended_};
}

bool body_stream::abandon() {
  std::move_only_function<void()> dropped;
  const detail::scoped_lock lock(mutex_);
  ended_ = true;
  queued_ = {};
  dropped = std::exchange(on_more_, nullptr);
  return static_cast<bool>(dropped);
}

}  // namespace strata::server
