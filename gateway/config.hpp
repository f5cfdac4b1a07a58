#pragma once
/// The configuration. Each member is a key of strata.toml, a flag and an environment
/// variable: `limits.body`, `--limits-body`, `STRATA_LIMITS_BODY` (see settings.hpp).
/// Threads: plain values.

#include <server/server.hpp>
#include <strata/eviction.hpp>
#include <strata/open.hpp>
#include <strata/policy.hpp>
#include <strata/time.hpp>

#include <boost/describe.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace strata::gateway {

struct log_config {
  std::string access = "off";
  std::string app = "stderr";
  std::string level = "info";
};
BOOST_DESCRIBE_STRUCT(log_config, (), (access, app, level))

struct limits_config {
  strata::byte_size body{1u << 20};
  strata::byte_size bodies{64u << 20};
  strata::byte_size headers{16u << 10};
  std::uint32_t connections = 10'000;
  std::uint32_t connections_per_address = 0;
  strata::duration header_timeout = std::chrono::seconds(10);
  strata::duration body_timeout = std::chrono::seconds(30);
  strata::duration idle_timeout = std::chrono::seconds(60);
  strata::duration write_timeout = std::chrono::seconds(30);
  strata::duration request_timeout = std::chrono::seconds(30);
};
BOOST_DESCRIBE_STRUCT(limits_config, (),
                      (body, bodies, headers, connections, connections_per_address, header_timeout,
                       body_timeout, idle_timeout, write_timeout, request_timeout))

/// PEM files of `listen`; both empty: it speaks plain HTTP.
struct tls_config {
  std::string cert;
  std::string key;

  bool enabled() const noexcept { return !cert.empty(); }
};
BOOST_DESCRIBE_STRUCT(tls_config, (), (cert, key))

/// Pages of other origins: server/cors.hpp.
struct cors_config {
  std::vector<std::string> origins;
};
BOOST_DESCRIBE_STRUCT(cors_config, (), (origins))

struct cache_config {
  strata::byte_size memory{64u << 20};
  std::string eviction = "s3camp";
  std::string objective = "objects";
  std::uint32_t factory_limit = 128;
  std::uint32_t factory_queue = 4096;
};
BOOST_DESCRIBE_STRUCT(cache_config, (), (memory, eviction, objective, factory_limit, factory_queue))

/// The policy and the objective that `values` names. Requires: `values` has no problems.
strata::eviction_policy eviction_of(const cache_config& values);
strata::eviction_objective objective_of(const cache_config& values);

/// The keys that protect values in the second level: they encrypt sensitive ones and authenticate all others.
struct encryption_config {
  std::string keys_file;
  std::string keys;
  std::uint32_t active = 0;
};
BOOST_DESCRIBE_STRUCT(encryption_config, (), (keys_file, keys, active))

/// How a second level on Redis is used: strata/open.hpp.
struct redis_config {
  std::string tracked = "all";
};
BOOST_DESCRIBE_STRUCT(redis_config, (), (tracked))

/// The keys that `redis.tracked` names. Requires: `values` has no problems.
strata::tracked_keys tracked_of(const redis_config& values);

struct sqlite_config {
  std::uint32_t readers = 2;
  strata::duration busy_timeout = std::chrono::seconds(5);
  strata::duration poll = std::chrono::milliseconds(100);
};
BOOST_DESCRIBE_STRUCT(sqlite_config, (), (readers, busy_timeout, poll))

struct postgres_config {
  std::string password;
  std::uint32_t readers = 2;
  std::uint32_t writers = 4;
  strata::duration statement_timeout = std::chrono::seconds(5);
  strata::duration transaction_timeout = std::chrono::seconds(30);
  strata::duration connect_timeout = std::chrono::seconds(5);
};
BOOST_DESCRIBE_STRUCT(postgres_config, (),
                      (password, readers, writers, statement_timeout, transaction_timeout, connect_timeout))

/// The outbox, in which PostgreSQL records every change: strata/outbox.hpp.
struct outbox_config {
  bool install = true;
  strata::byte_size limit{1u << 30};
};
BOOST_DESCRIBE_STRUCT(outbox_config, (), (install, limit))

/// The relay, which publishes the outbox to the caches: strata/relay.hpp.
struct relay_config {
  bool enabled = true;
  strata::duration poll = std::chrono::milliseconds(10);
  strata::duration bound = std::chrono::milliseconds(350);
  strata::duration takeover = std::chrono::milliseconds(150);
  strata::duration events = std::chrono::milliseconds(50);
};
BOOST_DESCRIBE_STRUCT(relay_config, (), (enabled, poll, bound, takeover, events))

struct auth_config {
  strata::duration session_idle = std::chrono::hours(24);
  strata::duration session_lifetime = std::chrono::hours(24 * 30);
  bool secure_cookie = false;
  std::vector<std::string> origins;
  std::uint32_t password_threads = 1;
  strata::byte_size password_memory{64u << 20};
  std::uint32_t password_passes = 2;
};
BOOST_DESCRIBE_STRUCT(auth_config, (),
                      (session_idle, session_lifetime, secure_cookie, origins, password_threads,
                       password_memory, password_passes))

/// Requests a minute; 0: no limit. A burst of 0 is as large as its limit.
struct rate_config {
  std::uint32_t user = 6'000;
  std::uint32_t user_burst = 0;
  std::uint32_t user_writes = 0;
  std::uint32_t user_writes_burst = 0;
  std::uint32_t address = 12'000;
  std::uint32_t address_burst = 0;
  std::uint32_t login_account = 10;
  std::uint32_t login_account_burst = 0;
  std::uint32_t login_address = 60;
  std::uint32_t login_address_burst = 0;
  std::uint32_t admin = 60;
};
BOOST_DESCRIBE_STRUCT(rate_config, (),
                      (user, user_burst, user_writes, user_writes_burst, address, address_burst,
                       login_account, login_account_burst, login_address, login_address_burst, admin))

struct cloudflare_config {
  std::string url = "https://api.cloudflare.com/client/v4";
  std::string zone;
  std::string token;
};
BOOST_DESCRIBE_STRUCT(cloudflare_config, (), (url, zone, token))

struct fastly_config {
  std::string url = "https://api.fastly.com";
  std::string service;
  std::string token;
};
BOOST_DESCRIBE_STRUCT(fastly_config, (), (url, service, token))

struct varnish_config {
  std::vector<std::string> urls;
};
BOOST_DESCRIBE_STRUCT(varnish_config, (), (urls))

struct nginx_config {
  std::vector<std::string> urls;
};
BOOST_DESCRIBE_STRUCT(nginx_config, (), (urls))

/// The HTTP caches in front of the gateways, which it purges: strata/edge_queue.hpp.
struct edge_config {
  std::string probe;
  std::uint32_t rate = 600;
  std::uint32_t burst = 20;
  cloudflare_config cloudflare;
  fastly_config fastly;
  varnish_config varnish;
  nginx_config nginx;
};
BOOST_DESCRIBE_STRUCT(edge_config, (), (probe, rate, burst, cloudflare, fastly, varnish, nginx))

/// An entity's policy: the fields of strata::policy by their own names, and dictionaries by their
/// files'.
struct entity_config {
  strata::duration ttl{};
  strata::duration l1_ttl{};
  strata::duration sliding{};
  strata::duration negative_ttl{};
  double jitter = 0;
  strata::byte_size max_size{};
  bool fail_safe = false;
  strata::duration grace{};
  strata::duration throttle{};
  strata::duration failure_ttl{};
  strata::duration stale_while_revalidate{};
  double eager_refresh = 0;
  double xfetch_beta = 0;
  strata::duration soft_timeout{};
  strata::duration hard_timeout{};
  std::vector<std::string> tags;
  bool sensitive = false;
  std::vector<std::string> dictionaries;
};
BOOST_DESCRIBE_STRUCT(entity_config, (),
                      (ttl, l1_ttl, sliding, negative_ttl, jitter, max_size, fail_safe, grace, throttle,
                       failure_ttl, stale_while_revalidate, eager_refresh, xfetch_beta, soft_timeout,
                       hard_timeout, tags, sensitive, dictionaries))

struct config {
  std::string listen = "127.0.0.1:8080";
  std::string admin = "127.0.0.1:9090";
  std::string admin_token;
  std::string store = "memory";
  std::string database = "sqlite:strata.db";
  bool demo = false;
  std::uint32_t threads = 0;
  std::vector<std::string> trusted_proxies;
  std::string client_address = "either";
  strata::duration drain_timeout = std::chrono::seconds(10);
  log_config log;
  limits_config limits;
  tls_config tls;
  cors_config cors;
  cache_config cache;
  encryption_config encryption;
  redis_config redis;
  sqlite_config sqlite;
  postgres_config postgres;
  outbox_config outbox;
  relay_config relay;
  auth_config auth;
  rate_config rate;
  edge_config edge;
  /// By the entity's name in strata.toml; the names are those of the defaults.
  std::map<std::string, entity_config> entity;
};
BOOST_DESCRIBE_STRUCT(config, (),
                      (listen, admin, admin_token, store, database, demo, threads, trusted_proxies,
                       client_address, drain_timeout, log, limits, tls, cors, cache, encryption, redis,
                       sqlite, postgres, outbox, relay, auth, rate, edge, entity))

/// What `client_address` names. Requires: `values` has no problems.
strata::server::client_source client_source_of(const config& values);

/// The default configuration: the values above and the platform's policies.
config default_config();

/// One problem of a configuration.
struct config_problem {
  std::string key;
  std::string detail;
};

/// Every problem of `values`; empty if there is none.
std::vector<config_problem> problems(const config& values);

/// `from` as a configuration, without its dictionaries, which come from files.
entity_config entity_config_of(const strata::policy& from);

/// `from` as a policy, without its dictionaries.
strata::policy policy_of(const entity_config& from);

}  // namespace strata::gateway
