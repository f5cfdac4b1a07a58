#pragma once
/// Any thread pushes requests here and the connection's thread takes them: a lock-free stack that is reversed
/// when it is taken. Nothing is ever popped, so there is no ABA problem.
/// Threads: `push` any; the rest one.

#include "redis/connection/request.hpp"

#include <atomic>
#include <cstdint>

namespace strata::redis {

class inbox {
 public:
  inbox() = default;
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;
  ~inbox() {
    request_list left;
    take(left);
  }

  enum class pushed : std::uint8_t {
    first,   ///< it was empty: the taker must be woken
    behind,  ///< the taker has been woken for another
    closed,  ///< no request is taken any more; the caller keeps its reference
  };
  /// Passes on a reference to `one`.
  pushed push(request* one) noexcept {
    request* top = top_.load(std::memory_order_relaxed);
    do {
      if (top == end()) return pushed::closed;
      one->next = top;
    } while (!top_.compare_exchange_weak(top, one, std::memory_order_release, std::memory_order_relaxed));
    return top == nullptr ? pushed::first : pushed::behind;
  }

  /// Moves all requests to the end of `into`, oldest first.
  void take(request_list& into) noexcept {
    if (top_.load(std::memory_order_relaxed) != end())
      move(top_.exchange(nullptr, std::memory_order_acquire), into);
  }
  /// The same, and nothing can be pushed any more.
  void close(request_list& into) noexcept { move(top_.exchange(end(), std::memory_order_acquire), into); }

 private:
  /// The value of `top_` when closed: points to no request and is never followed.
  request* end() noexcept { return reinterpret_cast<request*>(this); }

  void move(request* top, request_list& into) noexcept {
    if (top == end()) return;
    request* oldest = nullptr;
    while (top != nullptr) {
      request* const below = top->next;
      top->next = oldest;
      oldest = top;
      top = below;
    }
    while (oldest != nullptr) {
      request* const above = oldest->next;
      into.push(oldest);
      oldest = above;
    }
  }

  std::atomic<request*> top_ = nullptr;
};

}  // namespace strata::redis
