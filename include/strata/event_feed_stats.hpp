#pragma once
/// The statistics of an event feed.
/// Threads: plain values.

#include <cstdint>
#include <string>

namespace strata {

/// Counters of an event_feed.
struct event_feed_stats {
  std::string trouble;        ///< why it makes no progress; empty: it does
  std::uint64_t events = 0;   ///< read
  std::uint64_t handled = 0;  ///< successful calls of handlers
  std::uint64_t retries = 0;  ///< calls that threw, and were or will be repeated
  std::uint64_t given_up = 0;
  std::uint64_t waiting = 0;  ///< for their handlers now
  std::uint64_t gaps = 0;     ///< how often it was away for longer than the outbox keeps events
};

}  // namespace strata
