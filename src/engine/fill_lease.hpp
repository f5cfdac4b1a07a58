#pragma once
/// A lease of L2 on one key: the right to fill it. Renewed while it is held, and released when destroyed, so
/// that no other process waits for a fill that will not come. Threads: one at a time.

#include "engine/engine_state.hpp"
#include "engine/lease_renewal.hpp"

#include <memory>
#include <string>
#include <utility>

namespace strata::detail {

class fill_lease {
 public:
  fill_lease() = default;
  /// Holds what L2 granted for `key`.
  fill_lease(engine_state& state, const key& key, lease_grant grant)
      : state_(state.shared()),
        name_(state.l2_key(key)),
        token_(grant.lease),
        granted_at_(state.clock.merge(grant.granted_at)),
        renewal_(token_ == 0 ? nullptr : lease_renewal::begin(state_, name_, token_)) {}
  fill_lease(fill_lease&& other) noexcept
      : state_(std::move(other.state_)),
        name_(std::move(other.name_)),
        token_(std::exchange(other.token_, 0)),
        granted_at_(other.granted_at_),
        renewal_(std::move(other.renewal_)) {}
  fill_lease& operator=(fill_lease&& other) noexcept {
    std::swap(state_, other.state_);
    std::swap(name_, other.name_);
    std::swap(token_, other.token_);
    std::swap(granted_at_, other.granted_at_);
    std::swap(renewal_, other.renewal_);
    return *this;
  }
  ~fill_lease() {
    stop_renewing();
    if (token_ != 0) release(std::move(state_), std::move(name_), token_);
  }

  explicit operator bool() const noexcept { return token_ != 0; }
  /// For a fill.
  lease_token token() const noexcept { return token_; }
  /// A fill has ended the lease.
  void spent() noexcept {
    stop_renewing();
    token_ = 0;
  }
  /// The asof to give a factory that starts now: the store's counter when it granted the lease or refused it,
  /// or the local clock if the store did not answer.
  commit_time asof(const commit_clock& local) const noexcept {
    return granted_at_ != 0 ? granted_at_ : local.now();
  }
  /// The store's counter when it granted the lease or refused it; 0: it did not answer.
  commit_time granted_at() const noexcept { return granted_at_; }

 private:
  void stop_renewing() noexcept {
    if (renewal_ != nullptr) std::exchange(renewal_, nullptr)->stop();
  }
  static void release(std::shared_ptr<engine_state> state, std::string name, lease_token token);

  std::shared_ptr<engine_state> state_;
  std::string name_;
  lease_token token_ = 0;
  commit_time granted_at_ = 0;
  std::shared_ptr<lease_renewal> renewal_;
};

}  // namespace strata::detail
