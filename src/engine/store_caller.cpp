#include "engine/store_caller.hpp"

namespace strata::detail {

namespace {

/// How much longer a call may take that visits all keys or floors.
constexpr int walk_factor = 150;

std::shared_ptr<deadlines> within(duration limit, const cache_options& options) {
  if (limit <= duration::zero()) return nullptr;
  return std::make_shared<deadlines>(limit, *options.timer, *options.time);
}

}  // namespace

store_caller::store_caller(const cache_options& options, l2_status& status, counters& counters)
    : options_(options),
      status_(status),
      counters_(counters),
      calls_(within(options.l2_timeout, options)),
      walks_(within(options.l2_timeout * walk_factor, options)) {
}

}  // namespace strata::detail
