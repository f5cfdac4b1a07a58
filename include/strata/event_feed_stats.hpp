#pragma once
/// What an event feed tells about itself.
/// Threads: values.

#include <cstdint>
#include <string>

namespace strata {

/// Counters of an event_feed.
struct event_feed_stats {
  std::string trouble;        ///< why it does not get on; empty: it does
  std::uint64_t events = 0;   ///< read
  std::uint64_t handled = 0;  ///< calls of handlers that ended well
  std::uint64_t retries = 0;  ///< that threw, and were or will be made again
  std::uint64_t given_up = 0;
  std::uint64_t waiting = 0;  ///< for their handlers now
  std::uint64_t gaps = 0;     ///< how often it was away for longer than the outbox keeps what is written
};

}  // namespace strata
