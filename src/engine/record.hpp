#pragma once
/// What L1 holds under a key: a decoded value and all that is needed to judge it.
/// Threads: immutable once shared.

#include "engine/floors.hpp"

#include <strata/cache.hpp>

#include <boost/container/small_vector.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace strata::detail {

/// The floors that hold for one entry: of each prefix of its key at a `:`, of the whole key, and
/// of its tags.
class floor_set {
 public:
  floor_set(std::string_view key, const std::vector<std::string>& tags);

  /// miss_reason::none if an entry as of `asof` stands, else why it does not.
  miss_reason check(const floor_table& floors, commit_time asof) const noexcept {
    if (asof < floors.at(floor_table::root)) return miss_reason::cleared;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      if (asof < floors.at(buckets_[i])) return i < prefixes_ ? miss_reason::prefix : miss_reason::tag;
    }
    return miss_reason::none;
  }

 private:
  boost::container::small_vector<std::uint32_t, 6> buckets_;
  std::size_t prefixes_ = 0;
};

struct record {
  any_value value;  ///< null: known not to exist
  const value_type* type = nullptr;
  commit_time asof = 0;
  time_point created{};
  time_point fresh_until{};
  floor_set floors;
  std::vector<std::string> tags;
  std::size_t bytes = 0;  ///< of the value and this record
};

using record_ptr = std::shared_ptr<const record>;

/// What a record occupies besides its value. Cost: O(tags).
std::size_t overhead_of(const record& entry) noexcept;

}  // namespace strata::detail
