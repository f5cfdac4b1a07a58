#pragma once
/// Checks the guarantees of the cache on every read and every factory call. It knows the full history of
/// the source and the notifications of each process, and nothing about the engine.
/// Threads: one.
///
/// Every factory call is a *fetch*, and its value carries the fetch's number, which shows when it was read
/// from the source. A *bound* means: no read that begins from now on may get a value that was read before
/// it. docs/simulator.md explains where bounds come from.

#include "tests/simulator/log.hpp"
#include "tests/simulator/network.hpp"

#include <strata/cache.hpp>

#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::simulator {

/// A broken guarantee: its name and the details.
struct failure {
  step_number step = 0;
  std::string rule;
  unsigned key = every_key;
  std::string how;
  friend bool operator==(const failure&, const failure&) = default;
};

using op_number = std::size_t;
using fetch_number = std::size_t;

struct bound {
  step_number step = 0;
  op_number by = 0;

  void raise(bound to) noexcept {
    if (to.step > step) *this = to;
  }
};

/// A key of the simulation, and the tags and prefixes that invalidate it.
struct sim_key {
  typed_key<std::string> where;
  std::string stored;  ///< its name in the store
  std::set<std::uint32_t> buckets;
};

/// One operation of the workload.
struct operation_record {
  unsigned process;
  step_number began;
  time_point at;
  std::optional<step_number> ended{};
  std::optional<time_point> ended_at{};
};

/// The path of one value from the source.
struct fetch_record {
  unsigned process;
  unsigned key;
  op_number op;
  step_number began;
  step_number read = 0;
  bool unshared = false;  ///< led no flight
  bool behind = false;    ///< another fetch of the key has ended since it began: later reads do not join it
  bool unleased = false;  ///< its process had asked the store, and did not have the key's lease
  bool done = false;      ///< reads may return its value
  bool skipped = false;   ///< … but only reads that waited for it
  bool set = false;       ///< not fetched, but passed to `set`
  bool open = false;      ///< its life begins at some time before its operation ends
  time_point created = time_point::max();
  duration life{};
};

/// The state at the start of a read.
struct read_start {
  bound hard;
  bound soft;
  commit_time asof = 0;
  step_number fetched = 0;
  step_number seen = 0;
  step_number refreshed = 0;
  time_point at{};
  time_point waiting_since{};  ///< the earliest start of a flight that it may follow
  unsigned disturbances = 0;
};

/// The coverage of simulations: one that never served a stale value proves nothing about stale values.
struct tally {
  std::map<std::string, std::uint64_t, std::less<>> counts;
  void operator()(std::string_view what) {
    const auto at = counts.find(what);
    if (at == counts.end()) {
      counts.emplace(what, 1);
    } else {
      ++at->second;
    }
  }
};

class oracle final : public network_listener {
 public:
  /// `limited`: factories may be refused because too many run. `trust`: a relay publishes every change of
  /// the source, and a process trusts its values for this long after the last publication.
  oracle(const std::vector<sim_key>& keys, const clock& time, const step_number& step, duration lease,
         bool limited, std::optional<duration> trust, event_log& log, tally& seen);

  /// The first broken guarantee.
  const std::optional<failure>& failed() const noexcept { return failed_; }
  /// Nothing remains that could end an operation of `process`.
  void hangs(unsigned process) {
    broken("every operation ends", process, 0, "an operation waits for nothing");
  }

  /// A new process starts; the bounds of the store apply to it.
  void starts(unsigned process, bool second_level);

  /// The process serves from the store, or does not: a reply is missing, or a recovery is needed.
  void serves(unsigned process, bool does);

  op_number begins(unsigned process);
  void ends(op_number op);
  const operation_record& operation(op_number op) const { return operations_[op]; }

  // The source.
  void write(unsigned key, bool present);
  bool present(unsigned key) const { return !history_[key].empty() && history_[key].back().second; }

  // Invalidations: `binds` when the call begins, `bound_by` when it has returned. Invalidating a key voids
  // the key's flight; invalidating a tag or prefix does not.
  void binds(op_number op, unsigned key, bool soft, bool voids);
  void bound_by(op_number op, unsigned key, bool soft, bool voids);
  /// A write has stored a value as of the source's `committed`.
  void bound_by_write(op_number op, unsigned key, step_number committed);
  /// A write voids the flights of its key at some time while it runs.
  void writing(unsigned process, unsigned key, bool begins);
  /// A write may store absence until it ends; the entry may last for `life`.
  void absence(unsigned key, bool begins, duration life);
  void touching(unsigned key, bool begins, duration ttl);
  /// A refresh begins or ends: whenever it joins a flight, it detaches one that is no refresh.
  void refreshing(unsigned process, unsigned key) { disturb(process, key, true); }
  /// `set` has stored its value, which is fresh for `life` at least, unless something replaces it.
  void kept(op_number op, unsigned key, duration life);

  // Factories.
  /// A `batch` waits for no lease, and loads for itself, beside others, a key that a flight refused to it.
  fetch_number fetch(unsigned process, unsigned key, op_number op, const read_start& start, bool batch);
  void fetch_reads(fetch_number which) { fetches_[which].read = step_; }
  void fetch_ends(fetch_number which, bool done, bool present, duration life);
  /// A caller of the process was dropped. If it was invalidating, the cache finishes that at this moment.
  void caller_dropped(unsigned process);
  /// Its task is gone, whether it has ended or was dropped.
  void fetch_gone(fetch_number which) {
    std::erase(at(fetches_[which].process, fetches_[which].key).running, which);
  }
  fetch_number given(unsigned process, unsigned key, op_number op, step_number committed, duration life);
  fetch_record& fetched(fetch_number which) { return fetches_[which]; }

  // Reads.
  /// `in_flight`: the process has flights of any key.
  read_start read_begins(unsigned process, unsigned key, bool in_flight);
  void read_ends(unsigned process, unsigned key, op_number op, const read_start& start,
                 const lookup<std::string>& answer, bool refresh = false);
  void read_throws(unsigned process, std::span<const unsigned> keys, op_number op, const std::string& what);

  // The network.
  std::uint64_t sent(const subject& what) override;
  void unsent(unsigned process) override;
  std::uint64_t executing(const subject& what) override;
  void executed(const subject& what, std::span<const lease_token> leases,
                std::span<const fill_result> filled) override;
  void answered(const subject& what, const std::optional<error>& failure) override;
  void told(unsigned process, const push& what) override;
  void told_lost(unsigned process) override;

  /// The write for which leases are forced now.
  std::optional<op_number> forcing;

 private:
  struct claim {
    unsigned key;
    bound at;
    bool soft;
    bool floor;  ///< of a tag or prefix
    bool write = false;
  };
  /// The state of one key in one process.
  struct view {
    bound begun_hard;  ///< from this process's invalidations
    bound begun_soft;
    bound hard;  ///< the bound for its reads
    bound soft;
    commit_time asof = 0;       ///< the latest asof that it has seen and kept
    step_number fetched = 0;    ///< when that value was read from the source
    step_number seen = 0;       ///< the latest source read that was returned as fresh
    step_number refreshed = 0;  ///< when the latest refresh that returned what its source has began
    op_number kept_by = 0;      ///< the `set` whose value must be there
    time_point kept_until{};
    step_number voided = 0;     ///< when a flight may last have been detached
    unsigned disturbances = 0;  ///< how often a flight may have been refused
    unsigned writing = 0;
    unsigned invalidating = 0;  ///< requests without a reply; callers give up on them at some time
    std::set<lease_token> leases;
    step_number store_failed = 0;
    step_number floor_unheard = 0;  ///< the reply to its raised floor is missing
    step_number factory_failed = 0;
    std::optional<time_point> trouble;
    std::optional<time_point> waiting_since;  ///< for a flight, if there is one
    std::vector<fetch_number> running;
  };
  struct process_view {
    bool second_level = false;
    step_number unsent = 0;
    bool serves = false;
    step_number out_of_step = 0;  ///< when it last did not serve from the store
    time_point trusts_until = time_point::max();
    step_number trusts_since = 0;
    std::vector<view> keys;
  };
  /// The bounds of a key in the store.
  struct stored_view {
    bound hard;        ///< by key
    bound hard_floor;  ///< by tag or prefix
    bound soft;
    bound soft_floor;
    bound written;  ///< by `set` and the like; in other processes the old value may still stand in
  };

  view& at(unsigned process, unsigned key) { return processes_[process].keys[key]; }
  const view& at(unsigned process, unsigned key) const { return processes_[process].keys[key]; }
  std::optional<unsigned> key_of(std::string_view stored) const;
  void disturb(unsigned process, unsigned key, bool voids);
  void check_value(unsigned process, unsigned key, op_number op, const read_start& start,
                   const lookup<std::string>& answer);
  void check_stale(unsigned process, unsigned key, const read_start& start, time_point fresh_end);
  void check_order(unsigned process, unsigned key, op_number op, const read_start& start,
                   const lookup<std::string>& answer);
  void check_seen(unsigned process, unsigned key, op_number op, const read_start& start,
                  const lookup<std::string>& answer);
  void check_absent(unsigned process, unsigned key, const read_start& start, bool stale);
  void check_failure(unsigned process, unsigned key, op_number op, const std::string& what);
  void apply(unsigned process, const claim& what);
  bool excused(const fetch_record& given, const bound& by) const;
  void broken(std::string_view rule, unsigned process, unsigned key, const std::string& how);

  const std::vector<sim_key>& keys_;
  const clock& time_;
  const step_number& step_;
  duration lease_;
  bool limited_;
  std::optional<duration> trust_;
  event_log& log_;
  tally& seen_;

  std::optional<failure> failed_;
  std::vector<operation_record> operations_{{}};
  std::vector<fetch_record> fetches_{{}};
  std::vector<std::vector<std::pair<step_number, bool>>> history_;
  std::vector<process_view> processes_;
  std::vector<stored_view> stored_;
  std::vector<std::vector<claim>> notes_{{}};
  std::map<std::uint64_t, lease_token> granted_;                      ///< by request
  std::map<std::uint64_t, op_number> forced_;                         ///< by request
  std::map<std::pair<unsigned, lease_token>, op_number> written_by_;  ///< by key and forced lease
  std::map<op_number, step_number> committed_;                        ///< by write
  std::vector<unsigned> touching_;
  std::vector<duration> touch_ttl_;
  std::vector<time_point> touched_until_;
  std::vector<time_point> absent_until_;
  std::vector<unsigned> absences_;
};

}  // namespace strata::simulator
