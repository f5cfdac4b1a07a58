/// A store that fails as scripted. Long because it wraps every operation of the port.

#include "core/mutex.hpp"

#include <strata/testing.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <random>

namespace strata::testing {

namespace {

enum class fault { delay, fail, drop, corrupt };

struct scripted {
  fault kind;
  fault_rule rule;
  error what;
  std::size_t matched = 0;
};

/// The fault of one call.
struct verdict {
  fault kind{};
  bool after = false;
  error what;
  std::shared_ptr<async_latch> release;  ///< of delay and drop: set by let_go
  std::uint64_t random = 0;              ///< of corrupt
};

constexpr bool carries_values(store_call which) {
  switch (which) {
    case store_call::get:
    case store_call::get_many:
    case store_call::acquire:
    case store_call::acquire_many:
    case store_call::fill:
    case store_call::fill_many:
    case store_call::take:
    case store_call::put:
      return true;
    default:
      return false;
  }
}

void damage(std::string& bytes, std::uint64_t random) {
  if (bytes.empty()) {
    bytes += '?';
    return;
  }
  auto& at = bytes[random / 8 % bytes.size()];
  at = static_cast<char>(at ^ (1 << random % 8));
}
void damage(stored_value& value, std::uint64_t random) {
  damage(value.bytes, random);
}
template <class T>
  requires requires(T& value) { damage(value, 0); }
void damage(std::optional<T>& value, std::uint64_t random) {
  if (value) damage(*value, random);
}
void damage(taken_value& answer, std::uint64_t random) {
  damage(answer.value, random);
}
void damage(acquire_result& answer, std::uint64_t random) {
  damage(answer.value, random);
}
template <class T>
  requires requires(T& value) { damage(value, 0); }
void damage(std::vector<T>& values, std::uint64_t random) {
  for (auto& each : values) damage(each, random);
}

}  // namespace

struct faulty_store::script {
  script(std::shared_ptr<store> behind, std::uint64_t seed) : random(seed) { replace(std::move(behind)); }

  std::atomic<store*> real = nullptr;
  mutable detail::mutex mutex;
  std::vector<std::shared_ptr<store>> all STRATA_GUARDED_BY(mutex);  ///< calls may still be under way in each
  std::deque<scripted> rules STRATA_GUARDED_BY(mutex);
  std::deque<std::shared_ptr<async_latch>> waiting STRATA_GUARDED_BY(mutex);
  std::array<std::size_t, store_calls> calls STRATA_GUARDED_BY(mutex) = {};
  std::mt19937_64 random STRATA_GUARDED_BY(mutex);

  void replace(std::shared_ptr<store> behind) {
    detail::scoped_lock lock(mutex);
    real = behind.get();
    all.push_back(std::move(behind));
  }

  void add(fault kind, fault_rule rule, error what = {}) {
    detail::scoped_lock lock(mutex);
    rules.push_back({kind, std::move(rule), std::move(what)});
  }

  /// `keys` calls its argument for each key until it returns true, and returns whether it did.
  template <class Keys>
  std::optional<verdict> judge(store_call which, const Keys& keys) {
    detail::scoped_lock lock(mutex);
    ++calls[static_cast<std::size_t>(which)];
    for (auto& each : rules) {
      const auto& rule = each.rule;
      if (rule.call ? *rule.call != which : each.kind == fault::corrupt && !carries_values(which)) continue;
      if (rule.when && !keys([&](std::string_view key) { return rule.when(which, key); })) continue;
      if (rule.probability < 1 && std::uniform_real_distribution<>()(random) >= rule.probability) continue;
      const auto number = each.matched++;
      if (number < rule.skip || (rule.times != 0 && number >= rule.skip + rule.times)) continue;
      verdict out{
          .kind = each.kind, .after = rule.after, .what = each.what, .release = {}, .random = random()};
      if (each.kind == fault::delay || each.kind == fault::drop) {
        waiting.push_back(out.release = std::make_shared<async_latch>());
      }
      return out;
    }
    return std::nullopt;
  }

  std::size_t let_go(std::size_t at_most) {
    std::vector<std::shared_ptr<async_latch>> gone;
    {
      detail::scoped_lock lock(mutex);
      while (!waiting.empty() && gone.size() < at_most) {
        gone.push_back(std::move(waiting.front()));
        waiting.pop_front();
      }
    }
    for (const auto& each : gone) each->set();
    return gone.size();
  }

  /// Ends a call that suffers: `work` is the real one.
  template <class Answer, class Work>
  static task<Answer> suffer(verdict what, Work work) {
    std::optional<Answer> answer;
    if (what.after || what.kind == fault::corrupt) answer.emplace(co_await work());
    switch (what.kind) {
      case fault::delay:
        co_await what.release->wait();
        break;
      case fault::fail:
        co_return std::unexpected(std::move(what.what));
      case fault::drop:
        co_await what.release->wait();
        co_return strata::fail(errc::timeout, "the store did not answer, by a rule of the test");
      case fault::corrupt:
        if constexpr (requires { damage(**answer, 0); }) {
          if (*answer) damage(**answer, what.random);
        }
    }
    if (!answer) answer.emplace(co_await work());
    co_return std::move(*answer);
  }

  /// `work` is called with the store once, now or later.
  template <class Work, class Keys>
  static auto run(const std::shared_ptr<script>& self, store_call which, const Keys& keys, Work work) {
    using returned = std::invoke_result_t<Work&, store&, const verdict*>;
    auto what = self->judge(which, keys);
    if (!what) return work(*self->real.load(), nullptr);
    auto later = [self, fault = *what, work = std::move(work)]() mutable {
      return work(*self->real.load(), &fault);
    };
    return suffer<typename returned::value_type>(std::move(*what), std::move(later));
  }
};

/// Passes on what the real store notifies its observers of.
struct faulty_store::relay final : store_observer {
  explicit relay(std::shared_ptr<script> of) : of_(std::move(of)) { of_->real.load()->observe(*this); }
  ~relay() override { of_->real.load()->unobserve(*this); }
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;

  void changed(std::string_view key) override {
    notify(true, [=](store_observer& each) { each.changed(key); });
  }
  void replaced(std::string_view key) override {
    notify(true, [=](store_observer& each) { each.replaced(key); });
  }
  void floor_raised(floor_entry floor) override {
    notify(true, [=](store_observer& each) { each.floor_raised(floor); });
  }
  void lost(bool may_have_forgotten) override {
    notify(true, [=](store_observer& each) { each.lost(may_have_forgotten); });
  }
  void trust_until(time_point until, time_point source_watermark) override {
    detail::scoped_lock lock(mutex_);
    trusted_until_ = {until, source_watermark};
    for (auto* each : observers_) each->trust_until(until, source_watermark);
  }

  template <class Notify>
  void notify(bool by_store, Notify what) {
    detail::scoped_lock lock(mutex_);
    if (by_store && muted_) return;
    for (auto* each : observers_) what(*each);
  }
  void mute(bool muted) {
    detail::scoped_lock lock(mutex_);
    muted_ = muted;
  }
  void add(store_observer& observer) {
    detail::scoped_lock lock(mutex_);
    observers_.push_back(&observer);
    if (trusted_until_) observer.trust_until(trusted_until_->first, trusted_until_->second);
  }
  void remove(store_observer& observer) {
    detail::scoped_lock lock(mutex_);
    std::erase(observers_, &observer);
  }

 private:
  const std::shared_ptr<script> of_;
  detail::mutex mutex_;
  std::vector<store_observer*> observers_ STRATA_GUARDED_BY(mutex_);
  std::optional<std::pair<time_point, time_point>> trusted_until_ STRATA_GUARDED_BY(mutex_);
  bool muted_ STRATA_GUARDED_BY(mutex_) = false;
};

namespace {

auto one(std::string_view key) {
  return [key](const auto& matches) { return matches(key); };
}
auto each_of(std::span<const std::string> keys) {
  return [keys](const auto& matches) { return std::ranges::any_of(keys, matches); };
}
auto each_of(std::span<const fill_request> fills) {
  return [fills](const auto& matches) { return std::ranges::any_of(fills, matches, &fill_request::key); };
}

/// Fills with damaged bytes.
task<result<fill_result>> fill_damaged(store& real, fill_request value, std::uint64_t random) {
  std::string bytes(value.bytes);
  damage(bytes, random);
  value.bytes = bytes;
  co_return co_await real.fill(value);
}

task<result<std::vector<fill_result>>> fill_all_damaged(store& real, std::span<const fill_request> fills,
                                                        std::uint64_t random) {
  std::vector<std::string> bytes;
  std::vector<fill_request> damaged(fills.begin(), fills.end());
  bytes.reserve(fills.size());
  for (auto& each : damaged) {
    damage(bytes.emplace_back(each.bytes), random);
    each.bytes = bytes.back();
  }
  co_return co_await real.fill_many(damaged);
}

task<result<void>> put_damaged(store& real, std::string_view key, std::string_view bytes, duration ttl,
                               std::uint64_t random) {
  std::string damaged(bytes);
  damage(damaged, random);
  co_return co_await real.put(key, damaged, ttl);
}

bool corrupts(const verdict* what) {
  return what != nullptr && what->kind == fault::corrupt;
}

}  // namespace

std::string_view name(store_call which) noexcept {
  constexpr std::array<std::string_view, store_calls> names{"get",
                                                            "get_many",
                                                            "acquire",
                                                            "acquire_many",
                                                            "take_lease",
                                                            "force_lease",
                                                            "force_lease_many",
                                                            "fill",
                                                            "fill_many",
                                                            "release",
                                                            "renew",
                                                            "invalidate",
                                                            "expire",
                                                            "take",
                                                            "invalidate_matching",
                                                            "touch",
                                                            "raise",
                                                            "apply",
                                                            "restore",
                                                            "floors",
                                                            "put",
                                                            "remove",
                                                            "clear",
                                                            "read_watermark",
                                                            "advance_watermark",
                                                            "charge"};
  return names[static_cast<std::size_t>(which)];
}

faulty_store::faulty_store(std::shared_ptr<store> real, std::uint64_t seed)
    : script_(std::make_shared<script>(std::move(real), seed)), relay_(std::make_unique<relay>(script_)) {
}

faulty_store::~faulty_store() {
  relay_.reset();
  script_->let_go(SIZE_MAX);
}

void faulty_store::replace(std::shared_ptr<store> real) {
  script_->real.load()->unobserve(*relay_);
  script_->replace(std::move(real));
  script_->real.load()->observe(*relay_);
}
void faulty_store::lose(bool may_have_forgotten) {
  relay_->notify(false, [=](store_observer& each) { each.lost(may_have_forgotten); });
}
void faulty_store::trust_until(time_point until, time_point source_watermark) {
  relay_->trust_until(until, source_watermark);
}
void faulty_store::mute(bool muted) {
  relay_->mute(muted);
}

void faulty_store::delay(fault_rule rule) {
  script_->add(fault::delay, std::move(rule));
}
void faulty_store::fail(fault_rule rule, error what) {
  script_->add(fault::fail, std::move(rule), std::move(what));
}
void faulty_store::drop(fault_rule rule) {
  script_->add(fault::drop, std::move(rule));
}
void faulty_store::corrupt(fault_rule rule) {
  if (rule.call && !carries_values(*rule.call)) {
    throw bad_options({std::string(name(*rule.call)) + " carries no values that could be corrupted"});
  }
  script_->add(fault::corrupt, std::move(rule));
}

void faulty_store::heal() {
  detail::scoped_lock lock(script_->mutex);
  script_->rules.clear();
}

std::size_t faulty_store::waiting() const {
  detail::scoped_lock lock(script_->mutex);
  return script_->waiting.size();
}

std::size_t faulty_store::let_go(std::size_t at_most) {
  return script_->let_go(at_most);
}

std::size_t faulty_store::calls(store_call which) const {
  detail::scoped_lock lock(script_->mutex);
  return script_->calls[static_cast<std::size_t>(which)];
}

task<result<std::optional<stored_value>>> faulty_store::get(std::string_view key) {
  return script::run(script_, store_call::get, one(key),
                     [=](store& real, const verdict*) { return real.get(key); });
}

task<result<std::vector<std::optional<stored_value>>>> faulty_store::get_many(
    std::span<const std::string> keys) {
  return script::run(script_, store_call::get_many, each_of(keys),
                     [=](store& real, const verdict*) { return real.get_many(keys); });
}

task<result<acquire_result>> faulty_store::acquire(std::string_view key, duration hold, commit_time known) {
  return script::run(script_, store_call::acquire, one(key),
                     [=](store& real, const verdict*) { return real.acquire(key, hold, known); });
}

task<result<std::vector<acquire_result>>> faulty_store::acquire_many(std::span<const std::string> keys,
                                                                     duration hold, commit_time known) {
  return script::run(script_, store_call::acquire_many, each_of(keys),
                     [=](store& real, const verdict*) { return real.acquire_many(keys, hold, known); });
}

task<result<lease_grant>> faulty_store::take_lease(std::string_view key, duration hold, commit_time known) {
  return script::run(script_, store_call::take_lease, one(key),
                     [=](store& real, const verdict*) { return real.take_lease(key, hold, known); });
}

task<result<lease_grant>> faulty_store::force_lease(std::string_view key, duration hold, commit_time known) {
  return script::run(script_, store_call::force_lease, one(key),
                     [=](store& real, const verdict*) { return real.force_lease(key, hold, known); });
}

task<result<std::vector<lease_grant>>> faulty_store::force_lease_many(std::span<const std::string> keys,
                                                                      duration hold, commit_time known) {
  return script::run(script_, store_call::force_lease_many, each_of(keys),
                     [=](store& real, const verdict*) { return real.force_lease_many(keys, hold, known); });
}

task<result<fill_result>> faulty_store::fill(fill_request value) {
  return script::run(script_, store_call::fill, one(value.key), [=](store& real, const verdict* what) {
    return corrupts(what) ? fill_damaged(real, value, what->random) : real.fill(value);
  });
}

task<result<std::vector<fill_result>>> faulty_store::fill_many(std::span<const fill_request> fills) {
  return script::run(script_, store_call::fill_many, each_of(fills), [=](store& real, const verdict* what) {
    return corrupts(what) ? fill_all_damaged(real, fills, what->random) : real.fill_many(fills);
  });
}

task<result<void>> faulty_store::release(std::string_view key, lease_token lease) {
  return script::run(script_, store_call::release, one(key),
                     [=](store& real, const verdict*) { return real.release(key, lease); });
}

task<result<bool>> faulty_store::renew(std::string_view key, lease_token lease, duration hold) {
  return script::run(script_, store_call::renew, one(key),
                     [=](store& real, const verdict*) { return real.renew(key, lease, hold); });
}

task<result<commit_time>> faulty_store::invalidate(std::span<const std::string> keys, commit_time at_least) {
  return script::run(script_, store_call::invalidate, each_of(keys),
                     [=](store& real, const verdict*) { return real.invalidate(keys, at_least); });
}

task<result<commit_time>> faulty_store::expire(std::span<const std::string> keys, commit_time at_least) {
  return script::run(script_, store_call::expire, each_of(keys),
                     [=](store& real, const verdict*) { return real.expire(keys, at_least); });
}

task<result<taken_value>> faulty_store::take(std::string_view key, commit_time at_least) {
  return script::run(script_, store_call::take, one(key),
                     [=](store& real, const verdict*) { return real.take(key, at_least); });
}

task<result<sweep_result>> faulty_store::invalidate_matching(std::string_view glob, commit_time at_least) {
  return script::run(script_, store_call::invalidate_matching, one(glob),
                     [=](store& real, const verdict*) { return real.invalidate_matching(glob, at_least); });
}

task<result<bool>> faulty_store::touch(std::string_view key, duration ttl) {
  return script::run(script_, store_call::touch, one(key),
                     [=](store& real, const verdict*) { return real.touch(key, ttl); });
}

task<result<commit_time>> faulty_store::raise(std::span<const floor_entry> floors) {
  return script::run(script_, store_call::raise, one(""),
                     [=](store& real, const verdict*) { return real.raise(floors); });
}

task<result<commit_time>> faulty_store::apply(store_invalidation what) {
  return script::run(script_, store_call::apply, each_of(what.keys),
                     [=](store& real, const verdict*) { return real.apply(what); });
}

task<result<void>> faulty_store::restore(std::span<const floor_entry> floors) {
  return script::run(script_, store_call::restore, one(""),
                     [=](store& real, const verdict*) { return real.restore(floors); });
}

task<result<std::vector<floor_entry>>> faulty_store::floors() {
  return script::run(script_, store_call::floors, one(""),
                     [](store& real, const verdict*) { return real.floors(); });
}

task<result<void>> faulty_store::put(std::string_view key, std::string_view bytes, duration ttl) {
  return script::run(script_, store_call::put, one(key), [=](store& real, const verdict* what) {
    return corrupts(what) ? put_damaged(real, key, bytes, ttl, what->random) : real.put(key, bytes, ttl);
  });
}

task<result<bool>> faulty_store::remove(std::string_view key) {
  return script::run(script_, store_call::remove, one(key),
                     [=](store& real, const verdict*) { return real.remove(key); });
}

task<result<commit_time>> faulty_store::clear(commit_time at_least) {
  return script::run(script_, store_call::clear, one(""),
                     [=](store& real, const verdict*) { return real.clear(at_least); });
}

task<result<relay_watermark>> faulty_store::read_watermark() {
  return script::run(script_, store_call::read_watermark, one(""),
                     [](store& real, const verdict*) { return real.read_watermark(); });
}

task<result<std::optional<relay_watermark>>> faulty_store::advance_watermark(relay_watermark seen) {
  return script::run(
      script_, store_call::advance_watermark, one(""),
      [seen = std::move(seen)](store& real, const verdict*) { return real.advance_watermark(seen); });
}

task<result<rate_standing>> faulty_store::charge(rate_charge what) {
  return script::run(script_, store_call::charge, one(what.bucket),
                     [=](store& real, const verdict*) -> task<result<rate_standing>> {
                       auto* const limits = dynamic_cast<rate_limit_store*>(&real);
                       if (limits != nullptr) return limits->charge(what);
                       return result<rate_standing>(
                           strata::fail(errc::invalid_argument, "the store behind keeps no rate limits"));
                     });
}

void faulty_store::observe(store_observer& observer) {
  relay_->add(observer);
}

void faulty_store::unobserve(store_observer& observer) {
  relay_->remove(observer);
}

std::string_view faulty_store::name_space() const noexcept {
  return script_->real.load()->name_space();
}

}  // namespace strata::testing
