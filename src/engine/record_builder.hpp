#pragma once
/// Builds records: from the result of a factory, and from the bytes of L2. Its other direction is `encode`.
/// Threads: any; it holds no state of its own.

#include "core/entry_format.hpp"
#include "engine/commit_clock.hpp"
#include "engine/random_sequence.hpp"
#include "engine/record.hpp"

#include <strata/cache.hpp>

#include <expected>
#include <optional>
#include <string>

namespace strata::detail {

/// What a factory returned.
struct factory_result {
  record_ptr entry;
  bool keep = true;
  miss_reason why_not = miss_reason::bypassed;  ///< why it is not to be kept
  bool local_at_first = false;                  ///< not for L2 unless the key was filled before
  std::optional<error> refused{};               ///< the details, if why_not is unstorable
};

class record_builder {
 public:
  /// Lifetime: all of them outlive it.
  record_builder(const cache_options& options, commit_clock& clock, const floor_table& floors,
                 random_sequence& random)
      : options_(options), clock_(clock), floors_(floors), random_(random) {}

  /// A record of `value` (null: known not to exist), with a life by the policy or the context.
  record_ptr make(const any_key& target, any_value value, const fill_context& context, source_timing source);

  /// The record of a factory's value, or `previous` with a new life if the factory said that it is
  /// not modified. Also decides whether the policy and the context allow caching it.
  factory_result finish(const any_key& target, any_value value, const fill_context& context,
                        const record_ptr& previous, source_timing source);

  /// The bytes of `entry` for L2. Requires: may_share(target).
  /// Errors: invalid_argument: the codec or the format refuses the value or its tags.
  result<std::string> encode(const any_key& target, const record& entry) const;

  /// The record in `stored`, fresh or stale, or why it cannot be served.
  std::expected<record_ptr, miss_reason> decode(const any_key& target, const stored_value& stored);

  /// The record in `stored` without its value, as its header describes it.
  std::shared_ptr<record> outline(const key& key, const entry_header& header,
                                  const stored_value& stored) const;

  /// How long after its freshness the value in `stored` may be served stale; nothing if it is not fresh.
  std::optional<duration> fresh_window(const key& key, const stored_value& stored) const;

  /// False for a value that must not leave this process: it is sensitive and there is no key to encrypt it.
  bool may_share(const any_key& target) const noexcept;

  static bool too_large(const any_key& target, const record& entry, std::size_t encoded) noexcept;

 private:
  std::string l2_key(const key& key) const { return options_.name_space + ':' + key.text(); }
  record_ptr renew(const record& old, const any_key& target, const fill_context& context,
                   source_timing source);
  /// Bounds how long L1 keeps `entry`.
  void stay_in_memory(record& entry, const policy& policy) const;
  void give_life(record& entry, const policy& policy, const fill_context& context);

  const cache_options& options_;
  commit_clock& clock_;
  const floor_table& floors_;
  random_sequence& random_;
};

}  // namespace strata::detail
