#pragma once
/// What sessions bring along of what was written elsewhere, as a time of this process's commit clock.
/// Threads: internally locked.

#include "core/mutex.hpp"
#include "engine/commit_clock.hpp"

#include <strata/consistency_token.hpp>

#include <array>
#include <cstdint>
#include <random>

namespace strata::detail {

class marks {
 public:
  marks() {
    std::random_device entropy;
    process_ = std::uint64_t{entropy()} << 32 | entropy();
  }

  /// Whose marks say nothing new here.
  std::uint64_t process() const noexcept { return process_; }

  /// Of a mark whose time is of the clock that `clock` follows. Hearing of a time that is a little ahead
  /// lets what is filled next be as of it. A large step is not believed: the mark may be made up.
  static commit_time heard(commit_time at, commit_clock& clock) noexcept {
    if (at > clock.now() && at - clock.now() <= believed_step) clock.merge(at);
    return at;
  }

  /// Of a mark whose clock we do not know: what was written before it was shown here is seen by whoever
  /// reads the source from now on. A mark that is forgotten and shown again costs hits, no more.
  commit_time translate(const consistency_token& mark, commit_clock& clock) {
    const scoped_lock lock(mutex_);
    auto& slot = seen_[(mark.process ^ mark.at * 0x9e3779b97f4a7c15) >> 56];
    if (slot.least == 0 || slot.process != mark.process || slot.at != mark.at) {
      slot = {.process = mark.process, .at = mark.at, .least = clock.tick()};
    }
    return slot.least;
  }

 private:
  static constexpr commit_time believed_step = 1024;
  struct seen {
    std::uint64_t process = 0;
    commit_time at = 0;
    commit_time least = 0;  ///< 0: nothing was seen
  };

  std::uint64_t process_ = 0;
  mutex mutex_;
  std::array<seen, 256> seen_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::detail
