#include "engine/second_level.hpp"

#include <algorithm>
#include <type_traits>
#include <variant>

namespace strata::detail {

namespace {

using limit = store_caller::limit;

/// The rest of a value's life was counted when the store answered, which may have been as early as it was
/// asked: `taken` ago.
void age_by(stored_value& value, duration taken) {
  value.ttl -= taken;
}
void age_by(acquire_result& answer, duration taken) {
  if (answer.value) age_by(*answer.value, taken);
}
template <class T>
  requires requires(T& each) { age_by(each, duration()); }
void age_by(std::optional<T>& answer, duration taken) {
  if (answer) age_by(*answer, taken);
}
template <class T>
  requires requires(T& each) { age_by(each, duration()); }
void age_by(std::vector<T>& answers, duration taken) {
  for (auto& each : answers) age_by(each, taken);
}

commit_time floor_of(commit_time floor) {
  return floor;
}
commit_time floor_of(const sweep_result& done) {
  return done.floor;
}

/// Releases a lease that its caller does not take: others would wait for it in vain.
void release_behind(second_level& self, const std::string& name, lease_token lease) {
  if (lease != 0) start(nullptr, self.release(name, lease), [](const completion<result<void>>&) {});
}

/// A request that may be granted the lease of a key.
struct lease_request : request_hooks {
  second_level& self;
  std::string name;

  lease_request(second_level& self, std::string name) : self(self), name(std::move(name)) {}
  template <class Grant>
  void on_abandoned(const result<Grant>& answer) const {
    if (answer) release_behind(self, name, answer->lease);
  }
};

struct lease_many_request : request_hooks {
  second_level& self;
  std::vector<std::string> names;

  lease_many_request(second_level& self, std::vector<std::string> names)
      : self(self), names(std::move(names)) {}
  template <class Grant>
  void on_abandoned(const result<std::vector<Grant>>& answer) const {
    if (!answer) return;
    for (std::size_t i = 0; i < std::min(names.size(), answer->size()); ++i) {
      release_behind(self, names[i], (*answer)[i].lease);
    }
  }
};

struct acquire_request : lease_request {
  duration hold;
  commit_time known;
  task<result<acquire_result>> operator()(store& to) const { return to.acquire(name, hold, known); }
};

struct acquire_many_request : lease_many_request {
  duration hold;
  commit_time known;
  task<result<std::vector<acquire_result>>> operator()(store& to) const {
    return to.acquire_many(names, hold, known);
  }
};

struct take_lease_request : lease_request {
  duration hold;
  commit_time known;
  bool force;
  task<result<lease_grant>> operator()(store& to) const {
    return force ? to.force_lease(name, hold, known) : to.take_lease(name, hold, known);
  }
};

struct force_lease_many_request : lease_many_request {
  duration hold;
  commit_time known;
  task<result<std::vector<lease_grant>>> operator()(store& to) const {
    return to.force_lease_many(names, hold, known);
  }
};

/// An invalidation: if its caller no longer waits, its end is reported to `ended`.
struct invalidation_request : request_hooks {
  recovery& keeper;
  second_level::invalidation_end ended;
  commit_clock& time;

  invalidation_request(recovery& keeper, second_level::invalidation_end ended, commit_clock& time)
      : keeper(keeper), ended(std::move(ended)), time(time) {}
  template <class T>
  void on_abandoned(const result<T>& answer) const {
    if (ended) ended(answer ? std::optional(time.merge(floor_of(*answer))) : std::nullopt);
  }
};

/// An invalidation by names and floors: kept for later if it fails.
struct change_request : invalidation_request {
  second_level::change what;

  change_request(invalidation_request base, second_level::change what)
      : invalidation_request(std::move(base)), what(std::move(what)) {}
  invalidation_kind kind() const noexcept {
    return what.soft ? invalidation_kind::expired : invalidation_kind::removed;
  }
  task<result<commit_time>> operator()(store& to) const {
    if (what.names.empty()) return to.raise(what.floors);
    if (!what.floors.empty()) {
      return to.apply({.keys = what.names, .floors = what.floors, .soft = what.soft, .at_least = what.floor});
    }
    return what.soft ? to.expire(what.names, what.floor) : to.invalidate(what.names, what.floor);
  }
  void on_failed() const {
    if (!what.names.empty()) keeper.keep(kind(), what.names, what.floor);
    if (!what.floors.empty()) keeper.keep(what.floors);
  }
};

/// An invalidation by one pattern: kept for later if it fails.
struct pattern_request : invalidation_request {
  std::vector<std::string> pattern;
  commit_time floor;

  pattern_request(invalidation_request base, std::vector<std::string> pattern, commit_time floor)
      : invalidation_request(std::move(base)), pattern(std::move(pattern)), floor(floor) {}
  task<result<sweep_result>> operator()(store& to) const {
    return to.invalidate_matching(pattern.front(), floor);
  }
  void on_failed() const { keeper.keep(invalidation_kind::pattern, pattern, floor); }
};

/// An invalidation of one name that returns its value: kept for later, as a removal, if it fails.
struct take_request : request_hooks {
  recovery& keeper;
  std::vector<std::string> name;
  commit_time floor;

  take_request(recovery& keeper, std::vector<std::string> name, commit_time floor)
      : keeper(keeper), name(std::move(name)), floor(floor) {}
  task<result<taken_value>> operator()(store& to) const { return to.take(name.front(), floor); }
  void on_failed() const { keeper.keep(invalidation_kind::removed, name, floor); }
};

}  // namespace

second_level::second_level(surroundings with)
    : options_(with.options),
      clock_(with.clock),
      status_(with.options, with.counters),
      calls_(with.options, status_, with.counters),
      recovery_({.options = with.options,
                 .clock = with.clock,
                 .floors = with.floors,
                 .status = status_,
                 .calls = calls_}) {
}

void second_level::open(std::shared_ptr<void> owner, store_observer& listener) {
  if (!*this) return;
  calls_.open(owner);
  options_.second_level->observe(listener);
  recovery_.open(std::move(owner));
}

void second_level::close(store_observer& listener) noexcept {
  if (*this) options_.second_level->unobserve(listener);
}

template <class T, store_request<T> R>
task<result<T>> second_level::serve(R request) {
  const auto losses = status_.losses();
  if (!status_.in_sync() && !co_await recovery_.sync()) {
    co_return fail(errc::store_unavailable, "the second level is not in sync with this process yet");
  }
  const auto sent = options_.time->now();
  constexpr bool grants_lease =
      std::derived_from<R, lease_request> || std::derived_from<R, lease_many_request>;
  std::optional<std::conditional_t<grants_lease, R, std::monostate>> sent_request;
  if constexpr (grants_lease) sent_request.emplace(request);
  auto answer = co_await calls_.call<T>(std::move(request), limit::call);
  if (answer && losses != status_.losses()) {
    if constexpr (grants_lease) sent_request->on_abandoned(answer);
    co_return fail(errc::store_unavailable, "changes of the second level were missed while it was asked");
  }
  if constexpr (requires { age_by(*answer, duration()); }) {
    if (answer) age_by(*answer, options_.time->now() - sent);
  }
  co_return answer;
}

task<result<std::optional<stored_value>>> second_level::get(std::string name) {
  return serve<std::optional<stored_value>>(
      plain_request([name = std::move(name)](store& to) { return to.get(name); }));
}

task<result<std::vector<std::optional<stored_value>>>> second_level::get_many(
    std::vector<std::string> names) {
  return serve<std::vector<std::optional<stored_value>>>(
      plain_request([names = std::move(names)](store& to) { return to.get_many(names); }));
}

task<result<acquire_result>> second_level::acquire(std::string name) {
  return serve<acquire_result>(acquire_request{{*this, std::move(name)}, options_.fill_lease, clock_.now()});
}

task<result<std::vector<acquire_result>>> second_level::acquire_many(std::vector<std::string> names) {
  return serve<std::vector<acquire_result>>(
      acquire_many_request{{*this, std::move(names)}, options_.fill_lease, clock_.now()});
}

task<result<lease_grant>> second_level::take_lease(std::string name) {
  return serve<lease_grant>(
      take_lease_request{{*this, std::move(name)}, options_.fill_lease, clock_.now(), false});
}

task<result<lease_grant>> second_level::force_lease(std::string name) {
  return serve<lease_grant>(
      take_lease_request{{*this, std::move(name)}, options_.fill_lease, clock_.now(), true});
}

task<result<std::vector<lease_grant>>> second_level::force_lease_many(std::vector<std::string> names) {
  return serve<std::vector<lease_grant>>(
      force_lease_many_request{{*this, std::move(names)}, options_.fill_lease, clock_.now()});
}

task<result<std::vector<fill_result>>> second_level::fill_many(std::vector<entry> values) {
  return serve<std::vector<fill_result>>(plain_request(
      [this, values = std::move(values), fills = std::vector<fill_request>()](store& to) mutable {
        for (const auto& each : values) {
          // One whose life is over expires as soon as it is stored.
          const auto left =
              std::max<duration>(each.until - options_.time->now(), std::chrono::milliseconds(1));
          fills.push_back(
              {.key = each.name, .lease = each.lease, .asof = each.asof, .bytes = each.bytes, .ttl = left});
        }
        return to.fill_many(fills);
      }));
}

task<result<fill_result>> second_level::fill(entry value) {
  return serve<fill_result>(
      plain_request([this, value = std::move(value)](store& to) -> task<result<fill_result>> {
        const auto left = value.until - options_.time->now();
        if (left <= duration::zero()) {
          return result<fill_result>(fail(errc::invalid_argument, "the value's life is over"));
        }
        return to.fill(
            {.key = value.name, .lease = value.lease, .asof = value.asof, .bytes = value.bytes, .ttl = left});
      }));
}

task<result<bool>> second_level::touch(std::string name, duration ttl) {
  return serve<bool>(plain_request([name = std::move(name), ttl](store& to) { return to.touch(name, ttl); }));
}

task<result<void>> second_level::release(std::string name, lease_token lease) {
  // Bypasses the breaker: others would wait for a lease that never ends.
  return calls_.call_past_breaker<void>(
      plain_request([name = std::move(name), lease](store& to) { return to.release(name, lease); }));
}

task<result<bool>> second_level::renew(std::string name, lease_token lease) {
  return calls_.call_past_breaker<bool>(
      plain_request([name = std::move(name), lease, hold = options_.fill_lease](store& to) {
        return to.renew(name, lease, hold);
      }));
}

template <class T, store_request<T> R>
task<std::optional<commit_time>> second_level::invalidate_by(R request, store_caller::limit within) {
  const auto done = co_await calls_.call<T>(std::move(request), within);
  if (!done) co_return std::nullopt;
  co_return clock_.merge(floor_of(*done));
}

task<std::optional<commit_time>> second_level::invalidate(change what, invalidation_end ended) {
  change_request request({recovery_, std::move(ended), clock_}, std::move(what));
  recovery_.remember(request.kind(), request.what.names);
  return invalidate_by<commit_time>(std::move(request), limit::call);
}

task<std::optional<commit_time>> second_level::invalidate_matching(std::string glob, commit_time floor,
                                                                   invalidation_end ended) {
  std::vector<std::string> one{std::move(glob)};
  recovery_.remember(invalidation_kind::pattern, one);
  return invalidate_by<sweep_result>(
      pattern_request({recovery_, std::move(ended), clock_}, std::move(one), floor), limit::walk);
}

task<result<taken_value>> second_level::take(std::string name, commit_time floor) {
  std::vector<std::string> one{std::move(name)};
  recovery_.remember(invalidation_kind::removed, one);
  const auto losses = status_.losses();
  const bool synced = status_.in_sync() || co_await recovery_.sync();
  const auto sent = options_.time->now();
  auto taken = co_await calls_.call<taken_value>(take_request(recovery_, std::move(one), floor), limit::call);
  if (!taken) co_return taken;
  taken->floor = clock_.merge(taken->floor);
  if (!synced || losses != status_.losses()) taken->value.reset();  // an invalidation may be missing from it
  age_by(taken->value, options_.time->now() - sent);
  co_return taken;
}

second_level_stats second_level::stats() const {
  second_level_stats out;
  if (!*this) return out;
  status_.collect(out);
  recovery_.collect(out);
  return out;
}

}  // namespace strata::detail
