#pragma once
/// Makes calls to the store: each with a deadline, behind the circuit breaker, and counted.
/// Threads: any.

#include "engine/l2_status.hpp"
#include "engine/timed_call.hpp"

#include <strata/store.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <utility>

namespace strata::detail {

/// The hooks of a request. Derive from it, and redeclare those that the request needs.
struct request_hooks {
  /// It is unknown whether the store did it: the call failed, took too long, or was not let through.
  void on_failed() const {}
  /// The caller does not take this answer: it was destroyed, or has gone on after the deadline.
  template <class T>
  void on_abandoned(const result<T>& /*answer*/) const {}
};

/// A request to the store that returns `T`: what to ask, and its hooks. It owns its arguments. The hooks run
/// only while the engine lives.
template <class R, class T>
concept store_request =
    std::derived_from<R, request_hooks> && requires(R& request, store& to, const result<T>& answer) {
      { request(to) } -> std::same_as<task<result<T>>>;
      request.on_failed();
      request.on_abandoned(answer);
    };

/// A request without hooks.
template <class F>
struct plain_request : request_hooks {
  explicit plain_request(F begin) : begin(std::move(begin)) {}
  auto operator()(store& to) { return begin(to); }
  F begin;
};

class store_caller {
 public:
  enum class limit {
    call,  ///< l2_timeout
    walk,  ///< longer: the store visits all keys or floors
  };

  /// Lifetime: all outlive it.
  store_caller(const cache_options& options, l2_status& status, counters& counters);

  /// Calls keep `owner` alive while they run their hooks. Call it before the first call.
  void open(std::weak_ptr<void> owner) { owner_ = std::move(owner); }

  /// Asks the store. Errors: store_unavailable, also while the breaker is open; timeout; the store's own.
  template <class T, store_request<T> R>
  task<result<T>> call(R request, limit within) {
    const auto pass = status_.enter();
    if (!pass) {
      request.on_failed();
      co_return fail(errc::store_unavailable, "the second level has failed, and is left alone for a while");
    }
    timed_call<T, work<T, R>> pending(options_.second_level, deadlines_for(within),
                                      work<T, R>{*this, owner_, pass, std::move(request)});
    co_return co_await pending;
  }

  /// As `call`, but the breaker neither stops it nor learns from it.
  template <class T, store_request<T> R>
  task<result<T>> call_past_breaker(R request) {
    timed_call<T, work<T, R>> pending(options_.second_level, calls_,
                                      work<T, R>{*this, owner_, std::nullopt, std::move(request)});
    co_return co_await pending;
  }

 private:
  /// One call, as timed_call runs it.
  template <class T, class R>
  struct work {
    store_caller& self;
    std::weak_ptr<void> owner;
    std::optional<breaker::pass> pass;
    R request;

    task<result<T>> operator()(store& to) { return request(to); }

    void ended(bool by_answer, result<T>& answer) {
      const auto alive = owner.lock();
      if (alive == nullptr) return;
      if (!answer) request.on_failed();
      const bool down =
          !answer && (answer.error().code == errc::timeout || answer.error().code == errc::store_unavailable);
      if (pass) {
        self.status_.ended(*pass, !down, !by_answer);
      } else {
        self.counters_.l2_round_trip(!answer);
      }
    }
    void unwaited(result<T>& answer) {
      const auto alive = owner.lock();
      if (alive != nullptr) request.on_abandoned(answer);
    }
  };

  std::shared_ptr<deadlines> deadlines_for(limit within) const {
    return within == limit::call ? calls_ : walks_;
  }

  const cache_options& options_;
  l2_status& status_;
  counters& counters_;
  std::shared_ptr<deadlines> calls_;
  std::shared_ptr<deadlines> walks_;
  std::weak_ptr<void> owner_;
};

}  // namespace strata::detail
