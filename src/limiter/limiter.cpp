#include <strata/limiter.hpp>

#include "core/mutex.hpp"
#include "core/option_problems.hpp"

#include <strata/key.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <random>
#include <vector>

namespace strata {

namespace {

/// A caller, by the hash of its name, never the name. A slot whose arrival is not after now is as good
/// as empty: its caller has the whole allowance again.
struct slot {
  std::uint64_t caller = 0;
  time_point arrival{};
};

/// Callers with the same set share these slots and nothing else. So a caller can push out at most the
/// seven others that chance put into its set.
constexpr std::size_t slots_in_a_set = 8;
using slot_set = std::array<slot, slots_in_a_set>;
constexpr std::size_t shards = 16;

struct alignas(64) shard {
  detail::mutex mutex;
};

std::uint64_t random_salt() {
  std::random_device source;
  return (static_cast<std::uint64_t>(source()) << 32) | source();
}

/// The finalizer of MurmurHash3: salted, so that no caller can choose names that collide.
std::uint64_t mix(std::uint64_t h) {
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
  return h ^ (h >> 33);
}

}  // namespace

struct limiter::state {
  state(rate_limit with, const limiter_options& options)
      : rule(with), sets(std::bit_ceil((options.max_callers + slots_in_a_set - 1) / slots_in_a_set)) {}

  rate_limit rule;
  std::uint64_t salt = random_salt();
  std::array<shard, shards> locks;  // lock i guards the sets whose number ends in i
  std::vector<slot_set> sets;
};

limiter::limiter(rate_limit rule, limiter_options options) {
  detail::option_problems problems;
  problems.require(rule.limit > 0, "limit: at least 1");
  problems.require(rule.window > duration::zero(), "window: must be above 0");
  problems.require(options.max_callers > 0 && options.max_callers <= (std::size_t{1} << 28),
                   "max_callers: 1 to 2^28");
  problems.throw_if_any();
  state_ = std::make_unique<state>(rule, options);
}

limiter::~limiter() = default;
limiter::limiter(limiter&&) noexcept = default;
limiter& limiter::operator=(limiter&&) noexcept = default;

const rate_limit& limiter::rule() const noexcept {
  return state_->rule;
}

rate_decision limiter::take(std::string_view caller, time_point now, std::uint64_t cost) {
  auto& self = *state_;
  // 0 marks a slot that was never used.
  const auto hash = std::max<std::uint64_t>(1, mix(hash_of(caller) ^ self.salt));
  const auto number = hash & (self.sets.size() - 1);
  auto& set = self.sets[number];
  detail::scoped_lock lock(self.locks[number % shards].mutex);
  auto* mine = std::ranges::find(set, hash, &slot::caller);
  if (mine == set.end()) {
    // The caller with the most allowance left loses the least.
    mine = std::ranges::min_element(set, {}, &slot::arrival);
    *mine = {hash, time_point{}};
  }
  return gcra(self.rule, mine->arrival, now, cost);
}

}  // namespace strata
