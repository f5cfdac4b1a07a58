#pragma once
/// The engine under `cache`: bytes and type-erased values, over memory (L1) and a store (L2).
/// Threads: internally synchronised; every member from any thread.
///
/// A read looks in memory (`find`, no coroutine). On a miss the first caller leads a flight: it
/// asks L2, then runs the factory, and passes what came of it through the gate. Followers wait.
///
/// Every value has an *asof* on the commit clock, a counter of this process. An invalidation takes
/// a new time from it and makes that the floor of a key, tag or prefix. Values below are refused
/// on their way in by the gate (keys) and on their way out by the floors (tags, prefixes).

#include "engine/counters.hpp"
#include "engine/departures.hpp"
#include "engine/floors.hpp"
#include "engine/gate.hpp"
#include "engine/record.hpp"
#include "memory/table.hpp"

#include <strata/cache.hpp>

#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace strata::detail {

class engine final : public store_observer {
 public:
  /// Throws bad_options.
  explicit engine(cache_options options);
  ~engine() override;

  bool has_second_level() const noexcept { return options_.second_level != nullptr; }

  /// Memory only. `info.from` is none on a miss, and `info.reason` says why.
  any_lookup find(const any_key& where) noexcept;
  /// `missed`, counted as a read that ended without a value.
  any_lookup give_up(const any_key& where, any_lookup missed) noexcept;

  task<any_lookup> get(any_key where);
  task<any_lookup> fill(any_key where, any_factory factory, miss_reason reason);
  task<std::vector<any_lookup>> get_many(std::span<const any_key> keys);
  task<std::vector<any_lookup>> fill_many(std::span<const any_key> keys, any_batch_factory factory);

  /// A writer's right: taken before its COMMIT.
  struct write {
    gate::ticket held;
    commit_time began = 0;
    lease_token lease = 0;
  };
  task<write> begin_write(key where);
  task<bool> finish_write(write right, any_key where, any_value value);

  task<> remove(std::vector<key> keys);
  task<> raise(std::uint32_t bucket);
  task<> remove_matching(std::string glob);
  task<> clear();
  task<bool> touch(key where, duration ttl);
  task<explanation> explain(key where);
  cache_stats stats() const;
  void maintain();

  void changed(std::string_view l2_key) override;
  void floor_raised(floor_entry floor) override;
  void lost() override;

 private:
  /// A value on its way in: what a factory made, or L2 had.
  struct made {
    record_ptr entry;
    bool keep = true;
  };
  /// What became of it.
  struct placed {
    bool stored = false;
    bool usable = false;  ///< nothing was invalidated since it was read: followers may have it
    miss_reason reason = miss_reason::none;  ///< why it was not stored
  };
  /// What L2 said before a factory runs.
  struct asked {
    record_ptr entry;
    lease_token lease = 0;
    bool usable = false;  ///< L2 answered, so a fill may be tried
    miss_reason reason = miss_reason::none;
  };

  time_point now() const noexcept { return options_.time->now(); }
  commit_time tick() noexcept { return commit_clock().fetch_add(1) + 1; }
  static std::atomic<commit_time>& commit_clock() noexcept;

  std::string l2_key(const key& where) const { return options_.name_space + ':' + where.text(); }
  template <class T>
  bool answered(const result<T>& from_l2) noexcept {
    counters_.l2_round_trip(!from_l2.has_value());
    return from_l2.has_value();
  }

  record_ptr peek(const key& where) const;
  any_lookup hit(const any_key& where, record_ptr entry, layer from, time_point at) noexcept;
  static any_lookup source_lookup(const record_ptr& entry, read_info info, time_point at);
  static any_lookup failed(error what, miss_reason reason);

  record_ptr make_record(const any_key& where, any_value value, commit_time asof, std::optional<duration> ttl,
                         std::vector<std::string> tags);
  /// The record in `stored`, or why it cannot be served.
  std::expected<record_ptr, miss_reason> decode(const any_key& where, const stored_value& stored);
  std::string encode(const record& entry) const;
  bool too_large(const any_key& where, const record& entry, std::size_t encoded) const noexcept;
  duration jittered(duration ttl, double jitter) noexcept;

  /// Puts `entry` in memory unless a newer one is there. Runs under the gate's lock.
  void keep(const key& where, const record_ptr& entry);
  gate::verdict admit(const gate::ticket& held, const key& where, const record_ptr& entry, bool store);

  task<any_lookup> lead(any_key where, gate::joined flight, any_factory& factory, miss_reason reason);
  task<asked> ask_second_level(const any_key& where);
  asked judge(const any_key& where, result<acquired> answer);
  task<placed> place(const any_key& where, const gate::ticket& held, made what, const asked& second);
  task<any_lookup> load_unshared(any_key where, any_factory& factory);
  any_lookup follow(const any_key& where, const flight& led);
  made finish_factory(const any_key& where, any_value value, fill_context context);
  void land(const gate::joined& flight, const record_ptr& entry, read_info info, bool usable);

  struct batch;
  task<> lead_batch(batch& work, any_batch_factory& factory);
  task<> fill_batch(batch& work, any_batch_factory& factory);

  task<> load_floors();
  void forget(const key& where, commit_time floor, miss_reason why);

  cache_options options_;
  gate gate_;
  floor_table floors_;
  departures departures_;
  counters counters_;
  memory::table memory_;
  std::atomic<std::uint64_t> random_;
};

}  // namespace strata::detail
