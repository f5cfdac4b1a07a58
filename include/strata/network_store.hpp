#pragma once
/// A store that is reached over the network, and its health.
/// Threads: as `store`.

#include <strata/store.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace strata {

/// The state of a store on the network.
struct store_health {
  bool usable = false;
  std::string trouble;  ///< why it is not usable
  std::string refusal;  ///< why it refuses writes, though it answers; empty: it does not
  std::string address;
  time_point trusted_until{};  ///< until then every change is known to arrive in time
  /// Age of the newest moment up to which every change is known to have arrived. Empty until the first
  /// heartbeat. Normally a few heartbeats; grows while the store is silent.
  std::optional<duration> event_lag;
  std::uint64_t losses = 0;       ///< how often changes may have been missed and memory was emptied
  std::uint64_t requests = 0;     ///< sent
  std::uint64_t timeouts = 0;     ///< requests that were not answered in time
  std::uint64_t connections = 0;  ///< made
  std::uint64_t failures = 0;     ///< attempts to connect that failed
  std::uint64_t pending = 0;      ///< requests that wait for their replies now
};

/// A store that may be unreachable, and reports it.
class network_store : public store {
 public:
  /// What is known now; sends no request.
  virtual store_health health() const = 0;
};

}  // namespace strata
