#pragma once
/// Many callers on one connection: what is to be sent, what was sent, and whose each reply is.
/// Does no I/O and reads no clock.
/// Threads: one strand (the link's thread).
///
/// A request is in one of two queues. *waiting*: not sent on the present connection. *sent*: written,
/// not all of its replies are there. The server answers in order, so a reply always belongs to the
/// first of *sent*; that is all the matching there is, and why nothing may ever leave the middle of
/// that queue.
///
/// What becomes of a request (its replies, or why there are none) is decided once, by `complete`. It
/// then goes to the *completed* list, whose owner wakes the waiter. A request whose deadline passes is
/// completed at once but stays in *sent* until its replies have come, and they are dropped; so are
/// those of a waiter that was destroyed. One that has not been sent when it ends never will be.
///
/// When the connection is lost, the retryable ones go back to the front of *waiting*, in their order;
/// the others fail, since the server may have done what they asked.
///
/// SUBSCRIBE and its like are confirmed by pushes instead of being answered. Such a push counts as the
/// reply of the first of *sent* if that command is waiting for it; it is told to the observer, too.

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

  /// Takes over a reference to `one`, which waits from now on.
  void add(request* one) noexcept;
  /// The same, in front of all who wait: the greeting of a new connection.
  void add_first(request* one) noexcept;

  /// Appends what waits to `out` until that holds `enough` bytes, and counts it as sent at `now`.
  /// With `only_first`, the greeting and nothing else. Returns how many requests that were.
  std::size_t take(std::string& out, std::size_t enough, time_point now, bool only_first = false);

  /// Gives a reply to whom it belongs. Returns false if nobody has asked.
  bool answer(resp::value reply);
  /// Counts a push if it confirms what the first of *sent* asked.
  void confirm(const resp::value& push);

  /// Completes those whose deadline has passed.
  void expire(time_point now);

  /// The connection is gone, because of `why`.
  void lost(const error& why);
  /// There will be none soon: those who wait fail.
  void refuse(const error& why);

  /// The first whose outcome is known, or null. The caller takes over a reference.
  request* next_completed() noexcept { return completed_.pop(); }

  bool has_waiting() const noexcept { return !waiting_.empty(); }
  bool has_deadlines() const noexcept { return !deadlines_.empty(); }
  /// Commands sent and not answered.
  std::size_t depth() const noexcept { return depth_; }
  /// When the oldest of them was sent.
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
