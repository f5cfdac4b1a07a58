#include "gateway/config.hpp"

#include "gateway/endpoint.hpp"
#include "platform/entity_table.hpp"

#include <fmt/format.h>
#include <server/cors.hpp>
#include <strata/edge.hpp>
#include <strata/open_database.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace strata::gateway {

namespace {

constexpr std::size_t shortest_token = 16;

void check_listeners(const config& values, std::vector<config_problem>& found) {
  if (auto listen = parse_endpoint(values.listen); !listen) {
    found.push_back({"listen", listen.error().detail});
  }
  const auto admin = parse_endpoint(values.admin);
  if (!admin) {
    found.push_back({"admin", admin.error().detail});
  } else if (!admin->loopback() && values.admin_token.empty()) {
    found.push_back(
        {"admin", fmt::format("{} is reachable from other machines; set admin_token, or listen on "
                              "127.0.0.1",
                              values.admin)});
  }
  if (!values.admin_token.empty() && values.admin_token.size() < shortest_token) {
    found.push_back({"admin_token", fmt::format("is shorter than {} characters", shortest_token)});
  }
  const auto printable = [](char c) { return c > ' ' && c < '\x7f'; };
  if (!std::ranges::all_of(values.admin_token, printable)) {
    found.push_back({"admin_token", "holds a space, a control character or one outside ASCII"});
  }
}

void check_origins(const config& values, std::vector<config_problem>& found) {
  for (const auto& each : values.cors.origins) {
    if (each == "*" || server::is_origin(each)) continue;
    found.push_back(
        {"cors.origins", fmt::format("\"{}\" is neither * nor an origin such as https://app.example, in "
                                     "lower case and without a path",
                                     each)});
  }
}

void check_tls(const config& values, std::vector<config_problem>& found) {
  const auto& tls = values.tls;
  if (!tls.cert.empty() && tls.key.empty())
    found.push_back({"tls.key", "is missing: tls.cert needs its key"});
  if (tls.cert.empty() && !tls.key.empty())
    found.push_back({"tls.cert", "is missing: tls.key needs its certificate"});
}

std::optional<strata::eviction_policy> eviction_named(std::string_view text) {
  for (const auto each : strata::eviction_policies) {
    if (text == name(each)) return each;
  }
  return std::nullopt;
}

std::optional<strata::eviction_objective> objective_named(std::string_view text) {
  for (const auto each : {strata::eviction_objective::objects, strata::eviction_objective::bytes}) {
    if (text == name(each)) return each;
  }
  return std::nullopt;
}

std::optional<strata::tracked_keys> tracked_named(std::string_view text) {
  if (text == "all") return strata::tracked_keys::all;
  if (text == "read") return strata::tracked_keys::read;
  return std::nullopt;
}

std::optional<strata::server::client_source> source_named(std::string_view text) {
  using enum strata::server::client_source;
  if (text == "either") return either;
  if (text == "forwarded") return forwarded;
  if (text == "x-forwarded-for") return x_forwarded_for;
  if (text == "proxy-protocol") return proxy_protocol;
  return std::nullopt;
}

void check_proxies(const config& values, std::vector<config_problem>& found) {
  if (!source_named(values.client_address)) {
    found.push_back({"client_address", fmt::format("\"{}\" is not either, forwarded, x-forwarded-for or "
                                                   "proxy-protocol",
                                                   values.client_address)});
  }
  for (const auto& each : values.trusted_proxies) {
    if (strata::server::is_network(each)) continue;
    found.push_back({"trusted_proxies",
                     fmt::format("\"{}\" is neither an IP address nor a network like 10.0.0.0/8", each)});
  }
}

void check_parts(const config& values, std::vector<config_problem>& found) {
  if (values.store != "memory") {
    if (const auto usable = strata::check_store_url(values.store); !usable) {
      found.push_back(
          {"store", fmt::format("is neither memory nor a store's URL: {}", usable.error().detail)});
    }
  }
  if (const auto kind = database_kind_of(values.database); !kind) {
    found.push_back({"database", kind.error().detail});
  }
  if (!eviction_named(values.cache.eviction)) {
    found.push_back(
        {"cache.eviction", fmt::format("\"{}\" is not s3camp, s3fifo or lru", values.cache.eviction)});
  }
  if (!objective_named(values.cache.objective)) {
    found.push_back(
        {"cache.objective", fmt::format("\"{}\" is not objects or bytes", values.cache.objective)});
  }
  if (!tracked_named(values.redis.tracked)) {
    found.push_back({"redis.tracked", fmt::format("\"{}\" is not all or read", values.redis.tracked)});
  }
  constexpr std::array levels{"debug", "info", "warning", "error"};
  if (std::ranges::find(levels, std::string_view(values.log.level)) == levels.end()) {
    found.push_back(
        {"log.level", fmt::format("\"{}\" is not debug, info, warning or error", values.log.level)});
  }
  const auto& encryption = values.encryption;
  if (!encryption.keys_file.empty() && !encryption.keys.empty()) {
    found.push_back({"encryption.keys", "is set besides encryption.keys_file; keep one of them"});
  }
  if (encryption.active != 0 && encryption.keys_file.empty() && encryption.keys.empty()) {
    found.push_back({"encryption.active", "names a key, but there are none; set encryption.keys_file"});
  }
  if (values.log.access.empty())
    found.push_back({"log.access", "is empty; write off, stderr or a file's path"});
  if (values.log.app.empty()) found.push_back({"log.app", "is empty; write off, stderr or a file's path"});
}

void check_numbers(const config& values, std::vector<config_problem>& found) {
  const auto within = [&](std::string_view key, auto value, auto low, auto high, std::string_view range) {
    if (value < low || value > high)
      found.push_back({std::string(key), fmt::format("is not within {}", range)});
  };
  using namespace std::chrono_literals;
  using namespace strata::literals;
  const auto& limits = values.limits;
  within("threads", values.threads, 0u, 256u, "0 to 256");
  within("drain_timeout", values.drain_timeout, 0s, 600s, "0s to 10m");
  within("limits.body", limits.body, 1_B, 64_MiB, "1B to 64MiB");
  within("limits.bodies", limits.bodies, limits.body, 64_GiB, "limits.body to 64GiB");
  within("limits.headers", limits.headers, 256_B, 1_MiB, "256B to 1MiB");
  within("limits.connections", limits.connections, 1u, 1'000'000u, "1 to 1000000");
  within("limits.connections_per_address", limits.connections_per_address, 0u, limits.connections,
         "0 to limits.connections");
  within("limits.header_timeout", limits.header_timeout, 10ms, 1h, "10ms to 1h");
  within("limits.body_timeout", limits.body_timeout, 10ms, 1h, "10ms to 1h");
  within("limits.idle_timeout", limits.idle_timeout, 10ms, 1h, "10ms to 1h");
  within("limits.write_timeout", limits.write_timeout, 10ms, 1h, "10ms to 1h");
  within("limits.request_timeout", limits.request_timeout, 10ms, 1h, "10ms to 1h");
  within("cache.memory", values.cache.memory, 1_MiB, strata::byte_size{1ull << 40}, "1MiB to 1024GiB");
  within("cache.factory_limit", values.cache.factory_limit, 0u, 100'000u, "0 to 100000");
  within("cache.factory_queue", values.cache.factory_queue, 0u, 1'000'000u, "0 to 1000000");
  within("sqlite.readers", values.sqlite.readers, 1u, 64u, "1 to 64");
  within("sqlite.busy_timeout", values.sqlite.busy_timeout, 0s, 1h, "0s to 1h");
  within("sqlite.poll", values.sqlite.poll, 1ms, 1min, "1ms to 1m");
  within("postgres.readers", values.postgres.readers, 1u, 64u, "1 to 64");
  within("relay.poll", values.relay.poll, 1ms, 1s, "1ms to 1s");
  within("relay.bound", values.relay.bound, 50ms, 1min, "50ms to 1m");
  within("relay.takeover", values.relay.takeover, 20ms, 1min, "20ms to 1m");
  within("relay.events", values.relay.events, 0ms, 1min, "0s to 1m");
  within("outbox.limit", values.outbox.limit, 1_MiB, strata::byte_size{1ull << 40}, "1MiB to 1024GiB");
  within("postgres.writers", values.postgres.writers, 1u, 64u, "1 to 64");
  within("postgres.statement_timeout", values.postgres.statement_timeout, 1ms, 1h, "1ms to 1h");
  within("postgres.transaction_timeout", values.postgres.transaction_timeout, 1ms, 24h, "1ms to 24h");
  within("postgres.connect_timeout", values.postgres.connect_timeout, 10ms, 10min, "10ms to 10m");
  within("auth.session_idle", values.auth.session_idle, 1min, 24h * 365, "1m to 365d");
  within("auth.session_lifetime", values.auth.session_lifetime, values.auth.session_idle, 24h * 365,
         "session_idle to 365d");
  for (const auto& each : values.auth.origins) {
    if (!each.starts_with("https://") && !each.starts_with("http://")) {
      found.push_back({"auth.origins", fmt::format("\"{}\" is no origin such as https://app.example", each)});
    }
  }
  within("auth.password_threads", values.auth.password_threads, 1u, 64u, "1 to 64");
  within("auth.password_passes", values.auth.password_passes, 1u, 64u, "1 to 64");
  within("auth.password_memory", values.auth.password_memory, 8_MiB, 1_GiB, "8MiB to 1GiB");
}

/// Adds a problem unless `url` names a server.
void check_edge_url(std::string_view key, const std::string& url, std::vector<config_problem>& found) {
  const auto why = strata::problem_of(strata::edge_purge{.kind = strata::edge_purge_kind::url, .value = url});
  if (!why.empty()) found.push_back({std::string(key), "must be https://HOST… or http://HOST…"});
}

/// Adds a problem unless both or neither of an account and its token are there.
void check_edge_account(const std::string& key, std::string_view account_name, const std::string& account,
                        const std::string& token, std::vector<config_problem>& found) {
  const auto printable = [](char c) { return c > ' ' && c < '\x7f'; };
  if (account.empty() && !token.empty()) {
    found.push_back(
        {fmt::format("{}.{}", key, account_name), fmt::format("is missing besides {}.token", key)});
  }
  if (token.empty() && !account.empty()) {
    found.push_back({key + ".token", fmt::format("is missing besides {}.{}", key, account_name)});
  }
  if (!std::ranges::all_of(account, printable)) {
    found.push_back(
        {fmt::format("{}.{}", key, account_name), "holds a space, a control character or one outside ASCII"});
  }
  if (!std::ranges::all_of(token, printable)) {
    found.push_back({key + ".token", "holds a space, a control character or one outside ASCII"});
  }
}

void check_edge(const edge_config& edge, std::vector<config_problem>& found) {
  check_edge_url("edge.cloudflare.url", edge.cloudflare.url, found);
  check_edge_account("edge.cloudflare", "zone", edge.cloudflare.zone, edge.cloudflare.token, found);
  check_edge_url("edge.fastly.url", edge.fastly.url, found);
  check_edge_account("edge.fastly", "service", edge.fastly.service, edge.fastly.token, found);
  for (const auto& each : edge.varnish.urls) check_edge_url("edge.varnish.urls", each, found);
  for (const auto& each : edge.nginx.urls) check_edge_url("edge.nginx.urls", each, found);
  if (!edge.probe.empty()) check_edge_url("edge.probe", edge.probe, found);
  if (edge.rate == 0 || edge.rate > 1'000'000) found.push_back({"edge.rate", "is not within 1 to 1000000"});
  if (edge.burst == 0 || edge.burst > 100'000) found.push_back({"edge.burst", "is not within 1 to 100000"});
}

/// A problem of a policy begins with its field, "policy.ttl must be …"; the field becomes the key.
void check_entity(const std::string& name, const entity_config& entity, std::vector<config_problem>& found) {
  if (name == "user_permissions" && entity.ttl > std::chrono::minutes(5)) {
    found.push_back(
        {"entity.user_permissions.ttl", "is above 5m: a right that was taken away must not last longer"});
  }
  constexpr std::string_view opening = "policy.";
  for (const auto& each : strata::problems(policy_of(entity))) {
    const auto end = std::min(each.find_first_of(" :"), each.size());
    const auto rest = std::min(each.find_first_not_of(" :", end), each.size());
    found.push_back({fmt::format("entity.{}.{}", name, each.substr(opening.size(), end - opening.size())),
                     each.substr(rest)});
  }
  for (const auto& file : entity.dictionaries) {
    if (file.empty()) found.push_back({fmt::format("entity.{}.dictionaries", name), "names no file"});
  }
}

}  // namespace

strata::eviction_policy eviction_of(const cache_config& values) {
  return eviction_named(values.eviction).value();
}

strata::server::client_source client_source_of(const config& values) {
  return source_named(values.client_address).value();
}

strata::tracked_keys tracked_of(const redis_config& values) {
  return tracked_named(values.tracked).value();
}

strata::eviction_objective objective_of(const cache_config& values) {
  return objective_named(values.objective).value();
}

config default_config() {
  config values;
  for (const auto& [name, policy] : platform::default_policies())
    values.entity[name] = entity_config_of(policy);
  return values;
}

std::vector<config_problem> problems(const config& values) {
  std::vector<config_problem> found;
  check_listeners(values, found);
  check_tls(values, found);
  check_origins(values, found);
  check_parts(values, found);
  check_proxies(values, found);
  check_numbers(values, found);
  check_edge(values.edge, found);
  for (const auto& [name, entity] : values.entity) check_entity(name, entity, found);
  return found;
}

entity_config entity_config_of(const strata::policy& from) {
  // Names every field, so that a new one does not compile until it can be configured.
  const auto& [ttl, l1_ttl, sliding, negative_ttl, jitter, max_size, fail_safe, grace, throttle, failure_ttl,
               stale_while_revalidate, eager_refresh, xfetch_beta, soft_timeout, hard_timeout, tags,
               sensitive, dictionaries] = from;
  static_cast<void>(dictionaries);
  return {ttl,
          l1_ttl,
          sliding,
          negative_ttl,
          jitter,
          max_size,
          fail_safe,
          grace,
          throttle,
          failure_ttl,
          stale_while_revalidate,
          eager_refresh,
          xfetch_beta,
          soft_timeout,
          hard_timeout,
          tags,
          sensitive,
          {}};
}

strata::policy policy_of(const entity_config& from) {
  return {.ttl = from.ttl,
          .l1_ttl = from.l1_ttl,
          .sliding = from.sliding,
          .negative_ttl = from.negative_ttl,
          .jitter = from.jitter,
          .max_size = from.max_size,
          .fail_safe = from.fail_safe,
          .grace = from.grace,
          .throttle = from.throttle,
          .failure_ttl = from.failure_ttl,
          .stale_while_revalidate = from.stale_while_revalidate,
          .eager_refresh = from.eager_refresh,
          .xfetch_beta = from.xfetch_beta,
          .soft_timeout = from.soft_timeout,
          .hard_timeout = from.hard_timeout,
          .tags = from.tags,
          .sensitive = from.sensitive};
}

}  // namespace strata::gateway
