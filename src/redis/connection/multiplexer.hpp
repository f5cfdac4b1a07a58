#pragma once
/// Many callers on one connection: what to send, what was sent, and which request each reply answers.
/// Does no I/O and reads no clock.
/// Threads: one strand (the connection's thread).
///
/// A request is in one of two queues. *waiting*: not sent on this connection. *sent*: written, and some of
/// its replies are missing. The server answers in order, so a reply always belongs to the first of *sent*.
/// That is why no request may ever leave the middle of that queue.
///
/// `complete` decides the outcome of a request once: its replies, or why there are none. The request then
/// enters the *completed* list, whose owner wakes the waiter. A request whose deadline passes is completed at
/// once but stays in *sent* until its replies have arrived, and they are dropped; so are those of a destroyed
/// waiter. A request that ends before it is sent is never sent.
///
/// When the connection is lost, the retryable ones go back to the front of *waiting*, in their order;
/// the others fail, since the server may have executed them.
///
/// SUBSCRIBE and similar commands are confirmed by pushes, not replies. Such a push counts as the reply to
/// the first of *sent* if that command waits for it; the observer receives it as well.

#include "redis/connection/deadline_wheel.hpp"
#include "redis/connection/request.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace strata::redis {

class multiplexer {
 public:
  explicit multiplexer(time_point now) noexcept : deadlines_(now) {}
  multiplexer(const multiplexer&) = delete;
  multiplexer& operator=(const multiplexer&) = delete;

  /// Takes over a reference to `one` and appends it to *waiting*.
  void add(request* one) noexcept;
  /// The same at the front: the handshake of a new connection.
  void add_first(request* one) noexcept;

  /// Moves *waiting* to *sent*, as sent at `now`, and appends the bytes to `out` until it holds `enough`.
  /// With `only_first`, only the handshake. Returns the number of requests.
  std::size_t take(std::string& out, std::size_t enough, time_point now, bool only_first = false);

  /// Passes a reply to its request. Returns false if there is none.
  bool answer(resp::value reply);
  /// Counts a push if it confirms a command of the first of *sent*.
  void confirm(const resp::value& push);

  /// Completes the requests whose deadline has passed.
  void expire(time_point now);

  /// The connection was lost because of `why`.
  void lost(const error& why);
  /// No connection is expected soon: fails *waiting*.
  void refuse(const error& why);

  /// The next completed request, or null. The caller takes over a reference.
  request* next_completed() noexcept { return completed_.pop(); }

  bool has_waiting() const noexcept { return !waiting_.empty(); }
  bool has_deadlines() const noexcept { return !deadlines_.empty(); }
  /// Commands sent and not answered.
  std::size_t depth() const noexcept { return depth_; }
  /// When the oldest unanswered command was sent.
  std::optional<time_point> oldest() const noexcept;

  /// Requests, and their bytes, that have left both queues since this was last called.
  struct gone {
    std::size_t requests = 0;
    std::size_t bytes = 0;
  };
  gone take_gone() noexcept { return std::exchange(gone_, {}); }

  struct counts {
    std::uint64_t timeouts = 0;
    std::uint64_t resent = 0;
    std::uint64_t unanswered = 0;
  };
  const counts& counted() const noexcept { return counts_; }

 private:
  void complete(request& one) noexcept;
  void fail(request& one, const error& why);
  void leave(request* one) noexcept;
  void count_gone(const request& one) noexcept;
  void answered(request& first);

  request_list waiting_;
  request_list sent_;
  done_list completed_;
  std::size_t depth_ = 0;
  deadline_wheel deadlines_;
  gone gone_;
  counts counts_;
};

}  // namespace strata::redis
