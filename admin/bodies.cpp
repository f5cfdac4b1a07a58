#include "admin/bodies.hpp"

namespace strata::admin {

admin_stats shown(const cache_stats& from) {
  admin_stats out{.entries = from.entries,
                  .bytes = from.bytes,
                  .budget = from.budget,
                  .evictions = from.evictions,
                  .expirations = from.expirations,
                  .flights = from.flights,
                  .l2_errors = from.l2_errors,
                  .l2_round_trips = from.l2_round_trips,
                  .clock = from.clock,
                  .latencies = from.latencies};
  for (const auto& each : from.types) {
    auto& type = out.types.emplace_back(admin_type{.type = each.type,
                                                   .l1_hits = each.l1_hits,
                                                   .l2_hits = each.l2_hits,
                                                   .negative_hits = each.negative_hits,
                                                   .stale_hits = each.stale_hits,
                                                   .refreshes = each.refreshes,
                                                   .shared = each.shared,
                                                   .fills = each.fills,
                                                   .fills_fenced = each.fills_fenced,
                                                   .fills_older = each.fills_older,
                                                   .fills_too_large = each.fills_too_large,
                                                   .fills_withheld = each.fills_withheld,
                                                   .factory_calls = each.factory_calls,
                                                   .factory_failures = each.factory_failures,
                                                   .removals = each.removals});
    for (std::size_t i = 1; i < miss_reasons; ++i) {  // 0 is no miss
      if (each.misses[i] != 0) type.misses[std::string(name(static_cast<miss_reason>(i)))] = each.misses[i];
    }
  }
  return out;
}

}  // namespace strata::admin
