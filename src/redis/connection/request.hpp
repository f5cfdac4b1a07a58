#pragma once
/// One submission: its commands, its waiter, and its outcome.
/// Threads: its creator's until it is submitted, then the connection's; `standing` and the references any.
/// The waiter may read the outcome once `standing` is `ready`.

#include "resp/command.hpp"
#include "resp/value.hpp"

#include <strata/error.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace strata::redis {

class request {
 public:
  request(resp::pipeline commands, time_point until, bool may_resend)
      : what(std::move(commands)), deadline(until), retryable(may_resend) {}
  request(const request&) = delete;
  request& operator=(const request&) = delete;

  void hold() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void drop() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  const resp::pipeline what;
  const time_point deadline;
  const bool retryable;

  // The outcome.
  bool done = false;                 ///< nothing below changes any more
  std::optional<error> failed;       ///< then there are no replies
  resp::value reply;                 ///< if it is one command
  std::vector<resp::value> replies;  ///< if it is several

  // The multiplexer's.
  request* next = nullptr;       ///< in the inbox, among the waiting, or among the sent
  request* next_done = nullptr;  ///< among the completed, or those that are to be woken
  std::size_t answered = 0;      ///< commands
  std::size_t confirmed = 0;     ///< pushes for the command that is next to be answered
  time_point sent_at{};
  bool was_sent = false;

  // The deadline wheel's.
  request* later = nullptr;
  request** earlier = nullptr;  ///< what points here; null: not in the wheel

  // The waiter. The connection's thread sets `ready`, a waiter that is destroyed `abandoned`.
  enum class stand : std::uint8_t { waiting, ready, abandoned };
  std::atomic<stand> standing = stand::waiting;
  std::coroutine_handle<> waiter;
  executor* resume_on = nullptr;  ///< null: the connection's thread

 private:
  ~request() = default;
  std::atomic<int> references_ = 1;
};

/// Requests in order, through the member `Next` of each. Owns a reference to each.
template <request* request::* Next>
class request_chain {
 public:
  request_chain() = default;
  request_chain(const request_chain&) = delete;
  request_chain& operator=(const request_chain&) = delete;
  ~request_chain() {
    while (request* each = pop()) each->drop();
  }

  bool empty() const noexcept { return first_ == nullptr; }
  request* front() const noexcept { return first_; }
  void push(request* last) noexcept {
    last->*Next = nullptr;
    *end_ = last;
    end_ = &(last->*Next);
  }
  /// Null if there is none.
  request* pop() noexcept {
    request* taken = first_;
    if (taken == nullptr) return nullptr;
    first_ = taken->*Next;
    if (first_ == nullptr) end_ = &first_;
    taken->*Next = nullptr;
    return taken;
  }
  /// Moves all of `others` in front of these requests.
  void prepend(request_chain& others) noexcept {
    if (others.empty()) return;
    *others.end_ = first_;
    if (first_ == nullptr) end_ = others.end_;
    first_ = std::exchange(others.first_, nullptr);
    others.end_ = &others.first_;
  }

 private:
  request* first_ = nullptr;
  request** end_ = &first_;
};

/// Requests on their way to the server and back: waiting, or sent.
using request_list = request_chain<&request::next>;
/// Requests on their way to their waiters. One whose deadline has passed is among the sent as well.
using done_list = request_chain<&request::next_done>;

}  // namespace strata::redis
