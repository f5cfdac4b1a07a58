#pragma once
/// Renews a lease while its holder lives, so that leases can be short: a holder that dies blocks others only
/// for one lease.
/// Threads: internally locked.

#include "engine/engine_state.hpp"

#include <memory>
#include <string>

namespace strata::detail {

class lease_renewal final : public deadlines::entry, public std::enable_shared_from_this<lease_renewal> {
 public:
  /// Renews the lease `token` on `name` at a third of its length, until `stop`.
  static std::shared_ptr<lease_renewal> begin(std::shared_ptr<engine_state> state, std::string name,
                                              lease_token token);
  lease_renewal(std::shared_ptr<engine_state> state, std::string name, lease_token token);

  void stop();
  void expire() override;

 private:
  static task<> renew(std::shared_ptr<lease_renewal> self);
  void arm();

  const std::shared_ptr<engine_state> state_;
  const std::string name_;
  const lease_token token_;
  const time_point until_;  ///< a holder that takes longer hangs, and must not keep others waiting
  mutex mutex_;
  bool stopped_ STRATA_GUARDED_BY(mutex_) = false;
  deadlines::id next_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace strata::detail
