#pragma once
/// The processes of a simulation, and their steps, one at a time.
/// Threads: one.

#include "core/function_ref.hpp"
#include "tests/contract/abandonable.hpp"
#include "tests/simulator/log.hpp"
#include "tests/simulator/network.hpp"
#include "tests/simulator/oracle.hpp"
#include "tests/simulator/plan.hpp"
#include "tests/simulator/schedule.hpp"

#include <strata/cache.hpp>

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace strata::simulator {

/// One process: a cache, its threads, its timers and its connection.
struct sim_process {
  sim_process(unsigned number, network* over, const plan& of, const clock& time, oracle& told,
              std::uint64_t seed);

  unsigned number;
  bool dead = false;
  unsigned busy = 0;  ///< running operations
  process_clock time;
  posted_work front;
  posted_work background;
  picked_timers timer;
  std::shared_ptr<connection> link;
  std::unique_ptr<strata::cache> cache;
  std::list<test::abandonable> callers;  ///< one for each operation; those that have ended, too
};

class world {
 public:
  world(std::uint64_t seed, bool lines, tally& seen);
  ~world();

  /// Runs to the end, or until a guarantee is broken.
  void run();

  const std::optional<failure>& failed() const noexcept { return oracle_.failed(); }
  step_number steps() const noexcept { return step_; }
  const event_log& log() const noexcept { return log_; }

 private:
  struct source_call;
  struct batch_call;
  class running_operation;
  class running_fetches;
  enum class read_kind { get, get_or_set, refresh };

  // The steps.
  void step();
  void settle();
  bool quiet() const;
  void run_work();
  void run_network();
  void tell_push();
  void run_turn();
  void fire_timer();
  void pass_time(bool to_next);
  void reconnect();
  void begin_operation();
  void relay();
  void write_source(unsigned key, bool present);
  void misfortune();
  void drop_caller();
  void bury(sim_process& which);
  std::unique_ptr<sim_process> make_process();
  fate draw_fate(const request& of);
  sim_process& one_that(function_ref<bool(const sim_process&)> has);

  // The workload.
  void begin(sim_process& in, task<> work);
  static test::abandonable run(sim_process& in, task<> work);
  task<> read(sim_process& in, unsigned key, read_kind kind);
  task<> look_again(sim_process& in, unsigned key);
  task<> read_many(sim_process& in, std::vector<unsigned> keys, bool fill);
  task<> invalidate(sim_process& in, unsigned key, unsigned kind);
  task<> expire(sim_process& in, unsigned key, unsigned kind);
  task<> set(sim_process& in, std::vector<unsigned> keys);
  std::vector<unsigned> some_keys(unsigned or_this);
  task<> write(sim_process& in, unsigned key);
  task<> touch(sim_process& in, unsigned key);
  std::string value_of(fetch_number number, unsigned key);
  std::vector<unsigned> covered_by(std::uint32_t bucket) const;
  turns::awaiter turn(const sim_process& in);

  chance random_;
  chance drops_;  ///< of its own, so that a seed without drops takes the same steps as ever
  plan plan_;
  testing::manual_clock time_;
  step_number step_ = 0;
  event_log log_;
  tally& seen_;
  oracle oracle_;
  network network_;
  turns turns_;
  std::uint64_t seed_;
  std::vector<std::unique_ptr<sim_process>> processes_;
  unsigned next_process_ = 0;
  unsigned begun_ = 0;
  bool ending_ = false;  ///< no more faults

  /// Changes of the source that the relay has seen and not published yet.
  struct poll {
    std::set<unsigned> keys;
    time_point at;
    step_number step;
  };
  std::set<unsigned> changed_;  ///< keys whose change the relay has not seen
  std::optional<poll> polled_;
};

}  // namespace strata::simulator
