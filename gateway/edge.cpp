#include "gateway/edge.hpp"

#include "platform/edge_tags.hpp"

#include <fmt/format.h>
#include <strata/open_database.hpp>

#include <algorithm>
#include <chrono>
#include <vector>

namespace strata::gateway {

namespace {

std::vector<std::shared_ptr<edge_client>> clients_of(const edge_config& values,
                                                     const std::shared_ptr<edge_http>& http) {
  std::vector<std::shared_ptr<edge_client>> out;
  if (!values.cloudflare.zone.empty()) {
    out.push_back(cloudflare_edge(
        http,
        {.url = values.cloudflare.url, .zone = values.cloudflare.zone, .token = values.cloudflare.token}));
  }
  if (!values.fastly.service.empty()) {
    out.push_back(fastly_edge(
        http, {.url = values.fastly.url, .service = values.fastly.service, .token = values.fastly.token}));
  }
  for (const auto& each : values.varnish.urls) out.push_back(varnish_edge(http, {.url = each}));
  for (const auto& each : values.nginx.urls) out.push_back(nginx_edge(http, {.url = each}));
  return out;
}

/// From a commit until no gateway serves what it replaced.
duration settle_of(const config& values) {
  const auto kind = database_kind_of(values.database);
  if (kind == database_kind::postgres) return values.relay.bound;
  return std::max<duration>(values.relay.bound, 2 * values.sqlite.poll);
}

}  // namespace

bool has_edge(const edge_config& values) noexcept {
  return !values.cloudflare.zone.empty() || !values.fastly.service.empty() || !values.varnish.urls.empty() ||
         !values.nginx.urls.empty();
}

result<std::unique_ptr<edge_sender>> open_edge(const config& values, std::shared_ptr<database> source,
                                               log_function log) {
  if (!has_edge(values.edge)) return std::unique_ptr<edge_sender>();
  auto installed = sync_wait(install_edge_queue(*source, platform::edge_rules()));
  if (!installed) {
    log(log_level::error,
        fmt::format(
            "edge: cannot install the queue of purges: {}; grant this role the tables edge_purges, "
            "edge_deliveries and edge_sender, and the triggers of listings. Until then the edge keeps "
            "what it has until it expires",
            installed.error().detail));
  }
  auto http = open_edge_http();
  edge_sender_options options{.source = std::move(source),
                              .edges = clients_of(values.edge, http),
                              .settle = settle_of(values),
                              .rate = values.edge.rate / 60.0,
                              .burst = static_cast<double>(values.edge.burst),
                              .http = http,
                              .log = std::move(log)};
  if (!values.edge.probe.empty()) {
    options.page = [site = values.edge.probe](edge_purge_kind kind, std::string_view value) {
      return platform::public_page_of(site, kind, value);
    };
  }
  try {
    return std::make_unique<edge_sender>(std::move(options));
  } catch (const bad_options& refused) {
    return fail(errc::invalid_argument, fmt::format("edge: {}", refused.problems().front()));
  }
}

}  // namespace strata::gateway
