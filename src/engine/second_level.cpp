#include "engine/second_level.hpp"

#include "engine/second_level_call.hpp"

#include <algorithm>
#include <limits>

namespace strata::detail {

namespace {

/// How long invalidations are told again to a server that may have gone back in time: longer than a
/// replica may lag.
constexpr duration recent_span = std::chrono::minutes(10);

/// A call that walks through all keys or floors may take so much longer than others.
constexpr int walk_factor = 150;

commit_time floor_of(commit_time floor) {
  return floor;
}
commit_time floor_of(const sweep_result& done) {
  return done.floor;
}

std::shared_ptr<deadlines> within(duration limit, const cache_options& options) {
  if (limit <= duration::zero()) return nullptr;
  return std::make_shared<deadlines>(limit, *options.timer, *options.time);
}

/// Ends a lease that was granted when nobody waited for it any more: others would wait in vain.
void give_back(second_level& self, const std::string& name, lease_token lease) {
  if (lease != 0) start(nullptr, self.release(name, lease), [](const completion<result<void>>&) {});
}

struct one_lease {
  std::string name;
  void regret(second_level& self, const acquire_result& late) const { give_back(self, name, late.lease); }
  void regret(second_level& self, const lease_grant& late) const { give_back(self, name, late.lease); }
};

struct many_leases {
  std::vector<std::string> names;
  template <class Right>
  void regret(second_level& self, const std::vector<Right>& late) const {
    for (std::size_t i = 0; i < std::min(names.size(), late.size()); ++i) {
      give_back(self, names[i], late[i].lease);
    }
  }
};

struct acquiring : one_lease {
  duration hold;
  commit_time known;
  task<result<acquire_result>> operator()(store& with) const { return with.acquire(name, hold, known); }
};

struct acquiring_many : many_leases {
  duration hold;
  commit_time known;
  task<result<std::vector<acquire_result>>> operator()(store& with) const {
    return with.acquire_many(names, hold, known);
  }
};

struct leasing : one_lease {
  duration hold;
  commit_time known;
  bool force;
  task<result<lease_grant>> operator()(store& with) const {
    return force ? with.force_lease(name, hold, known) : with.take_lease(name, hold, known);
  }
};

struct leasing_many : many_leases {
  duration hold;
  commit_time known;
  task<result<std::vector<lease_grant>>> operator()(store& with) const {
    return with.force_lease_many(names, hold, known);
  }
};

}  // namespace

/// An invalidation: what is kept of it if it fails.
struct second_level::telling {
  told_kind kind;
  std::vector<std::string> names;  ///< one, of a pattern
  commit_time floor;

  void failed(second_level& self) const { self.keep(*this); }
};

struct second_level::telling_keys : telling {
  task<result<commit_time>> operator()(store& with) const {
    return kind == told_kind::removed ? with.invalidate(names, floor) : with.expire(names, floor);
  }
};
struct second_level::telling_pattern : telling {
  task<result<sweep_result>> operator()(store& with) const {
    return with.invalidate_matching(names[0], floor);
  }
};

second_level::second_level(surroundings with)
    : options_(with.options),
      clock_(with.clock),
      counters_(with.counted),
      floors_(with.floors),
      calls_(within(options_.l2_timeout, options_)),
      walks_(within(options_.l2_timeout * walk_factor, options_)),
      trusted_until_(options_.second_level == nullptr && !options_.relayed
                         ? std::numeric_limits<duration::rep>::max()
                         : std::numeric_limits<duration::rep>::min()),
      in_step_(false),
      breaker_(options_.breaker_failures, options_.breaker_open_for),
      backlog_({.bytes = options_.backlog_budget}),
      recent_(recent_span, {.bytes = options_.backlog_budget}) {
}

void second_level::open(std::shared_ptr<void> owner, store_observer& told) {
  if (!*this) return;
  owner_ = owner;
  options_.second_level->observe(told);
  recovery();
}

void second_level::close(store_observer& told) noexcept {
  if (*this) options_.second_level->unobserve(told);
}

std::optional<breaker::pass> second_level::enter() {
  std::lock_guard lock(mutex_);
  return breaker_.enter(now());
}

void second_level::ended(breaker::pass pass, bool answered, bool timed_out) {
  counters_.l2_round_trip(!answered);
  {
    std::lock_guard lock(mutex_);
    if (timed_out) ++timeouts_;
    if (answered) breaker_.succeeded(pass);
    if (!answered) breaker_.failed(pass, now());
  }
  tell_state();
}

second_level_state second_level::state_locked() const {
  if (options_.second_level == nullptr) return second_level_state::off;
  if (breaker_.current() != breaker::state::closed) return second_level_state::down;
  return in_step_.load() ? second_level_state::up : second_level_state::recovering;
}

void second_level::tell_state() {
  second_level_state is{};
  {
    std::lock_guard lock(mutex_);
    is = state_locked();
    if (is == told_state_) return;
    told_state_ = is;
  }
  if (options_.observer != nullptr) options_.observer->on_second_level(is);
}

void second_level::hear(floor_entry floor) noexcept {
  clock_.merge(floor.asof);
  floors_.raise(floor);
}

task<result<std::optional<stored_value>>> second_level::get(std::string name) {
  return serve<std::optional<stored_value>>([name = std::move(name)](store& with) { return with.get(name); });
}

task<result<std::vector<std::optional<stored_value>>>> second_level::get_many(
    std::vector<std::string> names) {
  return serve<std::vector<std::optional<stored_value>>>(
      [names = std::move(names)](store& with) { return with.get_many(names); });
}

task<result<acquire_result>> second_level::acquire(std::string name) {
  return serve<acquire_result>(acquiring{{std::move(name)}, options_.fill_lease, clock_.now()});
}

task<result<std::vector<acquire_result>>> second_level::acquire_many(std::vector<std::string> names) {
  return serve<std::vector<acquire_result>>(
      acquiring_many{{std::move(names)}, options_.fill_lease, clock_.now()});
}

task<result<lease_grant>> second_level::take_lease(std::string name) {
  return serve<lease_grant>(leasing{{std::move(name)}, options_.fill_lease, clock_.now(), false});
}

task<result<lease_grant>> second_level::force_lease(std::string name) {
  return serve<lease_grant>(leasing{{std::move(name)}, options_.fill_lease, clock_.now(), true});
}

task<result<std::vector<lease_grant>>> second_level::force_lease_many(std::vector<std::string> names) {
  return serve<std::vector<lease_grant>>(leasing_many{{std::move(names)}, options_.fill_lease, clock_.now()});
}

task<result<std::vector<fill_result>>> second_level::fill_many(std::vector<filling> values) {
  return serve<std::vector<fill_result>>(
      [this, values = std::move(values), fills = std::vector<fill_request>()](store& with) mutable {
        for (const auto& each : values) {
          // One whose time is over ends as soon as it is there.
          const auto left = std::max<duration>(each.until - now(), std::chrono::milliseconds(1));
          fills.push_back(
              {.key = each.name, .lease = each.lease, .asof = each.asof, .bytes = each.bytes, .ttl = left});
        }
        return with.fill_many(fills);
      });
}

task<result<fill_result>> second_level::fill(filling value) {
  return serve<fill_result>([this, value = std::move(value)](store& with) -> task<result<fill_result>> {
    const auto left = value.until - now();
    if (left <= duration::zero()) {
      return result<fill_result>(fail(errc::invalid_argument, "the value's time is over"));
    }
    return with.fill(
        {.key = value.name, .lease = value.lease, .asof = value.asof, .bytes = value.bytes, .ttl = left});
  });
}

task<result<bool>> second_level::touch(std::string name, duration ttl) {
  return serve<bool>([name = std::move(name), ttl](store& with) { return with.touch(name, ttl); });
}

/// Not held up by the breaker: others would wait for a lease that nobody ends.
struct second_level::releasing {
  second_level& self;
  std::weak_ptr<void> owner;
  std::string name;
  lease_token lease;

  task<result<void>> operator()(store& with) const { return with.release(name, lease); }
  void ended(bool /*by_answer*/, const result<void>& answer) const {
    if (const auto alive = owner.lock()) self.counters_.l2_round_trip(!answer);
  }
  void late(const result<void>& /*answer*/) const {}
};

task<result<void>> second_level::release(std::string name, lease_token lease) {
  timed_call<void, releasing> pending(options_.second_level, calls_,
                                      releasing{*this, owner_, std::move(name), lease});
  co_return co_await pending;
}

template <class T, class Begin>
task<std::optional<commit_time>> second_level::tell(Begin begin, std::shared_ptr<deadlines> limit) {
  auto told = call<T>(std::move(begin), std::move(limit));
  const auto done = co_await std::move(told);
  if (!done) co_return std::nullopt;
  co_return clock_.merge(floor_of(*done));
}

task<std::optional<commit_time>> second_level::invalidate(std::vector<std::string> names, commit_time floor) {
  note(told_kind::removed, names);
  return tell<commit_time>(telling_keys{{told_kind::removed, std::move(names), floor}}, calls_);
}

task<std::optional<commit_time>> second_level::expire(std::vector<std::string> names, commit_time floor) {
  note(told_kind::expired, names);
  return tell<commit_time>(telling_keys{{told_kind::expired, std::move(names), floor}}, calls_);
}

task<std::optional<commit_time>> second_level::invalidate_matching(std::string glob, commit_time floor) {
  std::vector<std::string> one{std::move(glob)};
  note(told_kind::pattern, one);
  return tell<sweep_result>(telling_pattern{{told_kind::pattern, std::move(one), floor}}, walks_);
}

task<std::optional<commit_time>> second_level::raise(std::vector<floor_entry> floors) {
  struct raising {
    std::vector<floor_entry> floors;
    task<result<commit_time>> operator()(store& with) const { return with.raise(floors); }
    void failed(second_level& self) const { self.keep(floors); }
  };
  return tell<commit_time>(raising{std::move(floors)}, calls_);
}

void second_level::note(told_kind kind, const std::vector<std::string>& names) {
  const auto at = now();
  std::lock_guard lock(mutex_);
  for (const auto& each : names) recent_.note(kind, each, at);
}

void second_level::keep(const telling& what) {
  {
    std::lock_guard lock(mutex_);
    for (const auto& each : what.names) {
      if (!mutated(mutation::replay_off)) backlog_.add(what.kind, each, what.floor);
    }
    in_step_ = false;
  }
  try_later();
}

void second_level::keep(const std::vector<floor_entry>& floors) {
  {
    std::lock_guard lock(mutex_);
    for (const auto& each : floors) {
      if (!mutated(mutation::replay_off)) backlog_.add(each);
    }
    in_step_ = false;
  }
  try_later();
}

second_level_stats second_level::stats() const {
  std::lock_guard lock(mutex_);
  second_level_stats out;
  out.state = state_locked();
  if (out.state == second_level_state::off) return out;
  out.coherent = now() < trusted_until();
  out.breaker_opened = breaker_.times_opened();
  out.timeouts = timeouts_;
  out.kept = backlog_.size() + delivering_;
  out.kept_bytes = backlog_.bytes();
  out.delivered = delivered_;
  out.overflows = backlog_.overflows() + given_up_;
  out.losses = losses_;
  return out;
}

}  // namespace strata::detail
