#pragma once
/// Translates consistency tokens of other processes into times of this process's commit clock.
/// Threads: internally locked.

#include "core/mutex.hpp"
#include "engine/commit_clock.hpp"

#include <strata/consistency_token.hpp>

#include <array>
#include <cstdint>
#include <random>

namespace strata::detail {

class token_translator {
 public:
  token_translator() {
    std::random_device entropy;
    process_ = std::uint64_t{entropy()} << 32 | entropy();
  }

  /// Identifies this process: its own tokens require nothing here.
  std::uint64_t process() const noexcept { return process_; }

  /// Translates the time of a token from the same clock that `clock` follows. A time that is slightly ahead
  /// moves `clock` forward, so that the next fills are as of it. A large step is ignored: the token may be
  /// forged.
  static commit_time accept(commit_time at, commit_clock& clock) noexcept {
    if (at > clock.now() && at - clock.now() <= largest_step) clock.merge(at);
    return at;
  }

  /// Translates a token from a cache with its own clock. The clocks cannot be compared, so this returns a
  /// fresh local time: any value read from the source after this call already contains that write.
  /// Forgetting a token only costs extra misses.
  commit_time translate(const consistency_token& token, commit_clock& clock) {
    const scoped_lock lock(mutex_);
    auto& slot = seen_[(token.process ^ token.at * 0x9e3779b97f4a7c15) >> 56];
    if (slot.required_asof == 0 || slot.process != token.process || slot.at != token.at) {
      slot = {.process = token.process, .at = token.at, .required_asof = clock.tick()};
    }
    return slot.required_asof;
  }

 private:
  static constexpr commit_time largest_step = 1024;
  struct translation {
    std::uint64_t process = 0;
    commit_time at = 0;
    commit_time required_asof = 0;  ///< 0: the slot is empty
  };

  std::uint64_t process_ = 0;
  mutex mutex_;
  std::array<translation, 256> seen_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::detail
