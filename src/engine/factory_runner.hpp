#pragma once
/// Runs factories: within the bulkhead's limit, until the engine stops filling, with a context each.
/// Threads: any. A factory runs where its awaiting task runs.

#include "engine/bulkhead.hpp"
#include "engine/counters.hpp"
#include "engine/drain_latch.hpp"
#include "engine/fill_admission.hpp"
#include "engine/record_builder.hpp"

#include <exception>
#include <span>
#include <vector>

namespace strata::detail {

/// What a factory threw, as an error.
error error_of(const std::exception_ptr& thrown);

/// A run of a factory that failed.
struct failed_run {
  bool refuses_stale = false;  ///< fill_settings::refuse_stale
  commit_time asof = 0;
  source_timing source{};
};

class factory_runner {
 public:
  /// Lifetime: all of them outlive it.
  factory_runner(const cache_options& options, const commit_clock& clock, fill_admission& admission,
                 counters& counters, record_builder& records)
      : options_(options),
        clock_(clock),
        admission_(admission),
        counters_(counters),
        records_(records),
        bulkhead_(options.factory_limit, options.factory_queue) {}

  /// Runs `factory` for `target`; `previous` is the record that it may confirm, or null. The result is as of
  /// `asof`, or of an earlier time that the factory gave.
  /// Errors:   busy (factory_limit, or after close()); what the factory returns. Rethrows what it throws.
  /// `failed` says more about a run that fails or throws. Lifetime: the arguments outlive the task.
  task<result<factory_result>> run(const any_key& target, any_factory& factory, const record_ptr& previous,
                                   commit_time asof, failed_run& failed);

  /// Runs `factory` once for the keys with the indices `missing`, and returns a result for each of these.
  /// The results are as of the time when the factory began, but no later than `asof`.
  /// Errors:   as `run`. Throws std::length_error if the factory returns another number of values.
  /// Lifetime: the arguments outlive the task.
  task<result<std::vector<factory_result>>> run_many(std::span<const any_key> keys,
                                                     std::span<const std::size_t> missing,
                                                     any_batch_factory& factory, commit_time asof,
                                                     failed_run& failed);

  /// Lets no further factory begin, and returns when those that run have ended. Idempotent.
  void close() noexcept { running_.close(); }

 private:
  /// `all` with what it says about the value at `index`.
  static fill_context context_of(const fill_context& all, std::size_t index);

  const cache_options& options_;
  const commit_clock& clock_;
  fill_admission& admission_;  ///< numbers the reads
  counters& counters_;
  record_builder& records_;
  bulkhead bulkhead_;
  drain_latch running_;
};

}  // namespace strata::detail
