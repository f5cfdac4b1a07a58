#pragma once
/// Everything, room by room: `#include <strata/strata.hpp>`. A component of the package (README) has
/// the rooms below its name; each stands on `cache` and on nothing else.

// cache: what every other room uses
#include <strata/cache_type.hpp>
#include <strata/consistency_token.hpp>
#include <strata/error.hpp>
#include <strata/eviction.hpp>
#include <strata/invalidation.hpp>
#include <strata/is_optional.hpp>
#include <strata/key.hpp>
#include <strata/lookup.hpp>
#include <strata/observer.hpp>
#include <strata/policy.hpp>
#include <strata/stats.hpp>
#include <strata/time.hpp>
#include <strata/units.hpp>

// cache: tasks and timers
#include <strata/task.hpp>
#include <strata/timer.hpp>

// cache: values as bytes
#include <strata/codec.hpp>
#include <strata/compression.hpp>
#include <strata/encryption.hpp>
#include <strata/json.hpp>
#include <strata/json_codec.hpp>

// cache: the cache and its port to the second level
#include <strata/blocking.hpp>
#include <strata/cache.hpp>
#include <strata/cached.hpp>
#include <strata/entity.hpp>
#include <strata/factory.hpp>
#include <strata/stopping.hpp>
#include <strata/store.hpp>

// cache: events, rate limits, fakes for tests
#include <strata/events.hpp>
#include <strata/limiter.hpp>
#include <strata/log.hpp>
#include <strata/rate_limit_store.hpp>
#include <strata/rate_limiter.hpp>
#include <strata/testing.hpp>

// redis: the second level
#include <strata/network_store.hpp>
#include <strata/open.hpp>

// sql: databases, rows read through the cache and written through it
#include <strata/database.hpp>
#include <strata/migrations.hpp>
#include <strata/open_database.hpp>
#include <strata/query_cache.hpp>
#include <strata/repository.hpp>
#include <strata/rfc3339.hpp>
#include <strata/row.hpp>
#include <strata/session_stats.hpp>
#include <strata/session_store.hpp>
#include <strata/unit_of_work.hpp>

// sql: changes that others write to PostgreSQL
#include <strata/event_feed.hpp>
#include <strata/event_feed_stats.hpp>
#include <strata/outbox.hpp>
#include <strata/relay.hpp>
#include <strata/relay_stats.hpp>

// edge: purges of HTTP caches
#include <strata/edge.hpp>
#include <strata/edge_queue.hpp>
#include <strata/edge_stats.hpp>

// metrics: Prometheus
#include <strata/metrics.hpp>

// trace: request traces, replayed
#include <strata/trace.hpp>
