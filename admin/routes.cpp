#include "admin/routes.hpp"
#include "admin/bodies.hpp"
#include "admin/console.hpp"
#include "admin/event_streams.hpp"

#include "core/glob.hpp"
#include "core/option_problems.hpp"

#include <strata/metrics.hpp>

#include <sodium.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

namespace strata::admin {

namespace {

using server::field_problem;
using server::request;
using server::response;

constexpr std::size_t most_items = 1000;  // in one invalidation
constexpr std::size_t longest_tag = 256;

/// Shared by all routes.
struct admin_state {
  admin_options options;
  std::array<unsigned char, crypto_generichash_BYTES> token_hash{};
};
using shared_state = std::shared_ptr<const admin_state>;

std::array<unsigned char, crypto_generichash_BYTES> hash_token(std::string_view token) {
  std::array<unsigned char, crypto_generichash_BYTES> out{};
  crypto_generichash(out.data(), out.size(), reinterpret_cast<const unsigned char*>(token.data()),
                     token.size(), nullptr, 0);
  return out;
}

/// Compares hashes, so that the time taken reveals neither the length nor a prefix of the token.
bool is_token(const admin_state& state, std::string_view given) {
  const auto hash = hash_token(given);
  return sodium_memcmp(hash.data(), state.token_hash.data(), hash.size()) == 0;
}

task<std::optional<response>> require_token(const shared_state& state, request& from) {
  if (const auto limit = state->options.refused ? state->options.refused() : nullptr) {
    const auto standing = limit->peek(server::client_network(from.peer()));
    if (!standing.allowed) {
      from.rate_limit = state_of(*limit, standing);
      return std::optional(
          server::problem(429, "too many refused requests; wait as long as Retry-After says"));
    }
  }
  constexpr std::string_view scheme = "Bearer ";
  const auto given = from.field("Authorization");
  if (given.starts_with(scheme) && is_token(*state, given.substr(scheme.size())))
    return std::optional<response>();
  auto refused = server::problem(
      401, "the admin listener requires Authorization: Bearer with the configured admin_token");
  refused.add("WWW-Authenticate", "Bearer realm=\"strata admin\"");
  return std::optional(std::move(refused));
}

bool is_address_or_localhost(std::string_view host) {
  if (host.starts_with('[')) return true;  // an IPv6 address; the server has checked the syntax
  host = host.substr(0, host.find(':'));
  return host == "localhost" ||
         (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

task<std::optional<response>> refuse_foreign_names(const request& from) {
  if (is_address_or_localhost(from.field("Host"))) return std::optional<response>();
  return std::optional(
      server::problem(421, "without a token the admin listener answers to an IP address or localhost only"));
}

/// The key that the query names, or a problem response.
std::expected<key, response> requested_key(const request& from) {
  std::vector<field_problem> problems;
  for (const auto& each : from.query()) {
    if (each.name != "key") problems.push_back({std::string(each.name), "is not a known parameter"});
  }
  const auto text = from.query("key");
  if (!text || text->empty()) {
    problems.push_back({"key", "is missing"});
  } else if (from.query_count("key") > 1) {
    problems.push_back({"key", "is repeated"});
  } else if (text->size() > key::max_length) {
    problems.push_back({"key", "is longer than 1024 bytes, so nothing is cached under it"});
  }
  if (!problems.empty()) {
    return std::unexpected(server::problem(422, {}, "the query is not valid", problems));
  }
  return key(std::string(*text));
}

task<response> explain(shared_state state, const request& from) {
  const auto requested = requested_key(from);
  if (!requested) co_return requested.error();
  co_return server::json(
      200, json::text_of(admin_explanation_of(co_await state->options.cache->explain(*requested))));
}

task<response> show_value(shared_state state, const request& from) {
  const auto requested = requested_key(from);
  if (!requested) co_return requested.error();
  admin_cached out{.key = requested->text()};
  const auto explained = co_await state->options.cache->explain(*requested);
  for (const auto& each : explained.levels) {
    out.cached = out.cached || each.state == explanation::state::fresh;
  }
  out.where = admin_explanation_of(explained);
  if (out.cached) {  // else this read would count as a miss
    auto value = co_await state->options.value(*requested);
    out.hidden = value.hidden;
    if (!value.hidden && value.json) out.value = json::raw{std::move(*value.json)};
  }
  co_return server::json(200, json::text_of(out));
}

task<response> report_readiness(shared_state state) {
  admin_readiness out{.ready = true};
  for (const auto& each : state->options.checks) {
    const auto checked = co_await each.ready();
    out.ready = out.ready && (checked.has_value() || !each.required);
    out.parts.push_back({each.name, checked.has_value(), checked ? "" : checked.error().detail});
  }
  co_return server::json(out.ready ? 200 : 503, json::text_of(out));
}

/// Refuses prefixes that would remove all keys or, as globs do, none.
void check_prefix(const std::string& prefix, const std::string& pointer,
                  std::vector<field_problem>& problems) {
  if (prefix == ":") problems.push_back({pointer, "names no key; the pattern * removes everything"});
  if (prefix.find_first_of("*?[]") != std::string::npos) {
    problems.push_back(
        {pointer, "is a glob; a prefix stands for all keys below it, and patterns take globs"});
  }
}

void check_items(const std::optional<std::vector<std::string>>& items, const std::string& field,
                 std::size_t longest, std::size_t& total, std::vector<field_problem>& problems) {
  if (!items) return;
  total += items->size();
  for (std::size_t i = 0; i < items->size(); ++i) {
    const auto pointer = '/' + field + '/' + std::to_string(i);
    if ((*items)[i].empty()) problems.push_back({pointer, "is empty"});
    if (field == "prefixes") check_prefix((*items)[i], pointer, problems);
    if ((*items)[i].size() > longest)
      problems.push_back({pointer, "is longer than " + std::to_string(longest) + " bytes"});
  }
}

/// The cache can expire all keys and each prefix; any other glob can only remove.
void check_soft_patterns(const std::optional<std::vector<std::string>>& patterns,
                         std::vector<field_problem>& problems) {
  if (!patterns) return;
  for (std::size_t i = 0; i < patterns->size(); ++i) {
    const auto& glob = (*patterns)[i];
    if (glob.empty() || glob == "*" || glob_prefix(glob)) continue;
    problems.push_back(
        {"/patterns/" + std::to_string(i),
         "cannot be expired softly, only removed; soft takes *, PREFIX:*, keys, tags and prefixes"});
  }
}

/// The body of an invalidation, or a problem response.
std::expected<admin_invalidation, response> read_invalidation(std::string_view body) {
  const auto parsed = json::parse(body, {.members = 16});
  if (!parsed) return std::unexpected(server::problem(400, parsed.error().detail));
  admin_invalidation what;
  std::vector<json::problem> unconverted;
  json::convert(*parsed, what, "", unconverted);
  std::vector<field_problem> problems;
  for (auto& each : unconverted) problems.push_back({std::move(each.pointer), std::move(each.detail)});
  if (problems.empty()) {
    std::size_t total = 0;
    check_items(what.keys, "keys", key::max_length, total, problems);
    check_items(what.tags, "tags", longest_tag, total, problems);
    check_items(what.prefixes, "prefixes", key::max_length, total, problems);
    check_items(what.patterns, "patterns", key::max_length, total, problems);
    if (what.soft.value_or(false)) check_soft_patterns(what.patterns, problems);
    if (total == 0) problems.push_back({"", "names nothing: give keys, tags, prefixes or patterns"});
    if (total > most_items)
      problems.push_back({"", "names more than " + std::to_string(most_items) + " items"});
  }
  if (!problems.empty())
    return std::unexpected(server::problem(422, {}, "the body is not a valid invalidation", problems));
  return what;
}

using texts = std::vector<std::string>;

/// The request without the patterns that are not a prefix. Requires: soft patterns passed
/// check_soft_patterns.
invalidation invalidation_of(const admin_invalidation& what) {
  invalidation out{.soft = what.soft.value_or(false)};
  for (const auto& each : what.keys.value_or(texts())) out.keys.emplace_back(each);
  out.tags = what.tags.value_or(texts());
  out.prefixes = what.prefixes.value_or(texts());
  for (const auto& each : what.patterns.value_or(texts())) {
    if (const auto prefix = glob_prefix(each)) {
      out.prefixes.emplace_back(*prefix);
    } else if (out.soft) {
      out.everything = true;
    }
  }
  return out;
}

task<response> invalidate(shared_state state, const request& from) {
  const auto what = read_invalidation(from.body());
  if (!what) co_return what.error();
  auto& target = *state->options.cache;
  auto named = invalidation_of(*what);
  const auto patterns = what->patterns.value_or(texts());
  texts globs;
  if (!what->soft.value_or(false)) {
    std::ranges::copy_if(patterns, std::back_inserter(globs),
                         [](const auto& each) { return !glob_prefix(each); });
  }
  const auto count = [](const std::optional<texts>& of) { return of ? of->size() : 0; };
  admin_invalidated done{.keys = count(what->keys),
                         .tags = count(what->tags),
                         .prefixes = count(what->prefixes),
                         .patterns = patterns.size(),
                         .values = {},
                         .preview = what->preview.value_or(false)};
  for (auto& each : target.preview(named, globs)) done.values[each.type] = each.values;
  if (!done.preview) {
    co_await target.invalidate(std::move(named));
    for (const auto& each : globs) co_await target.remove_pattern(each);
  }
  co_return server::json(200, json::text_of(done));
}

/// The body of a purge, or a problem response.
std::expected<std::vector<edge_purge>, response> read_purges(std::string_view body) {
  const auto parsed = json::parse(body, {.members = 16});
  if (!parsed) return std::unexpected(server::problem(400, parsed.error().detail));
  admin_edge_purge what;
  std::vector<json::problem> unconverted;
  json::convert(*parsed, what, "", unconverted);
  std::vector<field_problem> problems;
  for (auto& each : unconverted) problems.push_back({std::move(each.pointer), std::move(each.detail)});
  std::vector<edge_purge> out;
  const bool soft = what.soft.value_or(false);
  const auto add = [&](edge_purge_kind kind, const std::optional<texts>& values, const std::string& field) {
    for (std::size_t i = 0; values && i < values->size(); ++i) {
      edge_purge one{.kind = kind, .value = (*values)[i], .soft = soft};
      if (auto why = problem_of(one); !why.empty()) {
        problems.push_back({'/' + field + '/' + std::to_string(i), std::move(why)});
      }
      out.push_back(std::move(one));
    }
  };
  add(edge_purge_kind::tag, what.tags, "tags");
  add(edge_purge_kind::url, what.urls, "urls");
  add(edge_purge_kind::prefix, what.prefixes, "prefixes");
  if (what.everything.value_or(false))
    out.push_back({.kind = edge_purge_kind::everything, .value = {}, .soft = soft});
  if (problems.empty() && out.empty())
    problems.push_back({"", "names nothing: give tags, urls, prefixes or everything"});
  if (out.size() > most_items)
    problems.push_back({"", "names more than " + std::to_string(most_items) + " items"});
  if (!problems.empty())
    return std::unexpected(server::problem(422, {}, "the body is not a valid purge", problems));
  return out;
}

response no_edge() {
  return server::problem(
      404, "no edge is configured; set edge.cloudflare, edge.fastly, edge.varnish or edge.nginx");
}

task<response> purge_edge(shared_state state, const request& from) {
  if (!state->options.edge) co_return no_edge();
  auto which = read_purges(from.body());
  if (!which) co_return which.error();
  const admin_edge_purged done{which->size()};
  const auto queued = co_await state->options.edge->purge(std::move(*which));
  if (!queued) co_return server::problem(503, queued.error().detail);
  co_return server::json(200, json::text_of(done));
}

response edge_status(const admin_state& state) {
  if (!state.options.edge) return no_edge();
  return server::json(200, json::text_of(admin_edge_status_of(state.options.edge->stats())));
}

response metrics_text(const admin_state& state) {
  response out;
  out.body = state.options.metrics();
  out.content_type = exposition_type;
  return out;
}

void check(const admin_options& options) {
  detail::option_problems problems;
  problems.require(options.cache != nullptr, "admin_options.cache is missing");
  problems.require(options.metrics != nullptr, "admin_options.metrics is missing");
  problems.require(options.value != nullptr, "admin_options.value is missing");
  problems.throw_if_any();
}

}  // namespace

server::rate_limit_state state_of(const rate_limiter& by, const rate_decision& decided) {
  return {.policy = "admin",
          .limit = decided.limit,
          .remaining = decided.remaining,
          .window = by.rule().window,
          .reset_after = decided.reset_after,
          .retry_after = decided.retry_after,
          .exceeded = !decided.allowed};
}

server::router admin_routes(admin_options options) {
  check(options);
  auto initial = std::make_shared<admin_state>(admin_state{.options = std::move(options)});
  initial->token_hash = hash_token(initial->options.token);
  const shared_state state = std::move(initial);

  server::step guard = refuse_foreign_names;
  if (!state->options.token.empty()) guard = [state](request& from) { return require_token(state, from); };

  server::router routes;
  if (auto* const events = state->options.events) {
    routes.group({guard}).get("/cache/events",
                              [streams = std::make_shared<event_streams>(*events)](
                                  request&) -> task<response> { return streams->open(); },
                              {.produces = "text/event-stream"});
  }
  routes.group({guard})
      .get("/metrics", [state](request&) -> task<response> { return metrics_text(*state); },
           {.produces = "text/plain"})
      .get("/healthz", [](request&) -> task<response> { return server::json(200, R"({"status":"ok"})"); })
      .get("/readyz", [state](request&) { return report_readiness(state); })
      .get("/cache/stats",
           [state](request&) -> task<response> {
             return server::json(200, json::text_of(admin_stats_of(state->options.cache->stats())));
           })
      .get("/edge/status", [state](request&) -> task<response> { return edge_status(*state); })
      .post("/edge/purge", [state](request& from) { return purge_edge(state, from); })
      .get("/cache/explain", [state](request& from) { return explain(state, from); })
      .get("/cache/get", [state](request& from) { return show_value(state, from); })
      .post("/cache/invalidate", [state](request& from) { return invalidate(state, from); });
  // A page that asks for the token must load without it.
  add_console(routes, state->options.token.empty() ? std::vector{guard} : std::vector<server::step>());
  return routes;
}

}  // namespace strata::admin
