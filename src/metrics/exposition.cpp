#include <strata/metrics.hpp>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <initializer_list>
#include <limits>
#include <utility>

namespace strata {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using labels = std::initializer_list<std::pair<const char*, std::string_view>>;

/// Collects metric families in the order of the calls.
class families {
 public:
  MetricFamily& counter(const char* name, const char* help) { return add(name, help, MetricType::Counter); }
  MetricFamily& gauge(const char* name, const char* help) { return add(name, help, MetricType::Gauge); }
  MetricFamily& histogram(const char* name, const char* help) {
    return add(name, help, MetricType::Histogram);
  }
  void counter(const char* name, const char* help, std::uint64_t value);
  void gauge(const char* name, const char* help, double value);

  std::vector<MetricFamily> all;

 private:
  MetricFamily& add(const char* name, const char* help, MetricType type) {
    return all.emplace_back(MetricFamily{name, help, type, {}});
  }
};

ClientMetric& series(MetricFamily& of, labels with) {
  auto& metric = of.metric.emplace_back();
  for (const auto& [name, value] : with) metric.label.push_back({name, std::string(value)});
  return metric;
}

void count(MetricFamily& of, labels with, std::uint64_t value) {
  series(of, with).counter.value = static_cast<double>(value);
}

void measure(MetricFamily& of, labels with, double value) {
  series(of, with).gauge.value = value;
}

double seconds(duration span) {
  return std::chrono::duration<double>(span).count();
}

void observe(MetricFamily& of, labels with, const latency_stats& from) {
  auto& into = series(of, with).histogram;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < from.counts.size(); ++i) {
    cumulative += from.counts[i];
    into.bucket.push_back({cumulative, i < from.bounds.size() ? seconds(from.bounds[i])
                                                              : std::numeric_limits<double>::infinity()});
  }
  into.sample_count = cumulative;
  into.sample_sum = seconds(from.sum);
}

void families::counter(const char* name, const char* help, std::uint64_t value) {
  count(counter(name, help), {}, value);
}
void families::gauge(const char* name, const char* help, double value) {
  measure(gauge(name, help), {}, value);
}

void add_reads(families& into, const cache_stats& from) {
  auto& hits =
      into.counter("cache_hits_total", "Reads answered by the cache, by the level that had the value.");
  for (const auto& each : from.types) {
    count(hits, {{"cache_type", each.type}, {"level", "l1"}}, each.l1_hits);
    count(hits, {{"cache_type", each.type}, {"level", "l2"}}, each.l2_hits);
  }
  auto& negative = into.counter("cache_negative_hits_total", "Hits on a cached \"not found\".");
  for (const auto& each : from.types) count(negative, {{"cache_type", each.type}}, each.negative_hits);

  auto& stale =
      into.counter("cache_stale_hits_total", "Reads answered with a stale value, as the policy allows.");
  for (const auto& each : from.types) count(stale, {{"cache_type", each.type}}, each.stale_hits);
  auto& refreshes = into.counter("cache_refreshes_total", "Refreshes started in the background.");
  for (const auto& each : from.types) count(refreshes, {{"cache_type", each.type}}, each.refreshes);

  auto& misses = into.counter("cache_misses_total", "Reads the cache could not answer, by reason.");
  for (const auto& each : from.types) {
    for (std::size_t i = 1; i < miss_reasons; ++i) {  // 0 is no miss
      count(misses, {{"cache_type", each.type}, {"reason", name(static_cast<miss_reason>(i))}},
            each.misses[i]);
    }
  }
  auto& shared = into.counter("cache_shared_reads_total", "Reads answered by another caller's factory call.");
  for (const auto& each : from.types) count(shared, {{"cache_type", each.type}}, each.shared);
}

void add_writes(families& into, const cache_stats& from) {
  auto& calls = into.counter("cache_factory_calls_total", "Calls of a factory to compute a value.");
  for (const auto& each : from.types) count(calls, {{"cache_type", each.type}}, each.factory_calls);
  auto& failures = into.counter("cache_factory_failures_total", "Factory calls that failed.");
  for (const auto& each : from.types) count(failures, {{"cache_type", each.type}}, each.factory_failures);

  auto& fills = into.counter("cache_fills_total", "Values offered to the cache, by result.");
  for (const auto& each : from.types) {
    count(fills, {{"cache_type", each.type}, {"result", "stored"}}, each.fills);
    count(fills, {{"cache_type", each.type}, {"result", "fenced"}}, each.fills_fenced);
    count(fills, {{"cache_type", each.type}, {"result", "older"}}, each.fills_older);
    count(fills, {{"cache_type", each.type}, {"result", "too_large"}}, each.fills_too_large);
    count(fills, {{"cache_type", each.type}, {"result", "withheld"}}, each.fills_withheld);
  }
  auto& removals = into.counter("cache_removals_total", "Removals by key.");
  for (const auto& each : from.types) count(removals, {{"cache_type", each.type}}, each.removals);
}

void add_second_level(families& into, const second_level_stats& from) {
  if (from.state == second_level_state::off) return;
  auto& state = into.gauge("cache_l2_state", "1 for the current state of the second level.");
  for (const auto each : {second_level_state::up, second_level_state::recovering, second_level_state::down}) {
    measure(state, {{"state", name(each)}}, each == from.state ? 1 : 0);
  }
  into.gauge("cache_l2_coherent", "1 while the second level reports changes in time.", from.coherent ? 1 : 0);
  into.counter("cache_l2_breaker_opened_total", "Times the circuit breaker of the second level opened.",
               from.breaker_opened);
  into.counter("cache_l2_timeouts_total", "Calls to the second level that timed out.", from.timeouts);
  into.counter("cache_l2_losses_total", "Times changes in the second level may have been missed.",
               from.losses);
  into.gauge("cache_l2_kept_invalidations", "Invalidations not yet delivered to the second level.",
             static_cast<double>(from.backlog));
  into.counter("cache_l2_delivered_invalidations_total",
               "Kept invalidations delivered to the second level later.", from.delivered);
  into.counter("cache_l2_overflows_total",
               "Times too many invalidations were kept, or for too long, and everything was cleared.",
               from.overflows);
}

void add_store(families& into, const store_health& from) {
  into.gauge("store_usable", "1 while the network store can be used.", from.usable ? 1 : 0);
  if (from.event_lag) {
    into.gauge("store_hearing_lag_seconds",
               "Age of the newest moment up to which every change is known to have arrived.",
               std::chrono::duration<double>(*from.event_lag).count());
  }
  into.counter("store_losses_total", "Times changes may have been missed and L1 was cleared.", from.losses);
  into.counter("store_requests_total", "Requests sent to the store.", from.requests);
  into.counter("store_timeouts_total", "Requests that were not answered in time.", from.timeouts);
  into.gauge("store_requests_pending", "Requests waiting for a reply now.",
             static_cast<double>(from.pending));
  into.counter("store_connections_total", "Connections opened; all but the first are reconnects.",
               from.connections);
  into.counter("store_connect_failures_total", "Failed attempts to connect.", from.failures);
}

void add_edge(families& into, const edge_stats& from) {
  into.gauge("edge_sender_active", "1 while this process sends the purges of the edge.", from.active ? 1 : 0);
  into.gauge("edge_queue_length", "Purges that wait in the database, for each edge.",
             static_cast<double>(from.queued));
  into.gauge("edge_oldest_seconds", "How long the oldest waiting purge has waited.", seconds(from.oldest));
  auto& purges =
      into.counter("edge_purges_total", "Purges sent, by edge and result; a failed one is repeated.");
  for (const auto& each : from.edges) {
    count(purges, {{"edge", each.name}, {"result", "purged"}}, each.purged);
    count(purges, {{"edge", each.name}, {"result", "failed"}}, each.failed);
  }
  auto& unproven =
      into.counter("edge_unproven_total", "Purges after which a probe still showed an older response.");
  for (const auto& each : from.edges) count(unproven, {{"edge", each.name}}, each.unproven);
  auto& latency =
      into.histogram("edge_purge_seconds", "From when a purge was seen until its edge accepted it.");
  for (const auto& each : from.edges) observe(latency, {{"edge", each.name}}, each.latency);
}

void add_relay(families& into, const relay_stats& from) {
  const auto seconds = [](duration span) { return std::chrono::duration<double>(span).count(); };
  into.gauge("relay_active", "1 while this process relays PostgreSQL's outbox.", from.active ? 1 : 0);
  into.gauge("relay_trouble", "1 while the relay fails.", from.trouble.empty() ? 0 : 1);
  into.counter("relay_polls_total", "Successful polls of the outbox.", from.polls);
  into.counter("relay_failures_total", "Polls that failed, or whose changes could not be published.",
               from.failures);
  into.counter("relay_changes_total", "Changes found in the outbox.", from.changes);
  into.counter("relay_keys_total", "Keys removed for changes in the outbox.", from.keys);
  into.counter("relay_floors_total", "Prefixes and tags removed for changes in the outbox.", from.floors);
  into.counter("relay_takeovers_total", "Times this process became the active relay.", from.takeovers);
  into.counter("relay_replays_total",
               "Times what a restarted or replaced store may have lost was published again.", from.replays);
  auto& clears = into.counter("relay_clears_total", "Times the relay cleared everything, by reason.");
  for (std::size_t i = 0; i < clear_reasons; ++i) {
    count(clears, {{"reason", name(static_cast<clear_reason>(i))}}, from.clears[i]);
  }
  into.gauge("relay_outbox_overflowed",
             "Statements that the outbox could not record, since it was full or damaged.",
             static_cast<double>(from.overflowed));
  into.counter("relay_widened_total",
               "Changes whose rows a trigger of the outbox could not read: it recorded the widest change.",
               from.widened);
  into.gauge("relay_outbox_problems", "Faults of the outbox now; strata db status lists them.",
             static_cast<double>(from.problems));
  into.gauge("relay_outbox_bytes", "Size of the outbox.", static_cast<double>(from.outbox_bytes));
  if (from.active) {
    into.gauge("relay_lag_seconds",
               "Age of the newest moment up to which every commit is known to have been published.",
               seconds(from.lag));
  }
  auto& latency = into.gauge("relay_told_after_seconds",
                             "Time from the earliest possible commit of a change until it was published.");
  measure(latency, {{"quantile", "0.5"}}, seconds(from.delivered_after_p50));
  measure(latency, {{"quantile", "0.99"}}, seconds(from.delivered_after_p99));
}

void add_feed(families& into, const event_feed_stats& from) {
  into.gauge("event_feed_trouble", "1 while this process cannot read the events of other writers.",
             from.trouble.empty() ? 0 : 1);
  into.counter("event_feed_events_total", "Events read from the outbox.", from.events);
  into.counter("event_feed_handled_total", "Successful calls of handlers.", from.handled);
  into.counter("event_feed_retries_total", "Failed calls of handlers that are retried.", from.retries);
  into.counter("event_feed_given_up_total", "Events dropped after a handler failed too often.",
               from.given_up);
  into.gauge("event_feed_waiting", "Events waiting for a handler now.", static_cast<double>(from.waiting));
  into.counter("event_feed_gaps_total", "Times the feed was away for longer than the outbox keeps its rows.",
               from.gaps);
}

void add_sessions(families& into, const session_stats& from) {
  into.counter("sessions_created_total", "Sessions that this process began.", from.created);
  into.counter("sessions_ended_total", "Sessions that users of this process ended.", from.ended);
  into.counter("sessions_rotated_total", "Sessions that got a new token.", from.rotated);
  into.counter("sessions_expired_total", "Sessions that this process deleted after their end.", from.expired);
  into.counter("sessions_refused_total", "Look-ups that found no session.", from.refused);
  into.counter("sessions_uses_recorded_total", "Uses of sessions written to the database.", from.recorded);
  into.counter("sessions_failures_total", "Statements of the upkeep of sessions that failed.", from.failures);
}

void add_limits(families& into, std::span<const std::pair<std::string_view, rate_limiter_stats>> from) {
  if (from.empty()) return;
  auto& requests = into.counter("rate_limit_requests_total", "Requests that a rate limit decided on.");
  for (const auto& [policy, each] : from) {
    count(requests, {{"policy", policy}, {"result", "allowed"}}, each.allowed);
    count(requests, {{"policy", policy}, {"result", "refused"}}, each.refused);
  }
  const auto counts = [&](const char* name, const char* help, std::uint64_t rate_limiter_stats::* field) {
    auto& family = into.counter(name, help);
    for (const auto& [policy, each] : from) count(family, {{"policy", policy}}, each.*field);
  };
  counts("rate_limit_waits_total", "Decisions of a rate limit that waited for the store.",
         &rate_limiter_stats::waited);
  counts("rate_limit_reports_total", "Reports of a rate limit to the store, in the background.",
         &rate_limiter_stats::reports);
  counts("rate_limit_failures_total", "Calls of a rate limit to the store that failed.",
         &rate_limiter_stats::failures);
  auto& alone =
      into.gauge("rate_limit_alone", "1 while this process applies a shared rate limit without the store.");
  for (const auto& [policy, each] : from) measure(alone, {{"policy", policy}}, each.alone ? 1 : 0);
}

void add_cache(families& into, const cache_stats& from) {
  add_reads(into, from);
  add_writes(into, from);
  auto& latency = into.histogram("cache_latency_seconds", "Duration of the cache's operations.");
  for (const auto& each : from.latencies) observe(latency, {{"operation", each.operation}}, each);
  into.gauge("cache_size_bytes", "Bytes used by L1, keys and index included.",
             static_cast<double>(from.used.count));
  into.gauge("cache_size_limit_bytes", "Bytes that L1 may use.", static_cast<double>(from.budget.count));
  into.gauge("cache_entries", "Values in L1.", static_cast<double>(from.entries));
  into.counter("cache_evictions_total", "Values evicted from L1.", from.evictions);
  into.counter("cache_expirations_total", "Expired values removed from L1.", from.expirations);
  into.gauge("cache_flights", "Factory calls running now.", static_cast<double>(from.flights));
  into.counter("cache_hook_failures_total", "Hooks of the observer that threw.", from.hook_failures);
  into.counter("cache_l2_errors_total", "Failures of the second level.", from.l2_errors);
  into.counter("cache_l2_round_trips_total", "Round trips to the second level.", from.l2_round_trips);
  add_second_level(into, from.second_level);
}

void add_listeners(families& into, std::span<const http_stats> from) {
  static constexpr std::array<std::string_view, 6> classes{"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
  auto& requests =
      into.counter("http_requests_total", "Requests answered, by route pattern and status class.");
  for (const auto& listener : from) {
    for (const auto& route : listener.routes) {
      for (std::size_t i = 0; i < classes.size(); ++i) {
        if (i < 2 && route.by_class[i] == 0) continue;  // rare: no line for each route
        count(requests, {{"listener", listener.listener}, {"route", route.route}, {"status", classes[i]}},
              route.by_class[i]);
      }
    }
  }
  auto& latency = into.histogram("http_request_duration_seconds",
                                 "Time from the last byte of a request to its response.");
  for (const auto& each : from) observe(latency, {{"listener", each.listener}}, each.latency);

  const auto gauge = [&](const char* name, const char* help, std::uint64_t http_stats::* field) {
    auto& family = into.gauge(name, help);
    for (const auto& each : from)
      measure(family, {{"listener", each.listener}}, static_cast<double>(each.*field));
  };
  const auto counter = [&](const char* name, const char* help, std::uint64_t http_stats::* field) {
    auto& family = into.counter(name, help);
    for (const auto& each : from) count(family, {{"listener", each.listener}}, each.*field);
  };
  gauge("http_requests_in_flight", "Requests whose handler has not answered yet.", &http_stats::in_flight);
  gauge("http_connections_open", "Connections open now.", &http_stats::connections_open);
  counter("http_connections_accepted_total", "Connections accepted.", &http_stats::connections_accepted);
  counter("http_connections_refused_total", "Connections refused: too many were open, and none was idle.",
          &http_stats::connections_refused);
  counter("http_connections_displaced_total", "Idle connections closed to make room for new ones.",
          &http_stats::connections_displaced);
  counter("http_timeouts_total", "Requests and responses that exceeded a time limit.", &http_stats::timeouts);
}

void add_process(families& into, const process_info& process) {
  into.gauge("process_start_time_seconds", "When the process started, in seconds since 1970.",
             std::chrono::duration<double>(process.started_at.time_since_epoch()).count());
  measure(into.gauge("strata_build_info", "Always 1; the labels name the build."),
          {{"version", process.version}}, 1);
}

}  // namespace

std::string exposition(const cache_stats& cache, std::span<const http_stats> listeners,
                       const process_info& process, const process_parts& parts) {
  families all;
  add_cache(all, cache);
  if (parts.shared != nullptr) add_store(all, *parts.shared);
  if (parts.relaying != nullptr) add_relay(all, *parts.relaying);
  if (parts.feeding != nullptr) add_feed(all, *parts.feeding);
  if (parts.sessions != nullptr) add_sessions(all, *parts.sessions);
  add_limits(all, parts.limits);
  if (parts.purging != nullptr) add_edge(all, *parts.purging);
  add_listeners(all, listeners);
  add_process(all, process);
  return prometheus::TextSerializer().Serialize(all.all);
}

}  // namespace strata
