#pragma once
/// The engine under `cache`: bytes and type-erased values, over memory (L1) and a store (L2).
/// Threads: internally synchronised; every member from any thread.
///
/// A read looks in memory (`find`, no coroutine). On a miss the first caller leads a flight: it
/// asks L2, then runs the factory, and passes what came of it through the gate. Followers wait.
/// With timeouts in the policy the flight runs in the background and its leader, too, only waits.
///
/// Every value has an *asof* on the commit clock: this process's counter, or the store's if there is
/// one. An invalidation takes a new time from it and makes that the floor of a key, tag or prefix.
/// Values below are refused on their way in by the gate (keys) and on their way out by the floors
/// (tags, prefixes). With a store it does so twice: by a time of this process before the store is
/// told, and by the store's own floor after it.
///
/// A record is *fresh*, then for the policy's stale window *stale*, then gone. Removing makes it
/// gone, expiring makes it stale.

#include "engine/bulkhead.hpp"
#include "engine/commit_clock.hpp"
#include "engine/counters.hpp"
#include "engine/departures.hpp"
#include "engine/door.hpp"
#include "engine/floors.hpp"
#include "engine/gate.hpp"
#include "engine/marks.hpp"
#include "engine/record.hpp"
#include "engine/second_level.hpp"
#include "engine/unkept_reads.hpp"
#include "memory/table.hpp"

#include <strata/cache.hpp>

#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace strata::detail {

/// What a read is told that needs a factory after `stop_filling`.
inline constexpr const char* no_more_factories = "the cache calls no factory any more (stop_filling)";

class engine final : public store_observer, public std::enable_shared_from_this<engine> {
 public:
  /// Throws bad_options.
  explicit engine(cache_options options);
  /// Begins the dealings with the store. Requires: owned by a shared_ptr.
  void open();
  /// Ends them. What runs in the background goes on and keeps the engine.
  void close() noexcept;

  bool has_second_level() const noexcept { return static_cast<bool>(second_); }

  /// Memory only. `info.from` is none on a miss, and `info.reason` says why.
  any_lookup find(const any_key& where) noexcept;
  /// `missed`, counted as a read that ended without a value.
  any_lookup give_up(const any_key& where, any_lookup missed) noexcept;

  task<any_lookup> get(any_key where);
  task<any_lookup> fill(any_key where, any_factory factory, miss_reason reason, bool force);
  void refresh_behind(const any_key& where, any_factory factory);
  task<std::vector<any_lookup>> get_many(std::span<const any_key> keys);
  task<std::vector<any_lookup>> fill_many(std::span<const any_key> keys, any_batch_factory factory);

  /// A lease of L2, granted at a time of the commit clock, and released when destroyed: nobody is to wait for
  /// a fill that will not come.
  class held_lease {
   public:
    held_lease() = default;
    held_lease(std::shared_ptr<engine> owner, std::string name, lease_grant right)
        : owner_(std::move(owner)),
          name_(std::move(name)),
          token_(right.lease),
          granted_at_(right.granted_at) {}
    held_lease(held_lease&& other) noexcept
        : owner_(std::move(other.owner_)),
          name_(std::move(other.name_)),
          token_(std::exchange(other.token_, 0)),
          granted_at_(other.granted_at_) {}
    held_lease& operator=(held_lease&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(name_, other.name_);
      std::swap(token_, other.token_);
      std::swap(granted_at_, other.granted_at_);
      return *this;
    }
    ~held_lease();

    explicit operator bool() const noexcept { return token_ != 0; }
    /// For a fill.
    lease_token token() const noexcept { return token_; }
    /// A fill has ended it.
    void spent() noexcept { token_ = 0; }
    /// What its holder reads from the source from now on is as of this time.
    commit_time granted_at() const noexcept { return granted_at_; }

   private:
    std::shared_ptr<engine> owner_;
    std::string name_;
    lease_token token_ = 0;
    commit_time granted_at_ = 0;
  };

  /// A writer's right: taken before its COMMIT.
  struct write {
    gate::ticket held;
    commit_time began = 0;
    time_point since{};     ///< the value was not known before
    commit_time known = 0;  ///< what was invalidated after this takes the value along
    held_lease lease;
    bool overtaken = false;  ///< another process has changed the key since the value was known
  };
  /// `known_now`: the value is known already; else it is read, or written, once the right is there.
  task<write> begin_write(key where, bool known_now);
  /// Invalidates `where` in place of a write whose outcome nobody told.
  static void give_up_write(std::shared_ptr<engine> self, key where);
  task<bool> finish_write(write right, any_key where, any_value value);
  /// Writes of values that are known, in one round trip a node and step. Returns how many were stored.
  task<std::size_t> set_many(std::span<const any_key> keys, std::vector<any_value> values);
  /// Removes what is under the key of a write that L2 does not hold. Returns the floor.
  task<commit_time> drop_in_second_level(const key& where, commit_time floor);

  task<> remove(std::vector<key> keys);
  task<> expire(key where);
  /// Raises the floors of tags, prefixes, or (floor_table::root) of everything; to a time of its own.
  task<> raise(std::vector<floor_entry> floors);
  task<> remove_matching(std::string glob);
  task<> clear();
  task<bool> touch(key where, duration ttl);
  consistency_token latest_write() const noexcept;
  commit_time required_asof(const consistency_token& mark);

  task<explanation> explain(key where);
  cache_stats stats() const;
  void maintain();
  void resize(byte_size memory);
  void stop_filling() noexcept { factories_.close(); }

  void changed(std::string_view l2_key) override;
  void floor_raised(floor_entry floor) override;
  void lost(bool may_have_forgotten) override;
  void trust_until(time_point until, time_point source_watermark) noexcept override;

 private:
  /// A read on its way to its source. Owns all it needs, since it may outlive its caller.
  struct job {
    key where;
    std::shared_ptr<const policy> rules;
    cache_type type;
    const value_type* value;
    any_factory factory;
    miss_reason reason;
    bool force = false;  ///< run the factory though a fresh value is there
    record_ptr stale{};  ///< what may be served if the source fails
    commit_time least = 0;

    any_key view() const { return {where, rules, type, value, least}; }
  };

  /// How a record stands at a time.
  enum class state : std::uint8_t { fresh, stale, gone };
  struct judgement {
    state is;
    miss_reason why;
    time_point since{};  ///< when it ceased to be fresh, of what is stale
  };

  /// A value on its way in: what a factory made, or L2 had.
  struct made {
    record_ptr entry;
    bool keep = true;
    miss_reason why_not = miss_reason::bypassed;  ///< why it is not to be kept
  };
  /// What became of it.
  struct placed {
    bool stored = false;
    bool usable = false;  ///< nothing was invalidated since it was read: followers may have it
    miss_reason reason = miss_reason::none;  ///< why it was not stored
  };
  /// One that is on its way in.
  struct placing {
    made what;
    placed out{};
    std::optional<second_level::filling> fill{};  ///< what L2 is to be given
    bool refused = false;
  };
  /// What L2 said before a factory runs.
  struct asked {
    record_ptr entry{};  ///< fresh
    record_ptr stale{};
    held_lease lease{};
    bool up = false;    ///< L2 answered
    bool busy = false;  ///< another process is filling
    miss_reason reason = miss_reason::none;
  };

  time_point now() const noexcept { return options_.time->now(); }
  double random() noexcept;

  /// Whether `entry` may be older than what a reader has been given that was not kept. `told`: what was
  /// told when it was looked for.
  bool may_be_behind(const key& where, const record& entry, time_point told) const noexcept {
    return told_ever() && unkept_.may_be_newer(where.hash(), entry.began, told);
  }
  bool told_ever() const noexcept { return second_.source_watermark() != time_point::min(); }
  std::string l2_key(const key& where) const { return options_.name_space + ':' + where.text(); }
  record_ptr peek(const key& where) const;
  judgement judge(const any_key& where, const record& entry, time_point at) const noexcept {
    return judge(where, entry, at, second_.source_watermark());
  }
  judgement judge(const any_key& where, const record& entry, time_point at, time_point told) const noexcept;
  bool coherent(time_point at) const noexcept { return at < second_.trusted_until(); }
  /// Whether now is before `end`, though `at` may be late by as much as a coarse clock is.
  bool surely_before(time_point end, time_point at) const noexcept;
  bool refresh_due(const any_key& where, const record& entry, time_point at, bool stale) noexcept;
  any_lookup hit(const any_key& where, record_ptr entry, layer from, time_point at) noexcept;
  static any_lookup lookup_of(const record_ptr& entry, read_info info, time_point at);
  static any_lookup failed(error what, miss_reason reason);
  void count_miss(const any_key& where, miss_reason why) noexcept;
  void count_stale(const any_key& where) noexcept;

  /// How long a value's source took; `began` is when it was asked, or its value was known.
  struct reading {
    time_point began;
    duration took{};
  };
  record_ptr make_record(const any_key& where, any_value value, const fill_context& context, reading source);
  record_ptr renewed(const record& old, const any_key& where, const fill_context& context, reading source);
  void give_life(record& entry, const policy& rules, std::optional<duration> ttl);
  /// The record in `stored`, fresh or stale, or why it cannot be served.
  std::expected<record_ptr, miss_reason> decode(const any_key& where, const stored_value& stored);
  std::string encode(const any_key& where, const record& entry) const;
  /// False for what may not leave this process: sensitive, and there is nothing to encrypt it with.
  bool may_share(const any_key& where) const noexcept;
  static bool too_large(const any_key& where, const record& entry, std::size_t encoded) noexcept;

  /// Puts `entry` in memory unless a newer one is there. Runs under the gate's lock.
  void keep(const key& where, const record_ptr& entry);
  gate::verdict admit(const gate::ticket& held, const key& where, const record_ptr& entry, bool store);
  /// The stale record of `where` that fail-safe may serve now, or null.
  record_ptr standby(const any_key& where) const;
  /// The standby as the answer of a read, if there is one.
  std::optional<any_lookup> stand_in(const any_key& where);

  struct waited {
    any_lookup out;
    bool again = false;  ///< to join another flight
  };
  task<waited> wait_for(const any_key& where, std::shared_ptr<flight> way, bool leads, bool began_after);
  /// Leads `flight` to its end and lands it, whatever happens.
  task<> fly(job& work, gate::joined& flight);
  static task<> fly_owned(std::shared_ptr<engine> self, std::unique_ptr<job> work, gate::joined flight);
  /// Leads `flight` in the background.
  void launch(std::unique_ptr<job> work, gate::joined flight);
  task<asked> ask(const job& work);
  /// `told`: as it was when L2 was asked.
  asked heard(const any_key& where, result<acquire_result> answer, time_point told);
  task<result<made>> run_factory(job& work, commit_time asof);
  task<placed> place(const any_key& where, const gate::ticket& held, made what, asked& second);
  placing begin_place(const any_key& where, made what, const asked& second);
  /// What became of its fill.
  void take_filled(const any_key& where, placing& value, asked& second, const result<fill_result>& filled);
  placed end_place(const any_key& where, const gate::ticket& held, placing value);
  static task<> release(std::shared_ptr<engine> self, std::string name, lease_token token);
  held_lease holding(const key& where, lease_grant right) {
    clock_.merge(right.granted_at);
    return {shared_from_this(), l2_key(where), right};
  }
  /// The time as of which a factory's value is true that begins now.
  commit_time asof_under(const held_lease& lease) const noexcept {
    return lease ? lease.granted_at() : clock_.now();
  }
  /// Serves the standby instead of a failure, if there is one. Returns whether it did.
  bool fall_back(const any_key& where, const gate::joined& flight, const record_ptr& stale,
                 miss_reason reason);
  task<any_lookup> load_unshared(job& work);
  any_lookup follow(const any_key& where, const flight& led, bool leads);
  /// Whether `led` brought what is older than `where` allows.
  static bool behind(const any_key& where, const flight& led) noexcept {
    const auto& brought = led.outcome.info;
    return brought.from != layer::none && brought.asof < where.least;
  }
  made finish_factory(const any_key& where, any_value value, const fill_context& context,
                      const record_ptr& previous, reading source);
  /// Followers may have a `usable` outcome, if their reads began while it was good.
  void land(const gate::joined& flight, any_lookup outcome, bool usable,
            time_point good_until = time_point::max());
  /// Whether a follower whose read began at `began` may have what `led` brought.
  static bool good_for(const flight& led, time_point began) noexcept {
    return led.usable && began <= led.good_until;
  }
  void note_failure(const any_key& where, const error& what);

  /// A write on its way in.
  struct writing {
    write right;
    any_key where;
    time_point started{};
    commit_time floor = 0;  ///< what was read before is below it
    record_ptr entry{};
    bool wanted = false;
    bool withheld = false;                        ///< may be kept, but not leave this process
    std::optional<second_level::filling> fill{};  ///< what L2 is to be given
    bool in_second_level = false;
  };
  write enter_write(const key& where);
  void take_right(write& of, const key& where, const result<lease_grant>& lease, bool known_now);
  task<std::vector<write>> begin_writes(std::vector<key> keys);
  writing ready_write(write right, const any_key& where, any_value value);
  static void take_filled(writing& value, const result<fill_result>& filled);
  task<bool> end_write(writing value);

  struct batch;
  task<> lead_batch(batch& work, any_batch_factory& factory);
  task<> fill_batch(batch& work, any_batch_factory& factory);
  task<> settle_batch(batch& work, std::vector<any_value> values, const fill_context& context);
  void fail_batch(batch& work, const std::shared_ptr<const error>& failure, std::exception_ptr thrown);

  /// Raises a floor here, and then in L2 and here to what L2 made of it.
  task<> raise_to(std::vector<floor_entry> floors);
  void note_gone(std::string_view text, std::uint64_t hash, memory::gone why);
  void forget(const key& where, commit_time floor, miss_reason why);
  /// As the time an invalidation has that has no number: older than whatever is there.
  static constexpr commit_time whatever_is_there = last_commit_time;
  void make_stale(const key& where, commit_time floor, commit_time older_than);
  void forget_matching(const std::string& glob, commit_time floor);
  /// L2 could not be told of an invalidation: voids what is being read from it for `where`.
  void forget_untold(const key& where);
  /// The change that `flight` waits for, as long as we would be told of it. Returns whether it came.
  task<bool> change_told(std::shared_ptr<async_latch> change, time_point until);

  cache_options options_;
  commit_clock clock_;
  floor_table floors_;
  counters counters_;
  second_level second_;
  gate gate_;
  departures departures_;
  unkept_reads unkept_;
  memory::table memory_;
  bulkhead bulkhead_;
  door factories_;
  marks marks_;
  std::atomic<std::uint64_t> random_;
};

}  // namespace strata::detail
