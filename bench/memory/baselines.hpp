#pragma once
/// What the memory cache is compared with: a plain map, and LRU caches as they are usually written.
/// Threads: flat_map: read only once filled. The others: internally locked.

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace strata::bench {

/// No cache at all: the fastest map there is, unlocked.
class flat_map {
 public:
  void insert(std::uint64_t key, std::uint64_t value) { map_.insert_or_assign(key, value); }
  std::optional<std::uint64_t> find(std::uint64_t key) const {
    const auto found = map_.find(key);
    return found != map_.end() ? std::optional(found->second) : std::nullopt;
  }

 private:
  boost::unordered_flat_map<std::uint64_t, std::uint64_t> map_;
};

/// A std::list in order of use and a std::unordered_map into it under a mutex, sixteen times. The list
/// owns the keys, the map sees them as `View`.
template <class Key, class View, class Value>
class mutex_lru {
 public:
  explicit mutex_lru(std::size_t capacity)
      : parts_(std::make_unique<part[]>(ways)), capacity_(capacity / ways + 1) {}

  /// The value of `key`, or an empty one.
  Value find(View key) {
    part& p = part_of(key);
    const std::lock_guard hold(p.lock);
    const auto found = p.map.find(key);
    if (found == p.map.end()) return Value{};
    p.order.splice(p.order.begin(), p.order, found->second);
    return found->second->second;
  }
  void insert(View key, Value value) {
    part& p = part_of(key);
    const std::lock_guard hold(p.lock);
    if (const auto found = p.map.find(key); found != p.map.end()) {
      found->second->second = std::move(value);
      p.order.splice(p.order.begin(), p.order, found->second);
      return;
    }
    if (p.map.size() >= capacity_) {
      p.map.erase(View(p.order.back().first));
      p.order.pop_back();
    }
    p.order.emplace_front(key, std::move(value));
    p.map.emplace(View(p.order.front().first), p.order.begin());
  }

 private:
  static constexpr unsigned ways = 16;
  using entries = std::list<std::pair<Key, Value>>;
  struct alignas(64) part {
    std::mutex lock;
    entries order;
    std::unordered_map<View, typename entries::iterator> map;
  };
  part& part_of(View key) { return parts_[(std::hash<View>{}(key) * 0x9e37'79b9'7f4a'7c15) >> 60]; }

  std::unique_ptr<part[]> parts_;
  std::size_t capacity_;
};

using mutex_lru_of_numbers = mutex_lru<std::uint64_t, std::uint64_t, std::optional<std::uint64_t>>;
using mutex_lru_of_texts = mutex_lru<std::string, std::string_view, std::shared_ptr<const void>>;

}  // namespace strata::bench
