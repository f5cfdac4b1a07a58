/// What this process knows of a caller is one slot:
///
///   arrival   when its burst is whole again: the store's answer to the last call, and what this process has
///             admitted since. Never later than the truth, so a caller within its rule is not refused.
///   own       the same by the requests of this process alone. It bounds the caller when the store forgets.
///   pending   admitted here and not yet sent to the store
///   flying    sent, and not yet answered
///
/// A request is admitted here while pending + flying stay within the share. The last process that heard from
/// the store knows all that was reported. So at most the shares of the others come on top of the rule.

#include "core/option_problems.hpp"
#include "limiter/caller_table.hpp"
#include "limiter/decision.hpp"

#include <strata/rate_limiter.hpp>

#include <sodium.h>
#include <array>
#include <atomic>
#include <limits>

namespace strata {

namespace {

struct slot {
  std::uint64_t caller = 0;
  time_point arrival{};
  time_point own{};
  time_point pending_since{};
  std::uint64_t pending = 0;
  std::uint64_t flying = 0;
};

/// What one call of the store reports.
struct report {
  std::uint64_t taken = 0;
  duration age{};
};

duration to_duration(detail::wide_time count) {
  return duration(static_cast<duration::rep>(
      std::min<detail::wide_time>(count, std::numeric_limits<duration::rep>::max() / 4)));
}

/// What the store calls the caller. A hash, since the caller may be an e-mail address.
std::string bucket_of(std::string_view rule, std::string_view caller) {
  std::array<unsigned char, 16> digest{};
  const auto* name = reinterpret_cast<const unsigned char*>(rule.data());
  const auto* text = reinterpret_cast<const unsigned char*>(caller.data());
  crypto_generichash_state hash;
  constexpr unsigned char separator = 0;
  crypto_generichash_init(&hash, nullptr, 0, digest.size());
  crypto_generichash_update(&hash, name, rule.size());
  crypto_generichash_update(&hash, &separator, 1);
  crypto_generichash_update(&hash, text, caller.size());
  crypto_generichash_final(&hash, digest.data(), digest.size());
  std::string out;
  out.reserve(2 * digest.size());
  for (const auto byte : digest) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

}  // namespace

struct rate_limiter::state {
  state(const rate_limit& with, const rate_limiter_options& wanted)
      : rule(with),
        store(wanted.shared.get()),
        options(without_store(wanted)),
        share(options.share.value_or(detail::burst_of(rule) / 100)),
        report_after(options.report_after == duration::zero() ? rule.window / 100 : options.report_after),
        callers(options.max_callers) {}

  static rate_limiter_options without_store(rate_limiter_options of) {
    of.shared = nullptr;
    return of;
  }

  bool is_alone(time_point now) const noexcept {
    return store == nullptr || now < alone_until.load(std::memory_order_relaxed);
  }

  /// Admits or refuses by what this process knows.
  rate_decision decide(slot& mine, time_point now, std::uint64_t cost) const {
    const auto decided = gcra(rule, mine.arrival, now, cost);
    if (decided.allowed && store != nullptr) {
      mine.own = std::max(mine.own, now) + to_duration(detail::refill_time(rule, cost));
      if (mine.pending == 0) mine.pending_since = now;
      mine.pending += cost;
    }
    return decided;
  }

  bool should_report(const slot& mine, time_point now) const noexcept {
    if (mine.pending == 0 || mine.flying != 0 || is_alone(now)) return false;
    return 2 * mine.pending >= share || now - mine.pending_since >= report_after;
  }

  /// Moves what is pending into flight.
  static report take_off(slot& mine, time_point now) {
    const report out{mine.pending, mine.pending == 0 ? duration::zero() : now - mine.pending_since};
    mine.flying += mine.pending;
    mine.pending = 0;
    return out;
  }

  rate_charge charge_of(std::string_view bucket, const report& what, std::uint64_t wanted) const {
    return {.bucket = bucket,
            .window = rule.window,
            .limit = rule.limit,
            .burst = detail::burst_of(rule),
            .taken = what.taken,
            .age = what.age,
            .wanted = wanted};
  }

  /// Learns the store's answer to a call that began at `sent`.
  void learn(slot& mine, const report& what, const result<rate_standing>& answer, time_point sent,
             std::uint64_t admitted) {
    mine.flying -= std::min(mine.flying, what.taken);
    if (!answer) {
      // The charge may have taken effect, so it is not repeated.
      failures.fetch_add(1, std::memory_order_relaxed);
      alone_until.store(options.time->coarse_now() + options.retry_after, std::memory_order_relaxed);
      return;
    }
    if (admitted != 0) mine.own = std::max(mine.own, sent) + to_duration(detail::refill_time(rule, admitted));
    const auto known = sent + answer->ahead + to_duration(detail::refill_time(rule, mine.pending));
    mine.arrival = std::max(mine.own, known);
  }

  void count(const rate_decision& decided) {
    (decided.allowed ? allowed : refused).fetch_add(1, std::memory_order_relaxed);
  }

  const rate_limit rule;
  rate_limit_store* const store;  ///< null: this process alone; the limiter owns it, and no call does
  const rate_limiter_options options;
  const std::uint64_t share;
  const duration report_after;
  detail::caller_table<slot> callers;
  std::atomic<time_point> alone_until{time_point::min()};
  std::atomic<std::uint64_t> allowed{0}, refused{0}, waited{0}, reports{0}, failures{0};
};

namespace {

/// Keeps neither the limiter nor the store alive: else the last reference to a store could end on the store's
/// own thread, which the store's destructor waits for. The store ends its calls before it ends.
template <class State>
task<> send_report(std::weak_ptr<State> whose, rate_limit_store& store, std::uint64_t hash,
                   std::string bucket, rate_charge charge, report what, time_point now) {
  charge.bucket = bucket;
  const auto answer = co_await store.charge(charge);
  const auto self = whose.lock();
  if (self == nullptr) co_return;
  self->callers.with_known(hash, [&](slot& mine) { self->learn(mine, what, answer, now, 0); });
}

template <class State>
void start_report(const std::shared_ptr<State>& self, std::uint64_t hash, std::string_view caller,
                  const report& what, time_point now) {
  self->reports.fetch_add(1, std::memory_order_relaxed);
  start(nullptr,
        send_report(std::weak_ptr(self), *self->store, hash, bucket_of(self->options.name, caller),
                    self->charge_of({}, what, 0), what, now),
        [](const completion<void>&) {});
}

template <class State>
task<rate_decision> take_shared(std::shared_ptr<State> self, std::uint64_t hash, std::string bucket,
                                std::uint64_t cost, report what, time_point now) {
  const auto answer = co_await self->store->charge(self->charge_of(bucket, what, cost));
  const auto decided = self->callers.with(hash, [&](slot& mine) {
    // The store does not know what other threads have admitted since it was asked.
    auto own = mine.own;
    const bool allowed = answer && answer->allowed && gcra(self->rule, own, now, cost).allowed;
    self->learn(mine, what, answer, now, allowed ? cost : 0);
    if (!answer) return self->decide(mine, self->options.time->coarse_now(), cost);
    return detail::describe(self->rule, allowed, answer->ahead.count(), cost);
  });
  self->count(decided);
  co_return decided;
}

/// How a request goes on after its caller's slot was looked at.
struct way {
  std::optional<rate_decision> decided;  ///< none: the store decides
  std::optional<report> sent;
};

}  // namespace

rate_limiter::rate_limiter(rate_limit rule, rate_limiter_options options) {
  detail::option_problems problems;
  detail::check_rule(rule, options.max_callers, problems);
  problems.require(options.report_after >= duration::zero(), "report_after: must not be below 0");
  problems.require(options.retry_after >= duration::zero(), "retry_after: must not be below 0");
  problems.require(options.time != nullptr, "time: must not be null");
  problems.throw_if_any();
  state_ = std::make_shared<state>(rule, options);
  store_ = std::move(options.shared);
}

rate_limiter::~rate_limiter() = default;
rate_limiter::rate_limiter(rate_limiter&&) noexcept = default;
rate_limiter& rate_limiter::operator=(rate_limiter&&) noexcept = default;

const rate_limit& rate_limiter::rule() const noexcept {
  return state_->rule;
}

rate_decision rate_limiter::take_now(std::string_view caller, std::uint64_t cost) {
  auto& self = *state_;
  const auto now = self.options.time->coarse_now();
  const auto hash = self.callers.hash(caller);
  const auto then = self.callers.with(hash, [&](slot& mine) {
    way out{.decided = self.decide(mine, now, cost), .sent = {}};
    if (self.should_report(mine, now)) out.sent = state::take_off(mine, now);
    return out;
  });
  self.count(*then.decided);
  if (then.sent) start_report(state_, hash, caller, *then.sent, now);
  return *then.decided;
}

task<rate_decision> rate_limiter::take(std::string_view caller, std::uint64_t cost) {
  auto& self = *state_;
  const auto now = self.options.time->coarse_now();
  const auto hash = self.callers.hash(caller);
  const auto then = self.callers.with(hash, [&](slot& mine) {
    way out;
    auto tried = mine.arrival;
    const auto known = gcra(self.rule, tried, now, cost);
    const bool covered = cost <= self.share && mine.pending + mine.flying <= self.share - cost;
    if (!known.allowed || covered || self.is_alone(now)) {
      out.decided = known.allowed ? self.decide(mine, now, cost) : known;
      if (self.should_report(mine, now)) out.sent = state::take_off(mine, now);
    } else {
      out.sent = state::take_off(mine, now);
    }
    return out;
  });
  if (!then.decided) {
    self.waited.fetch_add(1, std::memory_order_relaxed);
    return take_shared(state_, hash, bucket_of(self.options.name, caller), cost, *then.sent, now);
  }
  self.count(*then.decided);
  if (then.sent) start_report(state_, hash, caller, *then.sent, now);
  return *then.decided;
}

rate_decision rate_limiter::peek(std::string_view caller) const {
  auto& self = *state_;
  const auto now = self.options.time->coarse_now();
  return self.callers.with_known(self.callers.hash(caller), [&](const slot& mine) {
    auto arrival = mine.arrival;
    return gcra(self.rule, arrival, now, 1);
  });
}

rate_limiter_stats rate_limiter::stats() const {
  const auto& self = *state_;
  const auto of = [](const std::atomic<std::uint64_t>& each) { return each.load(std::memory_order_relaxed); };
  return {.allowed = of(self.allowed),
          .refused = of(self.refused),
          .waited = of(self.waited),
          .reports = of(self.reports),
          .failures = of(self.failures),
          .alone = self.store != nullptr && self.is_alone(self.options.time->coarse_now())};
}

std::shared_ptr<rate_limit_store> rate_limits_of(const std::shared_ptr<store>& of) {
  return std::dynamic_pointer_cast<rate_limit_store>(of);
}

}  // namespace strata
