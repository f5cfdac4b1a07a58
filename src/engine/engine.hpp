#pragma once
/// The engine under `cache`: type-erased values over memory (L1) and a store (L2). It wires the parts that do
/// the work, and owns what they share.
/// Threads: internally synchronised; every member may be called from any thread.
///
/// A read looks in memory (first_level::find, no coroutine). On a miss the first caller leads a flight: it
/// asks L2 (l2_reader), then runs the factory (factory_runner), and commits its result (fill_committer).
/// Followers wait (fill_pipeline). With timeouts in the policy the flight runs in the background, and its
/// leader waits too. freshness.hpp decides for all of them which record may answer a read.
///
/// Every value has an *asof* on the commit clock: this process's counter, or the store's if there is one. An
/// invalidation (invalidator) takes a new time from it and makes it the floor of a key, tag or prefix. Older
/// values are refused on their way in by the admission (keys), and on their way out by the floors (tags,
/// prefixes). With a store it does so twice: with a time of this process before the store is asked, and with
/// the store's own floor after.
///
/// A record is *fresh*, then for the policy's stale window *stale*, then gone. Removing makes it
/// gone, expiring makes it stale.

#include "engine/batch_pipeline.hpp"
#include "engine/explainer.hpp"
#include "engine/factory_runner.hpp"
#include "engine/fail_safe.hpp"
#include "engine/fill_committer.hpp"
#include "engine/fill_pipeline.hpp"
#include "engine/first_level.hpp"
#include "engine/invalidator.hpp"
#include "engine/taker.hpp"
#include "engine/token_translator.hpp"
#include "engine/write_pipeline.hpp"

#include <strata/cache.hpp>

#include <memory>
#include <span>
#include <vector>

namespace strata::detail {

class engine final : public std::enable_shared_from_this<engine> {
 public:
  /// Throws bad_options.
  explicit engine(cache_options options);
  /// Begins to serve: connects to the store, and starts maintenance. Requires: owned by a shared_ptr.
  void open();
  /// Stops both. Work in the background goes on and keeps the engine alive.
  void close() noexcept;

  executor& background() const noexcept { return *state_.options.background; }
  bool has_second_level() const noexcept { return state_.has_second_level(); }
  any_lookup find(const any_key& target) noexcept { return memory_.find(target); }
  /// `missed`, counted as a read that ended without a value.
  any_lookup missed(const any_key& target, any_lookup missed) noexcept {
    return reports_.missed(target, std::move(missed));
  }

  l2_reader& l2() noexcept { return l2_; }
  fill_pipeline& fills() noexcept { return fills_; }
  batch_pipeline& batches() noexcept { return batches_; }
  write_pipeline& writes() noexcept { return writes_; }
  invalidator& invalidations() noexcept { return invalidations_; }
  taker& takes() noexcept { return takes_; }

  /// Whether reads and writes use the cache. Turning it off empties memory.
  void enable(bool on);
  bool enabled() const noexcept { return state_.enabled.load(std::memory_order_relaxed); }

  consistency_token latest_write() const noexcept;
  commit_time required_asof(const consistency_token& token);
  task<explanation> explain(key key) { return explains_.explain(std::move(key)); }
  std::vector<value_count> preview(const invalidation& what, const std::vector<std::string>& globs) {
    return explains_.preview(what, globs);
  }
  cache_stats stats() const;

  void maintain() { state_.memory.sweep(state_.now()); }
  /// Throws bad_options.
  void resize(byte_size memory);
  void stop_filling() noexcept { factories_.close(); }

 private:
  /// Sets the timer of the next maintenance. Each maintenance sets it again, until close.
  void maintain_later() STRATA_REQUIRES(maintenance_);
  void maintenance_due(time_point due);
  void run_maintenance();

  engine_state state_;
  read_reporter reports_{state_};
  record_builder records_{state_.options, state_.clock, state_.floors, state_.random};
  first_level memory_{state_, reports_};
  fail_safe fallback_{state_, memory_, reports_};
  factory_runner factories_{state_.options, state_.clock, state_.admission, state_.counters, records_};
  l2_reader l2_{state_, memory_, reports_, records_};
  invalidator invalidations_{state_, memory_};
  fill_committer commits_{state_, memory_, records_, invalidations_};
  fill_pipeline fills_;
  batch_pipeline batches_;
  write_pipeline writes_{state_, memory_, records_, invalidations_};
  taker takes_{state_, memory_, reports_, records_, invalidations_};
  token_translator tokens_;
  explainer explains_{state_, memory_, records_};
  mutex maintenance_;  ///< close waits for it, so that no clock is read afterwards
  bool open_ STRATA_GUARDED_BY(maintenance_) = false;
};

}  // namespace strata::detail
