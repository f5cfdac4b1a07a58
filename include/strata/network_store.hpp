#pragma once
/// A store that is reached over the network, and its health.
/// Threads: as `store`.

#include <strata/store.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

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

/// A server of a store, as it describes itself.
struct server_inspection {
  std::string software;  ///< "redis" or "valkey"
  std::string version;
  std::string eviction;             ///< its maxmemory-policy; empty: it does not say
  bool has_scripts = true;          ///< false: it knows no EVAL
  std::uint64_t tracked = 0;        ///< keys whose readers it remembers, to notify them
  std::uint64_t tracked_limit = 0;  ///< at most so many; 0: it does not say
  std::optional<wall_time> time;    ///< by its own clock
};

/// A value of a store, without its content.
struct inspected_value {
  std::string key;
  std::uint64_t size = 0;                 ///< as it is stored
  std::optional<duration> ttl;            ///< empty: it never ends
  std::optional<std::uint32_t> requests;  ///< a logarithmic counter, 0 to 255, of a server that evicts by LFU
};

struct store_inspection {
  std::vector<server_inspection> servers;
  std::vector<inspected_value> values;
};

/// A store that may be unreachable, and reports it.
class network_store : public store {
 public:
  /// What is known now; sends no request.
  virtual store_health health() const = 0;

  /// How many values of the name space are sealed with which key of a ring, by the keys' ids; 0: with none.
  /// Errors: timeout, store_unavailable.   Cost: O(all values), in bounded batches; reads each of them
  virtual task<result<std::map<std::uint32_t, std::uint64_t>>> count_keys() = 0;

  /// What the servers say of themselves, and about `most_values` values of the name space. Also works with
  /// servers that are reached and not fit for a store. Errors: timeout, store_unavailable
  virtual task<result<store_inspection>> inspect(std::size_t most_values) = 0;
};

}  // namespace strata
