#pragma once
/// The parameters of one simulation, all drawn from its seed.
/// Threads: one.

#include "tests/simulator/oracle.hpp"

#include <strata/cache.hpp>

#include <vector>

namespace strata::simulator {

struct plan {
  explicit plan(chance& random);

  bool second_level;
  bool relayed;    ///< a relay publishes every change of the source to the store, some time later
  duration trust;  ///< how long a relayed process trusts its values after the last publication
  unsigned processes;
  unsigned sessions;    ///< in each process, one operation at a time each
  unsigned operations;  ///< operations of the workload in total
  std::vector<sim_key> keys;

  duration lease;
  byte_size memory;
  byte_size server_budget;
  unsigned factory_limit;
  std::size_t padding;  ///< maximum padding of the values

  // Per hundred.
  unsigned store_faults;    ///< requests that fail
  unsigned source_faults;   ///< factories that fail
  unsigned slow_sources;    ///< factories that are slow
  unsigned aborted_writes;  ///< transactions that roll back, or end with their ticket

  // Per ten thousand steps.
  unsigned connection_losses;
  unsigned restarts;      ///< the store restarts empty
  unsigned crashes;       ///< a process dies
  unsigned dead_holders;  ///< a lease is left behind by a process that has died
  unsigned drops = 0;     ///< the task of an operation is destroyed while it waits

  // How often each kind of step is picked, if one is possible.
  unsigned work_weight;
  unsigned network_weight;
  unsigned push_weight;
  unsigned source_weight;
  unsigned time_weight;
  unsigned begin_weight;
  unsigned relay_weight;
  unsigned relay_lag;  ///< minimum steps between seeing a change and publishing it
};

}  // namespace strata::simulator
