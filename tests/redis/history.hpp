#pragma once
/// Records writes, removals and reads of several caches, and judges how old each read was.
/// Threads: internally locked.
///
/// The value of a key is its *version*, which each write raises. After a write the writer removes the key.
/// Once the removal has *returned*, no read in the same process may return an older version. Once the removal
/// is *delivered* to the store, no process may return an older version for longer than the bound. Both happen
/// at the same time unless the store cannot be reached.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

namespace strata::test {

class history {
 public:
  using clock = std::chrono::steady_clock;
  using milliseconds = std::chrono::duration<double, std::milli>;

  history(std::size_t processes, std::size_t keys) : keys_(keys), processes_(processes) {
    for (auto& each : processes_) each = std::vector<std::atomic<std::uint64_t>>(keys);
  }

  std::size_t keys() const { return keys_.size(); }

  /// `process` has removed all versions of `key` before `version`, and the removal returns now. Returns its
  /// number for `delivered`. Requires: one thread at a time for each key.
  std::size_t returned(std::size_t process, std::size_t key, std::uint64_t version) {
    processes_[process][key] = version;
    std::lock_guard lock(keys_[key].mutex);
    keys_[key].removals.push_back({.version = version, .returned = clock::now()});
    return keys_[key].removals.size() - 1;
  }
  /// The removal has reached the store.
  void delivered(std::size_t key, std::size_t number) {
    std::lock_guard lock(keys_[key].mutex);
    auto& removed = keys_[key].removals[number];
    removed.delivered = clock::now();
    longest_kept_ =
        std::max(longest_kept_.load(), milliseconds(removed.delivered - removed.returned).count());
  }

  /// A read that begins now, and the oldest version that it may return.
  struct question {
    clock::time_point began;
    std::size_t process, key;
    std::uint64_t own;
  };
  question ask(std::size_t process, std::size_t key) const {
    return {.began = clock::now(), .process = process, .key = key, .own = processes_[process][key]};
  }

  /// Judges the version that the read returned.
  void answered(const question& asked, std::uint64_t version) {
    double since_return = 0;
    double since_delivery = 0;
    {
      std::lock_guard lock(keys_[asked.key].mutex);
      const auto& all = keys_[asked.key].removals;
      const auto first = std::ranges::upper_bound(all, version, {}, &removal::version);
      if (first != all.end() && first->returned < asked.began) {
        since_return = milliseconds(asked.began - first->returned).count();
      }
      for (auto at = first; at != all.end() && at->returned < asked.began; ++at) {
        if (at->delivered >= asked.began) continue;
        since_delivery = milliseconds(asked.began - at->delivered).count();
        break;
      }
    }
    std::lock_guard lock(mutex_);
    ++reads_;
    behind_own_ += version < asked.own ? 1 : 0;
    if (since_return > 0) since_return_.push_back(since_return);
    if (since_delivery > 0) since_delivery_.push_back(since_delivery);
  }

  struct verdict {
    std::uint64_t reads = 0;
    std::uint64_t behind_own = 0;  ///< older than a removal that had returned in their own process
    /// How long before a read began its version had been removed; 0 for most reads.
    double p50 = 0, p99 = 0, max = 0;
    double max_since_return = 0;  ///< the same since the removal returned, delivered or not
    double longest_kept = 0;
  };
  verdict judge() const {
    std::lock_guard lock(mutex_);
    verdict out{.reads = reads_, .behind_own = behind_own_, .longest_kept = longest_kept_};
    auto late = since_delivery_;
    std::ranges::sort(late);
    const auto at = [&](double share) {
      const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(reads_));
      const auto zeros = reads_ - late.size();
      return rank < zeros || late.empty() ? 0.0 : late[std::min<std::size_t>(rank - zeros, late.size() - 1)];
    };
    out.p50 = at(0.5);
    out.p99 = at(0.99);
    out.max = late.empty() ? 0 : late.back();
    out.max_since_return = since_return_.empty() ? 0 : std::ranges::max(since_return_);
    return out;
  }

 private:
  struct removal {
    std::uint64_t version;
    clock::time_point returned;
    clock::time_point delivered = clock::time_point::max();
  };
  struct each_key {
    mutable std::mutex mutex;
    std::deque<removal> removals;
  };

  std::vector<each_key> keys_;
  std::vector<std::vector<std::atomic<std::uint64_t>>> processes_;
  std::atomic<double> longest_kept_ = 0;
  mutable std::mutex mutex_;
  std::uint64_t reads_ = 0;
  std::uint64_t behind_own_ = 0;
  std::vector<double> since_return_;
  std::vector<double> since_delivery_;
};

inline std::ostream& operator<<(std::ostream& to, const history::verdict& of) {
  to << of.reads << " reads, too old by p50 " << of.p50 << " ms, p99 " << of.p99 << " ms, max " << of.max
     << " ms";
  if (of.longest_kept > 5) {
    to << " (from the return of removals that were kept for up to " << of.longest_kept
       << " ms: " << of.max_since_return << " ms)";
  }
  return to;
}

}  // namespace strata::test
