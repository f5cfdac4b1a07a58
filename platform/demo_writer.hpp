#pragma once
/// The tools of an entity's `add_demo`.
/// Threads: one at a time.

#include "platform/changes.hpp"
#include "platform/repositories.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::platform {

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers everywhere, which std's distributions do not
/// promise.
class dice {
 public:
  explicit dice(std::uint64_t seed) : state_(seed) {}
  std::size_t below(std::size_t limit) {
    state_ += 0x9e3779b97f4a7c15;
    auto z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<std::size_t>((z ^ (z >> 31)) % limit);
  }
  template <class Range>
  auto& pick(const Range& from) {
    return from[below(from.size())];
  }

 private:
  std::uint64_t state_;
};

/// `text` in lower case, with one hyphen for each run of other characters than letters and digits.
std::string slug(std::string_view text);

/// A time that far before `now`, as the tables hold it.
std::string days_ago(wall_time now, std::size_t days, std::size_t minutes);

class demo_writer {
 public:
  /// Lifetime: `data` and `work` outlive it.
  demo_writer(const repositories& data, unit_of_work& work, std::string admin_hash, std::string member_hash)
      : now(data.now()),
        admin_hash(std::move(admin_hash)),
        member_hash(std::move(member_hash)),
        data_(data),
        work_(work) {}

  /// Creates a row, and its event if the entity has events.
  template <class Entity>
  task<result<void>> create(typename Entity::repository::row_type row) {
    auto created = co_await data_.rows<Entity>().create_in(work_, std::move(row));
    if (!created) co_return std::unexpected(std::move(created.error()));
    if constexpr (requires { Entity::event; }) events.push_back(event_of<Entity>("created", *created));
    co_return result<void>();
  }

  const repositories& data() const noexcept { return data_; }
  unit_of_work& work() const noexcept { return work_; }

  const wall_time now;
  const std::string admin_hash, member_hash;  ///< of the demo's two passwords
  dice roll{20250516};
  std::vector<domain_event> events;  ///< to be published after the commit

 private:
  const repositories& data_;
  unit_of_work& work_;
};

}  // namespace strata::platform
