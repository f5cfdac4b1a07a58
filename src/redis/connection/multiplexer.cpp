#include "redis/connection/multiplexer.hpp"

#include <utility>

namespace strata::redis {

void multiplexer::add(request* one) noexcept {
  deadlines_.add(*one);
  waiting_.push(one);
}

void multiplexer::add_first(request* one) noexcept {
  deadlines_.add(*one);
  request_list alone;
  alone.push(one);
  waiting_.prepend(alone);
}

std::size_t multiplexer::take(std::string& out, std::size_t enough, time_point now, bool only_first) {
  std::size_t taken = 0;
  while (!waiting_.empty() && out.size() < enough) {
    request* const one = waiting_.pop();
    if (!one->done && one->deadline <= now) {
      ++counts_.timeouts;
      fail(*one, {errc::timeout, "the deadline passed before the request was sent"});
    }
    if (one->done || one->standing.load(std::memory_order_relaxed) == request::stand::abandoned) {
      leave(one);
      continue;
    }
    if (one->was_sent) ++counts_.resent;
    out += one->what.bytes();
    one->sent_at = now;
    one->was_sent = true;
    depth_ += one->what.size();
    sent_.push(one);
    ++taken;
    if (only_first) break;
  }
  return taken;
}

bool multiplexer::answer(resp::value reply) {
  request* const first = sent_.front();
  if (first == nullptr) return false;
  if (!first->done) {
    if (first->what.size() == 1) {
      first->reply = std::move(reply);
    } else {
      if (first->replies.empty()) first->replies.reserve(first->what.size());
      first->replies.push_back(std::move(reply));
    }
  }
  answered(*first);
  return true;
}

void multiplexer::confirm(const resp::value& push) {
  request* const first = sent_.front();
  if (first == nullptr || first->what.confirmed().empty() || push.items().empty()) return;
  for (const auto& each : first->what.confirmed()) {
    if (each.command != first->answered) continue;
    if (push.items()[0].text() != each.push || ++first->confirmed < each.pushes) return;
    answer(resp::value());
    return;
  }
}

void multiplexer::answered(request& first) {
  --depth_;
  first.confirmed = 0;
  if (++first.answered < first.what.size()) return;
  sent_.pop();
  count_gone(first);
  if (first.done) {
    first.drop();
  } else {
    complete(first);  // with the reference that the queue had
  }
}

void multiplexer::expire(time_point now) {
  deadlines_.advance(now, [&](request& late) {
    ++counts_.timeouts;
    fail(late, {errc::timeout, late.was_sent ? "the server did not answer in time"
                                             : "the deadline passed before the request was sent"});
  });
}

void multiplexer::lost(const error& why) {
  request_list again;
  while (request* one = sent_.pop()) {
    one->answered = 0;
    one->confirmed = 0;
    if (!one->done) {
      one->reply = {};
      one->replies.clear();
      if (one->retryable) {
        again.push(one);
        continue;
      }
      ++counts_.unanswered;
      fail(*one, {errc::store_unavailable, why.detail + "; outcome unknown"});
    }
    leave(one);
  }
  depth_ = 0;
  waiting_.prepend(again);
}

void multiplexer::refuse(const error& why) {
  while (request* one = waiting_.pop()) {
    if (!one->done) fail(*one, why);
    leave(one);
  }
}

std::optional<time_point> multiplexer::oldest() const noexcept {
  if (sent_.empty()) return std::nullopt;
  return sent_.front()->sent_at;
}

/// Takes over a reference to `one`.
void multiplexer::complete(request& one) noexcept {
  one.done = true;
  deadlines_.remove(one);
  completed_.push(&one);
}

void multiplexer::fail(request& one, const error& why) {
  one.reply = {};
  one.replies.clear();
  one.failed = why;
  one.hold();
  complete(one);
}

/// `one` has left its queue.
void multiplexer::leave(request* one) noexcept {
  deadlines_.remove(*one);
  count_gone(*one);
  one->drop();
}

void multiplexer::count_gone(const request& one) noexcept {
  ++gone_.requests;
  gone_.bytes += one.what.bytes().size();
}

}  // namespace strata::redis
