#pragma once
/// A store that is reached over the network: the port, and how it does.
/// Threads: as `store`.

#include <strata/store.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace strata {

/// How a store on the network does.
struct store_health {
  bool usable = false;
  std::string trouble;  ///< why it cannot be used
  std::string address;
  time_point trusted_until{};  ///< till when changes are known to be told in time
  /// How long ago the moment is up to which all changes are known to have been told; nothing before the
  /// first. It is some heartbeats at most while all is well, and grows while nothing is heard.
  std::optional<duration> event_lag;
  std::uint64_t losses = 0;       ///< how often changes may have been missed, and memory was emptied
  std::uint64_t requests = 0;     ///< sent
  std::uint64_t timeouts = 0;     ///< of these, not answered in time
  std::uint64_t connections = 0;  ///< made
  std::uint64_t failures = 0;     ///< attempts to connect that failed
  std::uint64_t pending = 0;      ///< requests that wait for their answers now
};

/// It can be away, and says so.
class network_store : public store {
 public:
  /// Asks nobody: what is known now.
  virtual store_health health() const = 0;
};

}  // namespace strata
