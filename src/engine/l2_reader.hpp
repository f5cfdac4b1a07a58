#pragma once
/// Reads of L2: for callers without a factory, and before a factory runs.
/// Threads: any.

#include "engine/fill_lease.hpp"
#include "engine/first_level.hpp"
#include "engine/record_builder.hpp"

#include <span>
#include <vector>

namespace strata::detail {

/// What L2 answered before a factory runs.
struct l2_probe {
  record_ptr fresh{};
  record_ptr stale{};
  fill_lease lease{};        ///< the right to fill, if L2 granted it
  bool up = false;           ///< L2 answered every question
  bool busy = false;         ///< another process is filling
  bool held = false;         ///< L2 has a value, whatever its state
  bool replaces = false;     ///< … and it is fresh
  bool for_refresh = false;  ///< what is stored now must go, whether or not the new value is stored
  miss_reason reason = miss_reason::none;

  /// L2 has a value that cannot be served, and gave no lease for it.
  bool unfit() const noexcept { return up && !busy && !lease && fresh == nullptr; }
};

/// What a fill wants of L2.
enum class l2_wish : std::uint8_t {
  value,      ///< a fresh value, else the lease
  newer,      ///< a value newer than the one in memory, else the lease if it is free
  own_lease,  ///< the lease, though another process holds it or L2 has a value: as a writer
};

class l2_reader {
 public:
  /// Lifetime: all of them outlive it.
  l2_reader(engine_state& state, first_level& memory, read_reporter& reports,
            record_builder& records) noexcept
      : state_(state), memory_(memory), reports_(reports), records_(records) {}

  /// The value of `target` in L2, admitted to memory.
  task<any_lookup> get(any_key target);

  /// The values of `keys`, from memory and with one L2 call for the others. A stale value is a miss.
  /// Lifetime: `keys` outlive the task.
  task<std::vector<any_lookup>> get_many(std::span<const any_key> keys);

  /// Asks L2 for what `wish` says. `known`: the value in memory, or null. A fresh value that is to be
  /// replaced is returned as a stale one: it is the previous value, and may stand in.
  task<l2_probe> probe(any_key target, l2_wish wish, record_ptr known);

  /// Asks L2 for several keys, in one call. Lifetime: the arguments outlive the task.
  task<std::vector<l2_probe>> probe_many(std::span<const any_key> keys, std::span<const std::size_t> wanted);

  /// A value in L2 that cannot be served.
  struct unfit_value {
    std::size_t index;  ///< of its key
    l2_probe* found;
  };
  /// Asks for the right to replace each of `values`, at the same time, and notes the answers in their probes.
  /// Does not wait for leases of others. Lifetime: `keys` and the probes outlive the task.
  task<> take_leases(std::span<const any_key> keys, std::vector<unfit_value> values);

 private:
  /// `source_watermark` is from before L2 was asked.
  l2_probe read_probe(const any_key& target, result<acquire_result> answer, time_point source_watermark);
  /// The answer to a request for the lease of a value that is to be replaced.
  static void note_lease(l2_probe& into, result<fill_lease> lease);
  task<result<fill_lease>> take_lease(key key, bool force);
  /// What `stored` makes of the read `missed`.
  any_lookup take(const any_key& target, const fill_admission::ticket& held, const stored_value& stored,
                  time_point source_watermark, bool may_serve_stale, any_lookup missed);

  engine_state& state_;
  first_level& memory_;
  read_reporter& reports_;
  record_builder& records_;
};

}  // namespace strata::detail
