/// Calls to the store that can be late or lost. Long because it wraps every operation of the port.

#include "tests/simulator/network.hpp"

#include <utility>

namespace strata::simulator {

namespace {

using testing::store_call;

/// The state of a waiting caller.
template <class Answer>
struct exchange {
  std::optional<result<Answer>> got;     ///< the reply of the store
  std::optional<result<Answer>> answer;  ///< the result for the caller
  std::coroutine_handle<> handle;
  executor* where = nullptr;

  void wake() {
    if (!handle) return;
    if (where != nullptr) {
      where->post([resumed = handle] { resumed.resume(); });
    } else {
      handle.resume();
    }
  }
};

template <class Answer>
struct answer_to {
  exchange<Answer>& of;
  bool await_ready() const noexcept { return of.answer.has_value(); }
  template <class P>
  void await_suspend(std::coroutine_handle<P> caller) noexcept {
    of.handle = caller;
    of.where = strata::detail::executor_of(caller);
  }
  void await_resume() const noexcept {}
};

template <class Answer>
task<result<Answer>> answer_of(std::shared_ptr<exchange<Answer>> waiting) {
  co_await answer_to<Answer>{*waiting};
  co_return std::move(*waiting->answer);
}

void flip(std::string& bytes, std::uint64_t random) {
  if (bytes.empty()) return;
  auto& at = bytes[random / 8 % bytes.size()];
  at = static_cast<char>(at ^ (1 << random % 8));
}
void damage(stored_value& value, std::uint64_t random) {
  flip(value.bytes, random);
}
void damage(acquire_result& answer, std::uint64_t random) {
  if (answer.value) damage(*answer.value, random);
}
template <class T>
  requires requires(T& value) { damage(value, 0); }
void damage(std::optional<T>& value, std::uint64_t random) {
  if (value) damage(*value, random);
}
template <class T>
  requires requires(T& value) { damage(value, 0); }
void damage(std::vector<T>& values, std::uint64_t random) {
  for (auto& each : values) damage(each, random);
}

/// A fill and the data that it refers to.
struct owned_fill {
  std::string key;
  std::string bytes;
  fill_request what;

  time_point end;  ///< end of its life, which begins with the call

  owned_fill(const fill_request& from, time_point sent)
      : key(from.key), bytes(from.bytes), what(from), end(sent + from.ttl) {}
  fill_request request(time_point executed) const {
    auto out = what;
    out.key = key;
    out.bytes = bytes;
    out.ttl = end - executed;
    return out;
  }
};

subject about(store_call call, std::span<const std::string> keys) {
  subject out;
  out.call = call;
  out.keys.assign(keys.begin(), keys.end());
  return out;
}
subject about(store_call call, std::string_view key, lease_token lease = 0) {
  subject out;
  out.call = call;
  out.keys.emplace_back(key);
  out.leases = {lease};
  return out;
}

std::vector<lease_token> leases_in(const acquire_result& answer) {
  return {answer.lease};
}
std::vector<lease_token> leases_in(const lease_grant& answer) {
  return {answer.lease};
}
std::vector<lease_token> leases_in(const std::vector<lease_grant>& answers) {
  std::vector<lease_token> out;
  for (const auto& each : answers) out.push_back(each.lease);
  return out;
}

}  // namespace

connection::connection(network& over, unsigned process) : over_(over), process_(process) {
  over_.connections_.push_back(this);
  open();
}

connection::~connection() {
  close();
  std::erase(over_.connections_, this);
}

void connection::open() {
  real_ = connect(over_.server_);
  real_->observe(*this);
}

void connection::close() {
  if (real_ != nullptr) real_->unobserve(*this);
  real_ = nullptr;
  pushes_.clear();
}

void connection::changed(std::string_view key) {
  pushes_.push_back({.what = push::kind::changed,
                     .key = std::string(key),
                     .floor = {},
                     .source = {},
                     .note = over_.cause_});
}

void connection::replaced(std::string_view key) {
  pushes_.push_back({.what = push::kind::replaced,
                     .key = std::string(key),
                     .floor = {},
                     .source = {},
                     .note = over_.cause_});
}

void connection::floor_raised(floor_entry floor) {
  pushes_.push_back(
      {.what = push::kind::floor, .key = {}, .floor = floor, .source = {}, .note = over_.cause_});
}

void connection::lost(bool) {
  pushes_.push_back({.what = push::kind::lost, .key = {}, .floor = {}, .source = {}, .note = over_.cause_});
}

void connection::trust_until(time_point, time_point) {
}

void connection::observe(store_observer& observer) {
  told_ = &observer;
  told_->trust_until(over_.trust_ ? time_point::min() : time_point::max(), time_point::min());
}

void connection::tell() {
  const auto next = std::move(pushes_.front());
  pushes_.pop_front();
  over_.listener_.told(process_, next);
  if (told_ == nullptr) return;
  if (next.what == push::kind::changed) told_->changed(next.key);
  if (next.what == push::kind::replaced) told_->replaced(next.key);
  if (next.what == push::kind::floor) told_->floor_raised(next.floor);
  if (next.what == push::kind::lost) told_->lost(false);
  if (next.what == push::kind::source) told_->trust_until(next.source + *over_.trust_, next.source);
}

void connection::lose(chance& random) {
  close();
  const error why{errc::store_unavailable, "the connection is lost"};
  for (auto& each : over_.requests_) {
    if (each.from != this) continue;
    each.from = nullptr;
    if (each.answer) over_.fail(each, why);
    if (random.percent(50)) each.execute = nullptr;  // the others were sent, and arrive at some time
  }
  std::erase_if(over_.requests_, [](const request& each) { return !each.execute; });
  for (auto& each : over_.replies_) {
    if (each.about.process == process_ && !each.failure) each.failure = why;
  }
}

void connection::restore() {
  open();
  over_.listener_.told_lost(process_);
  if (told_ != nullptr && over_.trust_) told_->trust_until(time_point::min(), time_point::min());
  if (told_ != nullptr) told_->lost(std::exchange(emptied_, false));
}

void connection::cut(chance& random) {
  dead_ = true;
  lose(random);
  std::vector<reply> mine;
  std::vector<reply> others;
  for (auto& each : over_.replies_) {
    (each.about.process == process_ ? mine : others).push_back(std::move(each));
  }
  over_.replies_ = std::move(others);
  for (auto& each : mine) each.answer(std::move(each.failure));
}

template <class Answer, class Work, class Spoil>
task<result<Answer>> connection::call(subject about, Work work, Spoil spoil) {
  if (!up() || dead_) {
    over_.listener_.unsent(process_);
    return result<Answer>(strata::fail(errc::store_unavailable, "there is no connection"));
  }
  auto shared = std::make_shared<exchange<Answer>>();
  about.id = ++over_.last_request_;
  about.process = process_;
  about.sent = over_.time_.now();
  about.note = over_.listener_.sent(about);
  request out;
  out.from = this;
  out.execute = [shared, about, listener = &over_.listener_, work = std::move(work)](store& real) mutable {
    auto& got = shared->got.emplace(work(real).take_ready());
    std::vector<lease_token> leases;
    std::vector<fill_result> filled;
    if constexpr (requires { leases_in(*got); }) leases = leases_in(*got);
    if constexpr (std::is_same_v<Answer, fill_result>) filled = {*got};
    if constexpr (std::is_same_v<Answer, std::vector<fill_result>>) filled = *got;
    listener->executed(about, leases, filled);
  };
  out.damage = [shared, spoil = std::move(spoil)](bool executed, std::uint64_t random) mutable {
    if (!executed) {
      spoil(random);
      return;
    }
    if constexpr (requires { damage(**shared->got, random); }) damage(**shared->got, random);
  };
  out.answer = [shared](std::optional<error> failure) {
    if (failure) {
      shared->answer.emplace(std::unexpected(std::move(*failure)));
    } else {
      shared->answer.emplace(*shared->got);
    }
    shared->wake();
  };
  out.about = std::move(about);
  over_.requests_.push_back(std::move(out));
  return answer_of(std::move(shared));
}

void network::fail(request& what, error why) {
  replies_.push_back({what.about, std::move(why), std::move(what.answer)});
  what.answer = nullptr;
}

void network::execute(request& what) {
  const auto call = what.about.call;
  if (call == store_call::acquire || call == store_call::acquire_many || call == store_call::take_lease ||
      call == store_call::force_lease || call == store_call::force_lease_many) {
    leases_given_ += what.about.keys.size();
  }
  cause_ = listener_.executing(what.about);
  const auto behind =
      what.from != nullptr && what.from->real_ != nullptr ? what.from->real_ : connect(server_);
  what.execute(*behind);
  cause_ = 0;
}

void network::meet(std::size_t which, fate meets, std::uint64_t random) {
  auto& there = requests_[which];
  if (meets == fate::late && there.answer) {
    fail(there, {errc::timeout, "the store does not answer"});
    return;
  }
  request next = std::move(there);
  requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(which));
  if (meets == fate::lost || meets == fate::refused) {
    const bool silent = meets == fate::lost;
    if (next.answer) {
      fail(next, silent ? error{errc::timeout, "the store does not answer"}
                        : error{errc::store_unavailable, "the store refuses"});
    }
    return;
  }
  if (meets == fate::corrupted) next.damage(false, random);
  execute(next);
  if (meets == fate::corrupted) next.damage(true, random);
  if (!next.answer) return;
  if (meets == fate::unanswered) {
    fail(next, {errc::timeout, "the store does not answer"});
  } else {
    replies_.push_back({next.about, std::nullopt, std::move(next.answer)});
  }
}

void network::arrive(std::size_t which) {
  reply next = std::move(replies_[which]);
  replies_.erase(replies_.begin() + static_cast<std::ptrdiff_t>(which));
  listener_.answered(next.about, next.failure);
  next.answer(std::move(next.failure));
}

void network::relay(const std::vector<std::string>& changed, time_point until) {
  if (!changed.empty()) (void)connect(server_)->invalidate(changed, 0).take_ready();
  for (auto* each : connections_) {
    if (!each->up()) continue;
    each->pushes_.push_back({.what = push::kind::source, .key = {}, .floor = {}, .source = until, .note = 0});
  }
}

bool network::leave_lease(std::string_view key, duration hold) {
  const auto taken = connect(server_)->take_lease(key, hold, 0).take_ready();
  if (!taken || taken->lease == 0) return false;
  ++leases_given_;
  return true;
}

void network::start_empty(chance& random) {
  for (auto* each : connections_) {
    each->lose(random);
    each->emptied_ = true;
  }
  requests_.clear();
  server_ = make_memory_server(time_, budget_);
  // No server issues a token twice.
  const auto fresh = connect(server_);
  for (std::size_t i = 0; i < leases_given_; ++i) {
    (void)fresh->force_lease("tokens", std::chrono::nanoseconds(1), 0).take_ready();
  }
}

task<result<std::optional<stored_value>>> connection::get(std::string_view key) {
  return call<std::optional<stored_value>>(about(store_call::get, key),
                                           [key = std::string(key)](store& real) { return real.get(key); });
}

task<result<std::vector<std::optional<stored_value>>>> connection::get_many(
    std::span<const std::string> keys) {
  return call<std::vector<std::optional<stored_value>>>(
      about(store_call::get_many, keys),
      [keys = std::vector(keys.begin(), keys.end())](store& real) { return real.get_many(keys); });
}

task<result<acquire_result>> connection::acquire(std::string_view key, duration hold, commit_time known) {
  return call<acquire_result>(
      about(store_call::acquire, key),
      [key = std::string(key), hold, known](store& real) { return real.acquire(key, hold, known); });
}

task<result<std::vector<acquire_result>>> connection::acquire_many(std::span<const std::string> keys,
                                                                   duration hold, commit_time known) {
  return call<std::vector<acquire_result>>(about(store_call::acquire_many, keys),
                                           [keys = std::vector(keys.begin(), keys.end()), hold, known](
                                               store& real) { return real.acquire_many(keys, hold, known); });
}

task<result<lease_grant>> connection::take_lease(std::string_view key, duration hold, commit_time known) {
  return call<lease_grant>(
      about(store_call::take_lease, key),
      [key = std::string(key), hold, known](store& real) { return real.take_lease(key, hold, known); });
}

task<result<lease_grant>> connection::force_lease(std::string_view key, duration hold, commit_time known) {
  return call<lease_grant>(
      about(store_call::force_lease, key),
      [key = std::string(key), hold, known](store& real) { return real.force_lease(key, hold, known); });
}

task<result<std::vector<lease_grant>>> connection::force_lease_many(std::span<const std::string> keys,
                                                                    duration hold, commit_time known) {
  return call<std::vector<lease_grant>>(
      about(store_call::force_lease_many, keys),
      [keys = std::vector(keys.begin(), keys.end()), hold, known](store& real) {
        return real.force_lease_many(keys, hold, known);
      });
}

task<result<fill_result>> connection::fill(fill_request value) {
  const auto owned = std::make_shared<owned_fill>(value, over_.time_.now());
  return call<fill_result>(
      about(store_call::fill, value.key, value.lease),
      [owned, &time = over_.time_](store& real) { return real.fill(owned->request(time.now())); },
      [owned](std::uint64_t random) { flip(owned->bytes, random); });
}

task<result<std::vector<fill_result>>> connection::fill_many(std::span<const fill_request> fills) {
  std::vector<owned_fill> owned;
  for (const auto& each : fills) owned.emplace_back(each, over_.time_.now());
  subject what;
  what.call = store_call::fill_many;
  for (const auto& each : owned) {
    what.keys.push_back(each.key);
    what.leases.push_back(each.what.lease);
  }
  return call<std::vector<fill_result>>(std::move(what), [owned, &time = over_.time_](store& real) {
    std::vector<fill_request> requests;
    for (const auto& each : owned) requests.push_back(each.request(time.now()));
    return real.fill_many(requests);
  });
}

task<result<void>> connection::release(std::string_view key, lease_token lease) {
  return call<void>(about(store_call::release, key, lease),
                    [key = std::string(key), lease](store& real) { return real.release(key, lease); });
}

task<result<bool>> connection::renew(std::string_view key, lease_token lease, duration hold) {
  return call<bool>(about(store_call::renew, key, lease), [key = std::string(key), lease, hold](store& real) {
    return real.renew(key, lease, hold);
  });
}

task<result<commit_time>> connection::invalidate(std::span<const std::string> keys, commit_time at_least) {
  return call<commit_time>(about(store_call::invalidate, keys),
                           [keys = std::vector(keys.begin(), keys.end()), at_least](store& real) {
                             return real.invalidate(keys, at_least);
                           });
}

task<result<commit_time>> connection::expire(std::span<const std::string> keys, commit_time at_least) {
  return call<commit_time>(about(store_call::expire, keys),
                           [keys = std::vector(keys.begin(), keys.end()), at_least](store& real) {
                             return real.expire(keys, at_least);
                           });
}

task<result<sweep_result>> connection::invalidate_matching(std::string_view glob, commit_time at_least) {
  return call<sweep_result>(
      about(store_call::invalidate_matching, glob),
      [glob = std::string(glob), at_least](store& real) { return real.invalidate_matching(glob, at_least); });
}

task<result<bool>> connection::touch(std::string_view key, duration ttl) {
  return call<bool>(about(store_call::touch, key),
                    [key = std::string(key), ttl](store& real) { return real.touch(key, ttl); });
}

task<result<commit_time>> connection::raise(std::span<const floor_entry> floors) {
  subject what;
  what.call = store_call::raise;
  what.floors.assign(floors.begin(), floors.end());
  return call<commit_time>(std::move(what), [floors = std::vector(floors.begin(), floors.end())](
                                                store& real) { return real.raise(floors); });
}

task<result<commit_time>> connection::apply(store_invalidation all) {
  auto what = about(store_call::apply, all.keys);
  what.floors.assign(all.floors.begin(), all.floors.end());
  what.soft = all.soft;
  return call<commit_time>(
      what, [keys = what.keys, floors = what.floors, soft = all.soft, at_least = all.at_least](store& real) {
        return real.apply({.keys = keys, .floors = floors, .soft = soft, .at_least = at_least});
      });
}

task<result<void>> connection::restore(std::span<const floor_entry> floors) {
  subject what;
  what.call = store_call::restore;
  what.floors.assign(floors.begin(), floors.end());
  return call<void>(std::move(what), [floors = std::vector(floors.begin(), floors.end())](store& real) {
    return real.restore(floors);
  });
}

task<result<std::vector<floor_entry>>> connection::floors() {
  subject what;
  what.call = store_call::floors;
  return call<std::vector<floor_entry>>(std::move(what), [](store& real) { return real.floors(); });
}

task<result<void>> connection::put(std::string_view key, std::string_view bytes, duration ttl) {
  return call<void>(about(store_call::put, key), [key = std::string(key), bytes = std::string(bytes),
                                                  ttl](store& real) { return real.put(key, bytes, ttl); });
}

task<result<bool>> connection::remove(std::string_view key) {
  return call<bool>(about(store_call::remove, key),
                    [key = std::string(key)](store& real) { return real.remove(key); });
}

task<result<commit_time>> connection::clear(commit_time at_least) {
  subject what;
  what.call = store_call::clear;
  return call<commit_time>(std::move(what), [at_least](store& real) { return real.clear(at_least); });
}

task<result<relay_watermark>> connection::read_watermark() {
  subject what;
  what.call = store_call::read_watermark;
  return call<relay_watermark>(std::move(what), [](store& real) { return real.read_watermark(); });
}

task<result<std::optional<relay_watermark>>> connection::advance_watermark(relay_watermark seen) {
  subject what;
  what.call = store_call::advance_watermark;
  return call<std::optional<relay_watermark>>(
      std::move(what), [seen = std::move(seen)](store& real) { return real.advance_watermark(seen); });
}

}  // namespace strata::simulator
