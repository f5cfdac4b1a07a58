#pragma once
/// The JSON bodies of the admin listener, for the listener and its clients.
/// Threads: values.

#include <strata/edge_stats.hpp>
#include <strata/json.hpp>
#include <strata/stats.hpp>

#include <boost/describe.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace strata::admin {

/// `explanation::level` in words; its times in seconds.
struct admin_level {
  std::string layer;
  std::string state;
  std::string reason;  ///< empty if it is fresh or off
  std::string detail;
  double ttl_seconds = 0;
  double age_seconds = 0;
  std::uint64_t asof = 0;
  std::uint64_t bytes = 0;
  bool negative = false;
  std::vector<std::string> tags;
};
BOOST_DESCRIBE_STRUCT(admin_level, (),
                      (layer, state, reason, detail, ttl_seconds, age_seconds, asof, bytes, negative, tags))

/// Response to GET /cache/explain.
struct admin_explanation {
  std::string key;
  std::string type;
  std::vector<admin_level> levels;
  bool in_flight = false;
  std::string next_read;
};
BOOST_DESCRIBE_STRUCT(admin_explanation, (), (key, type, levels, in_flight, next_read))

/// `from` as GET /cache/explain shows it.
admin_explanation admin_explanation_of(const explanation& from);

/// `latency_stats` in seconds.
struct admin_latency {
  std::string operation;
  std::vector<double> bounds;
  std::vector<std::uint64_t> counts;
  double sum_seconds = 0;
};
BOOST_DESCRIBE_STRUCT(admin_latency, (), (operation, bounds, counts, sum_seconds))

/// `type_stats` with its misses by name; reasons that never occurred are left out.
struct admin_type {
  std::string type;
  std::uint64_t l1_hits = 0, l2_hits = 0, negative_hits = 0;
  std::map<std::string, std::uint64_t> misses;
  std::uint64_t stale_hits = 0, refreshes = 0;
  std::uint64_t shared = 0, fills = 0, fills_fenced = 0, fills_older = 0, fills_too_large = 0,
                fills_withheld = 0;
  std::uint64_t factory_calls = 0, factory_failures = 0, removals = 0;
};
BOOST_DESCRIBE_STRUCT(admin_type, (),
                      (type, l1_hits, l2_hits, negative_hits, misses, stale_hits, refreshes, shared, fills,
                       fills_fenced, fills_older, fills_too_large, fills_withheld, factory_calls,
                       factory_failures, removals))

/// Response to GET /cache/stats.
struct admin_stats {
  std::uint64_t entries = 0, bytes = 0, budget = 0, evictions = 0, expirations = 0, flights = 0;
  std::uint64_t l2_errors = 0, l2_round_trips = 0, clock = 0;
  std::vector<admin_type> types;
  std::vector<admin_latency> latencies;
};
BOOST_DESCRIBE_STRUCT(admin_stats, (),
                      (entries, bytes, budget, evictions, expirations, flights, l2_errors, l2_round_trips,
                       clock, types, latencies))

/// `from` as GET /cache/stats shows it.
admin_stats admin_stats_of(const cache_stats& from);

/// Body of POST /cache/invalidate; an absent member is empty.
struct admin_invalidation {
  std::optional<std::vector<std::string>> keys;
  std::optional<std::vector<std::string>> tags;
  std::optional<std::vector<std::string>> prefixes;
  std::optional<std::vector<std::string>> patterns;
  std::optional<bool> soft;     ///< expire instead of remove: the value may still be served stale
  std::optional<bool> preview;  ///< change nothing, and only count
};
BOOST_DESCRIBE_STRUCT(admin_invalidation, (), (keys, tags, prefixes, patterns, soft, preview))

/// Its response: how many of each were named, and how many values of each type this gateway's memory held.
struct admin_invalidated {
  std::uint64_t keys = 0, tags = 0, prefixes = 0, patterns = 0;
  std::map<std::string, std::uint64_t> values;
  bool preview = false;  ///< nothing was invalidated
};
BOOST_DESCRIBE_STRUCT(admin_invalidated, (), (keys, tags, prefixes, patterns, values, preview))

/// The data of an event of GET /cache/events.
struct admin_event {
  std::string type;
  std::map<std::string, std::string> attributes;
};
BOOST_DESCRIBE_STRUCT(admin_event, (), (type, attributes))

/// The state of one part of the process.
struct admin_part {
  std::string name;
  bool ready = false;
  std::string detail;  ///< why it is not ready
};
BOOST_DESCRIBE_STRUCT(admin_part, (), (name, ready, detail))

/// Response to GET /readyz: 200 if ready, else 503.
struct admin_readiness {
  bool ready = false;
  std::vector<admin_part> parts;
};
BOOST_DESCRIBE_STRUCT(admin_readiness, (), (ready, parts))

/// Response to GET /cache/get.
struct admin_cached {
  std::string key;
  bool cached = false;  ///< true also for a cached "not found"
  bool hidden = false;  ///< it belongs to a sensitive entity, so `value` is always null
  std::optional<json::raw> value;
  admin_explanation where;
};
BOOST_DESCRIBE_STRUCT(admin_cached, (), (key, cached, hidden, value, where))

/// Body of POST /edge/purge, and its response: how many purges joined the queue.
struct admin_edge_purge {
  std::optional<std::vector<std::string>> tags;
  std::optional<std::vector<std::string>> urls;
  std::optional<std::vector<std::string>> prefixes;
  std::optional<bool> everything;
  std::optional<bool> soft;
};
BOOST_DESCRIBE_STRUCT(admin_edge_purge, (), (tags, urls, prefixes, everything, soft))

struct admin_edge_purged {
  std::uint64_t queued = 0;
};
BOOST_DESCRIBE_STRUCT(admin_edge_purged, (), (queued))

/// `edge_stats::edge` without its histogram.
struct admin_edge {
  std::string name;
  std::uint64_t purged = 0;
  std::uint64_t failed = 0;
  std::uint64_t unproven = 0;
  std::uint64_t calls = 0;
  std::uint64_t waiting = 0;
  std::string trouble;
};
BOOST_DESCRIBE_STRUCT(admin_edge, (), (name, purged, failed, unproven, calls, waiting, trouble))

/// Response to GET /edge/status.
struct admin_edge_status {
  bool active = false;
  std::uint64_t queued = 0;
  double oldest_seconds = 0;
  std::string trouble;
  std::vector<admin_edge> edges;
};
BOOST_DESCRIBE_STRUCT(admin_edge_status, (), (active, queued, oldest_seconds, trouble, edges))

/// `from` as GET /edge/status shows it.
admin_edge_status admin_edge_status_of(const edge_stats& from);

}  // namespace strata::admin
