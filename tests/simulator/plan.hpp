#pragma once
/// What one simulation is made of, all of it drawn from its seed.
/// Threads: one.

#include "tests/simulator/oracle.hpp"

#include <strata/cache.hpp>

#include <vector>

namespace strata::simulator {

struct plan {
  explicit plan(chance& random);

  bool second_level;
  bool relayed;    ///< somebody tells the store of every change of the source, some time after it
  duration trust;  ///< for so long after what was told last, in a relayed process
  unsigned processes;
  unsigned sessions;    ///< in each process, one operation at a time each
  unsigned operations;  ///< of the workload, all in all
  std::vector<sim_key> keys;

  duration lease;
  byte_size memory;
  byte_size server_budget;
  unsigned factory_limit;
  std::size_t padding;  ///< of the values, at most

  // In a hundred.
  unsigned store_faults;    ///< requests that fail somehow
  unsigned source_faults;   ///< factories that fail
  unsigned slow_sources;    ///< factories that take long
  unsigned aborted_writes;  ///< transactions that roll back, or end with their ticket

  // In ten thousand steps.
  unsigned connection_losses;
  unsigned restarts;  ///< of the store, empty
  unsigned crashes;   ///< of a process

  // How often each kind of step is picked, if there is one.
  unsigned work_weight;
  unsigned network_weight;
  unsigned push_weight;
  unsigned source_weight;
  unsigned time_weight;
  unsigned begin_weight;
  unsigned relay_weight;
  unsigned relay_lag;  ///< steps between what it sees and what it tells, at least
};

}  // namespace strata::simulator
