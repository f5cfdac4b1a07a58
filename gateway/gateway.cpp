/// Builds the gateway from its configuration and runs it. Long because all parts meet here.

#include "gateway/gateway.hpp"

#include "gateway/database_watch.hpp"
#include "gateway/edge.hpp"
#include "gateway/endpoint.hpp"
#include "gateway/keys.hpp"
#include "gateway/policies.hpp"
#include "gateway/value_view.hpp"
#include "platform/app.hpp"
#include "platform/changes.hpp"
#include "platform/demo.hpp"

#include <server/server.hpp>
#include <strata/cache.hpp>
#include <strata/database.hpp>
#include <strata/event_feed.hpp>
#include <strata/metrics.hpp>
#include <strata/open.hpp>
#include <strata/open_database.hpp>
#include <strata/outbox.hpp>
#include <strata/rate_limiter.hpp>
#include <strata/relay.hpp>
#include "admin/routes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <atomic>
#include <functional>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace strata::gateway {

namespace {

server::server_options listener_options(const config& values, const std::string& address) {
  const auto at = parse_endpoint(address).value();  // checked when the configuration was loaded
  const auto& limits = values.limits;
  return {.address = at.host == "localhost" ? "127.0.0.1" : at.host,
          .port = at.port,
          .threads = values.threads,
          .max_head = limits.headers,
          .max_body = limits.body,
          .max_bodies = limits.bodies,
          .max_connections = limits.connections,
          .max_connections_per_address = limits.connections_per_address,
          .head_timeout = limits.header_timeout,
          .body_timeout = limits.body_timeout,
          .idle_timeout = limits.idle_timeout,
          .write_timeout = limits.write_timeout,
          .request_timeout = limits.request_timeout,
          .drain_timeout = values.drain_timeout};
}

platform::limit_settings limits_of(const rate_config& rate) {
  return {.user = {.limit = rate.user, .burst = rate.user_burst},
          .user_writes = {.limit = rate.user_writes, .burst = rate.user_writes_burst},
          .address = {.limit = rate.address, .burst = rate.address_burst},
          .login_account = {.limit = rate.login_account, .burst = rate.login_account_burst},
          .login_address = {.limit = rate.login_address, .burst = rate.login_address_burst}};
}

log_function lines_to(logs& log) {
  return [&log](log_level level, std::string_view line) { log.write(level, line); };
}

platform::app_options platform_options(const config& values, const platform::policy_table& policies,
                                       std::shared_ptr<database> source, std::shared_ptr<cache> target,
                                       std::shared_ptr<const key_ring> keys,
                                       std::shared_ptr<rate_limit_store> limit_store, logs& log) {
  platform::app_options options;
  options.database = std::move(source);
  options.cache = std::move(target);
  options.policies = policies;
  options.auth.passwords = passwords_of(values.auth);
  options.auth.sessions.idle = values.auth.session_idle;
  options.auth.sessions.lifetime = values.auth.session_lifetime;
  options.auth.sessions.encryption = std::move(keys);
  options.auth.origins = values.auth.origins;
  options.auth.secure_cookie = values.auth.secure_cookie || values.tls.enabled();
  options.limits = limits_of(values.rate);
  options.limit_store = std::move(limit_store);
  options.foreign_change_interval = values.sqlite.poll;
  options.log = lines_to(log);
  return options;
}

http_stats http_stats_of(const char* name, const server::server& from, const route_counters& routes) {
  auto stats = from.stats();
  const auto span = [](double seconds) {
    return std::chrono::round<duration>(std::chrono::duration<double>(seconds));
  };
  std::vector<duration> bounds;
  for (const auto each : stats.latency_bounds) bounds.push_back(span(each));
  return {.listener = name,
          .routes = routes.snapshot(),
          .latency = {.operation = "request",
                      .bounds = std::move(bounds),
                      .counts = std::move(stats.latency_counts),
                      .sum = span(stats.latency_sum)},
          .in_flight = stats.in_flight,
          .connections_open = stats.connections_open,
          .connections_accepted = stats.connections_accepted,
          .connections_refused = stats.connections_refused,
          .connections_displaced = stats.connections_displaced,
          .timeouts = stats.timeouts};
}

/// The keys of a gateway whose second level other programs can reach; null if it needs none and has none.
/// Errors: a policy is sensitive, and there is no key.
result<std::shared_ptr<key_ring>> find_keys(const config& values, const platform::policy_table& policies,
                                            bool shared, logs& log) {
  auto configured = open_keys(values.encryption);
  if (!configured || *configured != nullptr || !shared) return configured;
  const auto file = demo_keys_file(values.database);
  if (values.demo || has_demo_keys(file)) {
    log.write(
        values.demo ? log_level::warning : log_level::info,
        fmt::format("values in the second level are protected with the generated keys of {}; for more than "
                    "a trial, make a file of your own with strata key new and set encryption.keys_file",
                    file));
    return open_demo_keys(file);
  }
  std::string names;
  for (const auto& [name, policy] : policies) {
    if (policy.sensitive) names += (names.empty() ? "" : ", ") + name;
  }
  if (names.empty()) {
    log.write(log_level::warning,
              "no keys for encryption: every program that writes to the second level can change cached "
              "values; strata key "
              "new makes a key for encryption.keys_file");
    return configured;
  }
  return fail(
      errc::invalid_argument,
      fmt::format("encryption.keys_file: there is no key, and values of {} are sensitive; strata key new "
                  "FILE makes one, and --demo generates one",
                  names));
}

bool is_postgres(const config& values) {
  return database_kind_of(values.database) == database_kind::postgres;
}

bool relays(const config& values) {
  return is_postgres(values) && values.relay.enabled;
}

/// The store that gateways share, or null.
result<std::shared_ptr<store>> open_shared(const config& values, logs& log) {
  if (values.store == "memory") return std::shared_ptr<store>();
  return open_store(values.store, {.tracked = tracked_of(values.redis),
                                   .relayed = relays(values),
                                   .bound = values.relay.bound,
                                   .log = lines_to(log)});
}

/// The relay that publishes other programs' writes to PostgreSQL, to `local` or to the store behind it. Null
/// if none is configured.
result<std::unique_ptr<relay>> open_relay(const config& values, logs& log, cache& local) {
  if (!relays(values)) return std::unique_ptr<relay>();
  auto source = open_database(values, {.readers = 1, .writers = 1});
  if (!source) return std::unexpected(std::move(source.error()));
  relay_options options{.source = std::move(*source),
                        .poll = values.relay.poll,
                        .bound = values.relay.bound,
                        .takeover = values.relay.takeover,
                        .log = lines_to(log)};
  if (values.store == "memory") {
    options.local = &local;
  } else {
    // A connection of its own: a store does not report a connection's own changes back to it. No cache trusts
    // what it reports, so that few heartbeats are enough.
    auto target = open_store(values.store, {.trust_for = std::chrono::seconds(1),
                                            .heartbeat = std::chrono::milliseconds(250),
                                            .log = [](log_level, std::string_view) {}});
    if (!target) return std::unexpected(std::move(target.error()));
    options.target = std::move(*target);
  }
  return std::make_unique<relay>(std::move(options));
}

/// The feed that publishes the events of all gateways and other programs to `to`. Null if none is configured.
result<std::unique_ptr<event_feed>> open_feed(const config& values, logs& log, event_bus& to) {
  if (!relays(values) || values.relay.events == duration::zero()) return std::unique_ptr<event_feed>();
  auto source = open_database(values, {.readers = 1, .writers = 1});
  if (!source) return std::unexpected(std::move(source.error()));
  return std::make_unique<event_feed>(event_feed_options{
      .source = std::move(*source), .to = &to, .poll = values.relay.events, .log = lines_to(log)});
}

/// Installs the outbox on the platform's tables. Gateways that start at the same time wait for each other;
/// where it is already installed nothing is locked.
result<void> install_platform_outbox(database& target, const config& values) {
  for (auto& rule : platform::outbox_rules()) {
    auto table = rule.table;
    auto done = sync_wait(install_outbox(target, std::move(rule), {.limit = values.outbox.limit}));
    if (!done) {
      return fail(done.error().code,
                  fmt::format("outbox of {}: {}; its owner may run strata db install --platform, and "
                              "outbox.install = false leaves it alone",
                              table, done.error().detail));
    }
  }
  return {};
}

/// A part's readiness from its current trouble, which is empty while it works.
result<void> ready_unless(std::string trouble) {
  if (trouble.empty()) return {};
  return fail(errc::database_unavailable, std::move(trouble));
}

/// Why an edge or the queue of its purges makes no progress.
std::string edge_trouble(const edge_stats& from) {
  if (!from.trouble.empty()) return from.trouble;
  for (const auto& each : from.edges) {
    if (!each.trouble.empty()) return each.trouble;
  }
  return {};
}

}  // namespace

struct gateway::state {
  state(const config& wanted, logs& to, std::shared_ptr<database_watch> opened,
        platform::policy_table entity_policies, std::shared_ptr<store> second_level,
        std::shared_ptr<key_ring> keys)
      : values(wanted),
        log(to),
        policies(std::move(entity_policies)),
        ring(std::move(keys)),
        source(std::move(opened)),
        shared(std::dynamic_pointer_cast<network_store>(second_level)),
        target(std::make_shared<strata::cache>(
            cache_options{.memory = values.cache.memory,
                          .eviction = eviction_of(values.cache),
                          .objective = objective_of(values.cache),
                          .second_level = second_level,
                          .relayed = relays(values) && second_level == nullptr,
                          .encryption = ring,
                          .factory_limit = values.cache.factory_limit,
                          .factory_queue = values.cache.factory_queue})),
        events([this](const domain_event& event, std::string_view what) {
          log.write(log_level::warning, fmt::format("a handler of {} failed: {}", event.type, what));
        }),
        entities(policies),
        app(platform_options(values, policies, source, target, ring, rate_limits_of(second_level), log)) {
    set_admin_rate(values.rate);
  }

  /// Each gateway counts the refused requests to its own admin listener.
  void set_admin_rate(const rate_config& rate) {
    if (rate.admin == 0) return admin_limit.store(nullptr);
    admin_limit.store(std::make_shared<rate_limiter>(rate_limit{.limit = rate.admin}));
  }

  /// One thread suffices: it waits for the database and the cache, never for a client.
  server::server_options admin_listener() {
    auto options = listener_options(values, values.admin);
    options.threads = 1;
    options.count_refused = [this](std::string_view peer,
                                   const server::request*) -> std::optional<server::rate_limit_state> {
      const auto by = admin_limit.load();
      if (by == nullptr) return {};
      return admin::state_of(*by, by->take_now(server::client_network(peer)));
    };
    options.access_log = [this](const server::access_record& each) {
      admin_routes.count(each.route, each.status);
    };
    options.error_log = [this](std::string_view line) { log.write(log_level::error, line); };
    return options;
  }

  server::server_options platform_listener() {
    auto options = listener_options(values, values.listen);
    options.trusted_proxies = values.trusted_proxies;
    options.client_from = client_source_of(values);
    options.count_refused = [this](std::string_view peer, const server::request* from) {
      return app.count_refused(peer, from);
    };
    options.cors.origins = values.cors.origins;
    if (values.tls.enabled()) options.tls = {.certificate = values.tls.cert, .key = values.tls.key};
    options.access_log = [this](const server::access_record& each) {
      platform_routes.count(each.route, each.status);
      if (log.access_wanted()) log.write(each);
    };
    options.error_log = [this](std::string_view line) { log.write(log_level::error, line); };
    return options;
  }

  admin::admin_options admin_options() {
    std::vector<admin::readiness_check> checks{
        {"listener",
         [this]() -> task<result<void>> {
           if (serving.load()) return result<void>();
           return result<void>(fail(errc::busy, "not serving: starting or stopping"));
         }},
        {"database", [this] { return source->ping(); }},
        {"writes", [this] { return source->can_write(); }, false}};
    if (shared != nullptr) {
      checks.push_back({"store",
                        [this]() -> task<result<void>> {
                          const auto health = shared->health();
                          if (!health.usable) {
                            return result<void>(fail(errc::store_unavailable, health.trouble));
                          }
                          if (health.refusal.empty()) return result<void>();
                          return result<void>(
                              fail(errc::store_unavailable, "refuses to store values: " + health.refusal));
                        },
                        false});
    }
    if (relaying != nullptr) {
      checks.push_back({"relay",
                        [this]() -> task<result<void>> { return ready_unless(relaying->stats().trouble); },
                        false});
    }
    if (feed != nullptr) {
      checks.push_back(
          {"events", [this]() -> task<result<void>> { return ready_unless(feed->stats().trouble); }, false});
    }
    std::optional<admin::edge_functions> edge;
    if (purging != nullptr) {
      edge = {.stats = [this] { return purging->stats(); },
              .purge =
                  [this](std::vector<edge_purge> which) {
                    return enqueue_edge_purges(*source, std::move(which));
                  }};
      checks.push_back(
          {"edge", [this]() -> task<result<void>> { return ready_unless(edge_trouble(purging->stats())); },
           false});
    }
    return {.cache = target,
            .token = values.admin_token,
            .checks = std::move(checks),
            .metrics =
                [this] {
                  const std::array listeners{http_stats_of("platform", *platform_server, platform_routes),
                                             http_stats_of("admin", *admin_server, admin_routes)};
                  const process_info self{version(), started_at};
                  std::optional<store_health> store_state;
                  if (shared != nullptr) store_state = shared->health();
                  std::optional<relay_stats> relay_state;
                  if (relaying != nullptr) relay_state = relaying->stats();
                  std::optional<event_feed_stats> feed_state;
                  if (feed != nullptr) feed_state = feed->stats();
                  const auto session_state = app.sessions().stats();
                  auto limits = app.limit_stats();
                  if (const auto by = admin_limit.load()) limits.emplace_back("admin", by->stats());
                  std::optional<edge_stats> edge_state;
                  if (purging != nullptr) edge_state = purging->stats();
                  return exposition(target->stats(), listeners, self,
                                    {.shared = store_state ? &*store_state : nullptr,
                                     .relaying = relay_state ? &*relay_state : nullptr,
                                     .feeding = feed_state ? &*feed_state : nullptr,
                                     .sessions = &session_state,
                                     .limits = limits,
                                     .purging = edge_state ? &*edge_state : nullptr});
                },
            .refused = [this] { return admin_limit.load(); },
            .events = &events,
            .edge = std::move(edge),
            .value = [this](const key& shown) { return show_value(*target, entities, shown); }};
  }

  config values;
  logs& log;
  platform::policy_table policies;
  const std::shared_ptr<key_ring> ring;  // null: there are no keys
  const wall_time started_at = system_clock().wall();
  std::atomic<bool> serving{false};
  std::shared_ptr<database_watch> source;
  std::shared_ptr<network_store> shared;  // null: none, or not on the network
  std::shared_ptr<strata::cache> target;
  std::unique_ptr<strata::relay> relaying;  // null: the configuration has none
  event_bus events;                         // of every gateway; only for GET /cache/events
  std::unique_ptr<event_feed> feed;         // null: `events` has this process's own only
  std::unique_ptr<edge_sender> purging;     // null: the configuration names no edge
  platform::entity_table entities;
  platform::app app;
  std::atomic<std::shared_ptr<rate_limiter>> admin_limit;  // null: no limit
  route_counters platform_routes;
  route_counters admin_routes;
  std::unique_ptr<server::server> platform_server;
  std::unique_ptr<server::server> admin_server;
};

gateway::gateway(std::unique_ptr<state> parts) : state_(std::move(parts)) {
}

gateway::~gateway() {
  stop();
}

result<std::unique_ptr<gateway>> gateway::open(const config& values, logs& log,
                                               std::shared_ptr<store> second_level) {
  auto policies = policies_of(values);
  if (!policies) return std::unexpected(std::move(policies.error()));
  auto source = open_database(values);
  if (!source) return std::unexpected(std::move(source.error()));
  if (second_level == nullptr) {
    auto shared = open_shared(values, log);
    if (!shared) return std::unexpected(std::move(shared.error()));
    second_level = std::move(*shared);
  }
  auto keys = find_keys(values, *policies, second_level != nullptr, log);
  if (!keys) return std::unexpected(std::move(keys.error()));
  auto watched = std::make_shared<database_watch>(
      std::move(*source), [&log](log_level level, std::string_view line) { log.write(level, line); });
  auto parts = std::make_unique<state>(values, log, std::move(watched), std::move(*policies),
                                       std::move(second_level), std::move(*keys));
  if (auto done = sync_wait(parts->app.migrate()); !done) return std::unexpected(std::move(done.error()));
  if (is_postgres(values) && values.outbox.install) {
    if (auto done = install_platform_outbox(*parts->source, values); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  auto relaying = open_relay(values, log, *parts->target);
  if (!relaying) return std::unexpected(std::move(relaying.error()));
  parts->relaying = std::move(*relaying);
  auto feed = open_feed(values, log, parts->events);
  if (!feed) return std::unexpected(std::move(feed.error()));
  parts->feed = std::move(*feed);
  auto purging = open_edge(values, parts->source, lines_to(log));
  if (!purging) return std::unexpected(std::move(purging.error()));
  parts->purging = std::move(*purging);
  if (parts->feed == nullptr) {
    parts->app.events().subscribe(
        "*", [&to = parts->events](const domain_event& event) { return to.publish(event); });
  }
  return std::unique_ptr<gateway>(new gateway(std::move(parts)));
}

result<std::vector<std::string>> gateway::fill_demo() {
  // Through a cache of its own: values that no client has requested would only take room in ours.
  auto aside = std::make_shared<cache>();
  platform::app app(platform_options(state_->values, state_->policies, state_->source, std::move(aside),
                                     nullptr, nullptr, state_->log));
  auto logins = sync_wait(platform::fill_demo(app.data(), app.passwords()));
  if (!logins) return std::unexpected(std::move(logins.error()));
  std::vector<std::string> lines;
  for (const auto& each : *logins) {
    lines.push_back(fmt::format("{} {} {} {}", each.email, each.password, each.is_admin ? "admin" : "member",
                                each.organization_id));
  }
  return lines;
}

result<void> gateway::start() {
  auto& parts = *state_;
  try {
    parts.platform_server = std::make_unique<server::server>(parts.platform_listener(), parts.app.routes());
  } catch (const std::runtime_error& failure) {  // of the certificate or its key
    return fail(errc::invalid_argument, fmt::format("tls: {}", failure.what()));
  }
  parts.admin_server =
      std::make_unique<server::server>(parts.admin_listener(), admin::admin_routes(parts.admin_options()));
  parts.app.start();
  const auto listen = [](server::server& on, const std::string& address,
                         std::string_view flag) -> result<void> {
    try {
      on.start();
      return {};
    } catch (const std::system_error& failure) {
      return fail(errc::busy, fmt::format("cannot listen on {}: {}; use {} to name another address", address,
                                          failure.code().message(), flag));
    }
  };
  if (auto done = listen(*parts.admin_server, parts.values.admin, "--admin"); !done) return done;
  if (auto done = listen(*parts.platform_server, parts.values.listen, "--listen"); !done) return done;
  parts.serving = true;
  return {};
}

void gateway::set_rates(const rate_config& to) {
  state_->app.set_limits(limits_of(to));
  state_->set_admin_rate(to);
}

void gateway::reload_keys(const encryption_config& from) {
  auto& log = state_->log;
  if (state_->ring == nullptr) {
    if (!from.keys_file.empty() || !from.keys.empty()) {
      log.write(log_level::warning, "keys for encryption are configured now, and count from the next start");
    }
    return;
  }
  auto effective = from;
  if (from.keys_file.empty() && from.keys.empty()) {
    effective.keys_file = demo_keys_file(state_->values.database);  // what it started with
  }
  const auto done = strata::gateway::reload_keys(effective, *state_->ring);
  if (!done) return log.write(log_level::error, "keys not reloaded: " + done.error().detail);
  if (done->added.empty() && done->missing.empty()) return;
  log.write(log_level::info,
            fmt::format("keys reloaded: key {} encrypts; added: {}; no longer configured, and "
                        "readable until the next start: {}",
                        done->active, fmt::join(done->added, " "), fmt::join(done->missing, " ")));
}

result<void> gateway::reload_tls() {
  try {
    state_->platform_server->reload_tls();
    return {};
  } catch (const std::runtime_error& failure) {
    return fail(errc::invalid_argument,
                fmt::format("tls: {}; the certificate in force stays", failure.what()));
  }
}

std::string gateway::url() const {
  auto at = parse_endpoint(state_->values.listen).value();
  at.port = state_->platform_server->port();
  return (state_->values.tls.enabled() ? "https://" : "http://") + to_text(at);
}

std::string gateway::admin_url() const {
  auto at = parse_endpoint(state_->values.admin).value();
  at.port = state_->admin_server->port();
  return "http://" + to_text(at);
}

bool gateway::stop() {
  auto& parts = *state_;
  parts.serving = false;
  bool finished = true;
  if (parts.platform_server != nullptr) finished = parts.platform_server->stop();
  parts.app.stop();
  parts.target->stop_filling();  // background refreshes use the app and its database
  if (parts.relaying != nullptr) parts.relaying->stop();
  if (parts.feed != nullptr) parts.feed->stop();
  if (parts.purging != nullptr) parts.purging->stop();
  // Last, so that metrics stay available while the rest drains.
  if (parts.admin_server != nullptr) parts.admin_server->stop();
  return finished;
}

platform::password_settings passwords_of(const auth_config& from) {
  platform::password_settings out;
  out.threads = from.password_threads;
  out.memory = from.password_memory;
  out.operations = from.password_passes;
  return out;
}

std::string version() {
  return STRATA_VERSION;
}

result<std::shared_ptr<database>> open_database(const config& values) {
  return open_database(values, {.readers = values.postgres.readers, .writers = values.postgres.writers});
}

result<std::shared_ptr<database>> open_database(const config& values, pool_sizes sizes) {
  const auto& postgres = values.postgres;
  auto opened = strata::open_database(
      values.database,
      {.sqlite = {.readers = values.sqlite.readers, .busy_timeout = values.sqlite.busy_timeout},
       .postgres = {.password = postgres.password,
                    .readers = sizes.readers,
                    .writers = sizes.writers,
                    .statement_timeout = postgres.statement_timeout,
                    .transaction_timeout = postgres.transaction_timeout,
                    .connect_timeout = postgres.connect_timeout}});
  if (!opened) return fail(opened.error().code, "database: " + opened.error().detail);
  return opened;
}

}  // namespace strata::gateway
