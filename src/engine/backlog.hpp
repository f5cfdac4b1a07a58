#pragma once
/// The invalidations that could not be delivered to L2 yet.
/// Threads: one at a time; its owner locks.
///
/// They are idempotent and may be delivered in any order: the store raises every floor above all that it
/// has. So each key, floor and pattern is kept once, with one time for all of them. If there are too many,
/// they are dropped and everything is to be cleared instead, which covers them.

#include "core/text_hash.hpp"
#include "engine/floors.hpp"

#include <strata/time.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace strata::detail {

/// How an invalidation names what it invalidates, and what it does to it.
enum class invalidation_kind : std::uint8_t { removed, expired, pattern };

class backlog {
 public:
  struct limits {
    std::size_t count = 65'536;
    byte_size bytes{8u << 20};
  };
  explicit backlog(limits at_most) : limits_(at_most) {}

  void add(invalidation_kind kind, std::string_view name, commit_time at_least);
  /// The hard floor of floor_table::root covers all the rest.
  void add(floor_entry floor);
  void clear_everything(commit_time at_least);

  /// What is to be delivered, in any order.
  struct load {
    bool everything = false;
    std::vector<std::string> removed, expired, patterns;
    std::vector<floor_entry> floors;
    commit_time at_least = 0;

    bool empty() const noexcept { return !everything && size() == 0; }
    std::size_t size() const noexcept {
      return removed.size() + expired.size() + patterns.size() + floors.size();
    }
  };
  load take();
  /// Keeps what is left of a load that could not be delivered completely.
  void put_back(load left);

  bool empty() const noexcept { return size() == 0; }
  std::size_t size() const noexcept { return names_.size() + floors_.size() + (everything_ ? 1 : 0); }
  std::size_t bytes() const noexcept { return bytes_; }
  /// How often the limits were exceeded.
  std::uint64_t overflows() const noexcept { return overflows_; }

 private:
  bool full() const noexcept { return size() > limits_.count || bytes_ > limits_.bytes.count; }
  void overflow();

  const limits limits_;
  text_map<std::string, invalidation_kind> names_;  ///< keys; patterns begin with a zero byte
  std::map<std::uint64_t, commit_time> floors_;
  commit_time at_least_ = 0;
  std::size_t bytes_ = 0;
  bool everything_ = false;
  std::uint64_t overflows_ = 0;
};

}  // namespace strata::detail
