#include "database/turn_queue.hpp"

#include <algorithm>
#include <utility>

namespace strata::detail {

turn_queue::standing turn_queue::ask(const waiter_ptr& who) {
  scoped_lock lock(guard_);
  if (closed_) {
    who->outcome = standing::closed;
  } else if (!taken_) {
    taken_ = true;
    who->outcome = standing::granted;
  } else if (waiting_.size() >= limit_) {
    who->outcome = standing::full;
  } else {
    waiting_.push_back(who);
  }
  return who->outcome;
}

void turn_queue::pass_on() {
  waiter_ptr next;
  {
    scoped_lock lock(guard_);
    if (waiting_.empty()) {
      taken_ = false;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
    next->outcome = standing::granted;
  }
  suspension::resume(next);
}

void turn_queue::leave(const waiter_ptr& who) {
  {
    scoped_lock lock(guard_);
    if (who->outcome == standing::waiting) std::erase(waiting_, who);
    if (who->outcome != standing::granted) return;
  }
  pass_on();
}

void turn_queue::close() {
  std::deque<waiter_ptr> refused;
  {
    scoped_lock lock(guard_);
    closed_ = true;
    refused.swap(waiting_);
    for (const auto& each : refused) each->outcome = standing::closed;
  }
  for (const auto& each : refused) suspension::resume(each);
}

result<void> turn_queue::awaiter::await_resume() {
  resumed_ = true;
  switch (me_->outcome) {
    case standing::full:
      return fail(errc::busy, "too many writes are waiting for their turn");
    case standing::closed:
      return fail(errc::database_unavailable, "the database is closed");
    default:
      return {};
  }
}

}  // namespace strata::detail
