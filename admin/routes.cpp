#include "admin/routes.hpp"
#include "admin/bodies.hpp"
#include "admin/event_streams.hpp"

#include "core/glob.hpp"

#include <strata/metrics.hpp>

#include <sodium.h>

#include <array>
#include <memory>
#include <string_view>
#include <utility>

namespace strata::admin {

namespace {

using server::field_problem;
using server::request;
using server::response;

constexpr std::size_t most_items = 1000;  // of one invalidation
constexpr std::size_t longest_tag = 256;

/// What all routes share.
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

/// Hashes are compared, so that neither the token's length nor its beginning shows in the time taken.
bool is_token(const admin_state& state, std::string_view given) {
  const auto hash = hash_token(given);
  return sodium_memcmp(hash.data(), state.token_hash.data(), hash.size()) == 0;
}

task<std::optional<response>> require_token(const shared_state& state, const request& from) {
  constexpr std::string_view scheme = "Bearer ";
  const auto given = from.field("Authorization");
  if (given.starts_with(scheme) && is_token(*state, given.substr(scheme.size())))
    return std::optional<response>();
  auto refused = server::problem(
      401, "the admin listener asks for Authorization: Bearer and the configured admin_token");
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

/// The one query parameter `key`, or what is wrong with the query.
std::expected<key, response> asked_key(const request& from) {
  std::vector<field_problem> wrong;
  for (const auto& each : from.query()) {
    if (each.name != "key") wrong.push_back({std::string(each.name), "is not a known parameter"});
  }
  const auto text = from.query("key");
  if (!text || text->empty()) {
    wrong.push_back({"key", "is missing: which key?"});
  } else if (from.query_count("key") > 1) {
    wrong.push_back({"key", "stands more than once"});
  } else if (text->size() > key::max_length) {
    wrong.push_back({"key", "is longer than 1024 bytes, so nothing is cached under it"});
  }
  if (!wrong.empty()) return std::unexpected(server::problem(422, {}, "the query is not valid", wrong));
  return key(std::string(*text));
}

task<response> explain(shared_state state, const request& from) {
  const auto asked = asked_key(from);
  if (!asked) co_return asked.error();
  co_return server::json(200, json::text_of(shown(co_await state->options.cache->explain(*asked))));
}

task<response> show_value(shared_state state, const request& from) {
  const auto asked = asked_key(from);
  if (!asked) co_return asked.error();
  admin_cached out{.key = asked->text()};
  const auto explained = co_await state->options.cache->explain(*asked);
  for (const auto& each : explained.levels) {
    out.cached = out.cached || each.state == explanation::state::fresh;
  }
  out.where = shown(explained);
  if (out.cached) {  // else the look would be counted as a miss
    auto value = co_await state->options.value(*asked);
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

void check_items(const std::optional<std::vector<std::string>>& items, const std::string& field,
                 std::size_t longest, std::size_t& total, std::vector<field_problem>& wrong) {
  if (!items) return;
  total += items->size();
  for (std::size_t i = 0; i < items->size(); ++i) {
    const auto where = '/' + field + '/' + std::to_string(i);
    if ((*items)[i].empty()) wrong.push_back({where, "is empty"});
    if ((*items)[i].size() > longest)
      wrong.push_back({where, "is longer than " + std::to_string(longest) + " bytes"});
  }
}

/// There is a floor for all keys and for each prefix; for any other glob values must be removed.
void check_soft_patterns(const std::optional<std::vector<std::string>>& patterns,
                         std::vector<field_problem>& wrong) {
  if (!patterns) return;
  for (std::size_t i = 0; i < patterns->size(); ++i) {
    const auto& glob = (*patterns)[i];
    if (glob.empty() || glob == "*" || glob_prefix(glob)) continue;
    wrong.push_back(
        {"/patterns/" + std::to_string(i),
         "cannot be expired softly, only removed; soft takes *, PREFIX:*, keys, tags and prefixes"});
  }
}

/// The body of an invalidation, or the answer that says what is wrong with it.
std::expected<admin_invalidation, response> read_invalidation(std::string_view body) {
  const auto parsed = json::parse(body);
  if (!parsed) return std::unexpected(server::problem(400, parsed.error().detail));
  admin_invalidation what;
  std::vector<json::problem> problems;
  json::convert(*parsed, what, "", problems);
  std::vector<field_problem> wrong;
  for (auto& each : problems) wrong.push_back({std::move(each.pointer), std::move(each.detail)});
  if (wrong.empty()) {
    std::size_t total = 0;
    check_items(what.keys, "keys", key::max_length, total, wrong);
    check_items(what.tags, "tags", longest_tag, total, wrong);
    check_items(what.prefixes, "prefixes", key::max_length, total, wrong);
    check_items(what.patterns, "patterns", key::max_length, total, wrong);
    if (what.soft.value_or(false)) check_soft_patterns(what.patterns, wrong);
    if (total == 0) wrong.push_back({"", "names nothing: give keys, tags, prefixes or patterns"});
    if (total > most_items)
      wrong.push_back({"", "names more than " + std::to_string(most_items) + " things"});
  }
  if (!wrong.empty())
    return std::unexpected(server::problem(422, {}, "the body is not a valid invalidation", wrong));
  return what;
}

using texts = std::vector<std::string>;

/// The whole request but the patterns that are no prefix. Requires: soft patterns passed check_soft_patterns.
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
  co_await target.invalidate(invalidation_of(*what));
  const auto patterns = what->patterns.value_or(texts());
  for (const auto& each : patterns) {
    if (!what->soft.value_or(false) && !glob_prefix(each)) co_await target.remove_pattern(each);
  }
  const auto count = [](const std::optional<texts>& of) { return of ? of->size() : 0; };
  const admin_invalidated done{count(what->keys), count(what->tags), count(what->prefixes), patterns.size()};
  co_return server::json(200, json::text_of(done));
}

response metrics_text(const admin_state& state) {
  response out;
  out.body = state.options.metrics();
  out.content_type = exposition_type;
  return out;
}

void check(const admin_options& options) {
  std::vector<std::string> wrong;
  if (!options.cache) wrong.emplace_back("admin_options.cache is missing");
  if (!options.metrics) wrong.emplace_back("admin_options.metrics is missing");
  if (!options.value) wrong.emplace_back("admin_options.value is missing");
  if (!wrong.empty()) throw bad_options(std::move(wrong));
}

}  // namespace

server::router admin_routes(admin_options options) {
  check(options);
  auto made = std::make_shared<admin_state>(admin_state{.options = std::move(options)});
  made->token_hash = hash_token(made->options.token);
  const shared_state state = std::move(made);

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
             return server::json(200, json::text_of(shown(state->options.cache->stats())));
           })
      .get("/cache/explain", [state](request& from) { return explain(state, from); })
      .get("/cache/get", [state](request& from) { return show_value(state, from); })
      .post("/cache/invalidate", [state](request& from) { return invalidate(state, from); });
  return routes;
}

}  // namespace strata::admin
