#include "admin/bodies.hpp"

namespace strata::admin {

namespace {

double seconds(duration span) {
  return std::chrono::duration<double>(span).count();
}

}  // namespace

admin_explanation admin_explanation_of(const explanation& from) {
  admin_explanation out{
      .key = from.key, .type = from.type, .in_flight = from.in_flight, .next_read = from.next_read};
  for (const auto& each : from.levels) {
    out.levels.push_back({.layer = std::string(name(each.layer)),
                          .state = std::string(name(each.state)),
                          .reason = each.reason == miss_reason::none ? "" : std::string(name(each.reason)),
                          .detail = each.detail,
                          .ttl_seconds = seconds(each.ttl),
                          .age_seconds = seconds(each.age),
                          .asof = each.asof,
                          .bytes = each.size.count,
                          .negative = each.negative,
                          .tags = each.tags});
  }
  return out;
}

admin_stats admin_stats_of(const cache_stats& from) {
  admin_stats out{.entries = from.entries,
                  .bytes = from.used.count,
                  .budget = from.budget.count,
                  .evictions = from.evictions,
                  .expirations = from.expirations,
                  .flights = from.flights,
                  .l2_errors = from.l2_errors,
                  .l2_round_trips = from.l2_round_trips,
                  .clock = from.clock};
  for (const auto& each : from.latencies) {
    auto& latency = out.latencies.emplace_back(
        admin_latency{.operation = each.operation, .counts = each.counts, .sum_seconds = seconds(each.sum)});
    for (const auto bound : each.bounds) latency.bounds.push_back(seconds(bound));
  }
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

admin_edge_status admin_edge_status_of(const edge_stats& from) {
  admin_edge_status out{.active = from.active,
                        .queued = from.queued,
                        .oldest_seconds = std::chrono::duration<double>(from.oldest).count(),
                        .trouble = from.trouble,
                        .edges = {}};
  for (const auto& each : from.edges) {
    out.edges.push_back(
        {each.name, each.purged, each.failed, each.unproven, each.calls, each.waiting, each.trouble});
  }
  return out;
}

}  // namespace strata::admin
