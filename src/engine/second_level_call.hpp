#pragma once
/// How second_level makes one call; part of its .cpp files only.
/// Threads: as second_level.

#include "engine/second_level.hpp"
#include "engine/timed_call.hpp"

#include <type_traits>
#include <variant>

namespace strata::detail {

/// What is left of a value's life was counted when the store answered, which may have been as early as it
/// was asked: `taken` ago.
inline void age_by(stored_value& value, duration taken) {
  value.ttl -= taken;
}
inline void age_by(acquire_result& answer, duration taken) {
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

/// What a call does besides asking: it tells the breaker how it went, and its `begin`, if that has
///   void failed(second_level&)      nobody knows whether it was done
///   void regret(second_level&, T&)  it was done after all, but its caller does not hear of it
template <class T, class Begin>
struct second_level::work {
  second_level& self;
  std::weak_ptr<void> owner;
  breaker::pass pass;
  Begin begin;

  task<result<T>> operator()(store& with) { return begin(with); }

  void ended(bool by_answer, result<T>& answer) {
    const auto alive = owner.lock();
    if (alive == nullptr) return;
    if constexpr (requires { begin.failed(self); }) {
      if (!answer) begin.failed(self);
    }
    const bool down =
        !answer && (answer.error().code == errc::timeout || answer.error().code == errc::store_unavailable);
    self.ended(pass, !down, !by_answer);
  }
  void late(result<T>& answer) {
    const auto alive = owner.lock();
    if (alive == nullptr || !answer) return;
    if constexpr (requires { begin.regret(self, *answer); }) begin.regret(self, *answer);
  }
};

template <class T, class Begin>
task<result<T>> second_level::call(Begin begin, std::shared_ptr<deadlines> limit) {
  const auto pass = enter();
  if (!pass) {
    if constexpr (requires { begin.failed(*this); }) begin.failed(*this);
    co_return fail(errc::store_unavailable, "the second level has failed, and is left alone for a while");
  }
  timed_call<T, work<T, Begin>> pending(options_.second_level, std::move(limit),
                                        work<T, Begin>{*this, owner_, *pass, std::move(begin)});
  co_return co_await pending;
}

template <class T, class Begin>
task<result<T>> second_level::serve(Begin begin) {
  const auto generation = generation_.load();
  if (!in_step_.load() && !co_await in_step()) {
    co_return fail(errc::store_unavailable, "the second level is not in step with this process yet");
  }
  const auto sent = now();
  constexpr bool regrets = requires(T& done) { begin.regret(*this, done); };
  std::optional<std::conditional_t<regrets, Begin, std::monostate>> begun;
  if constexpr (regrets) begun = begin;
  auto asked = call<T>(std::move(begin), calls_);
  auto answer = co_await std::move(asked);
  if (answer && generation != generation_.load()) {
    if constexpr (regrets) begun->regret(*this, *answer);
    co_return fail(errc::store_unavailable, "changes of the second level were missed while it was asked");
  }
  if constexpr (requires { age_by(*answer, duration()); }) {
    if (answer) age_by(*answer, now() - sent);
  }
  co_return answer;
}

}  // namespace strata::detail
