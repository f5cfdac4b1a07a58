#include "gateway/endpoint.hpp"
#include "gateway/lint_rules.hpp"
#include "platform/changes.hpp"

#include <strata/open_database.hpp>
#include <strata/units.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace strata::gateway {

namespace {

using namespace std::chrono_literals;

/// `pattern` with every variable as {}: two patterns of one shape build the same keys.
std::string shape_of(std::string_view pattern) {
  std::string out;
  bool inside = false;
  for (const char c : pattern) {
    if (c == '}') inside = false;
    if (!inside) out += c;
    if (c == '{') inside = true;
  }
  return out;
}

/// Whether a change that `rule` describes reaches the keys of the shape `key`.
bool reaches(const platform::change_rule& rule, const std::string& key) {
  const auto is_key = [&](const std::string& each) { return shape_of(each) == key; };
  const auto is_above = [&](const std::string& each) {
    const auto prefix = shape_of(each);
    return key == prefix || key.starts_with(prefix + ':');
  };
  return is_key(rule.written) || std::ranges::any_of(rule.keys, is_key) ||
         std::ranges::any_of(rule.lists, is_above);
}

void lint_entities(const lint_facts& facts, lint_report& to) {
  for (const auto& each : facts.entities) {
    const auto at = facts.values.entity.find(std::string(each.name));
    if (at == facts.values.entity.end()) continue;
    const auto& policy = at->second;
    const auto setting = [&](std::string_view field) {
      return fmt::format("entity.{}.{}", each.name, field);
    };
    if (policy.ttl == duration::zero()) {
      to.add("ttl-missing", setting("ttl"), "is 0");
    } else if (policy.ttl < 1s || policy.ttl > 24h) {
      to.add("ttl-bounds", setting("ttl"), "is " + strata::to_text(policy.ttl));
    }
    const auto key = shape_of(each.key);
    const bool ruled = std::ranges::any_of(
        facts.entities, [&](const auto& other) { return other.change && reaches(*other.change, key); });
    const bool ends_itself = each.name == "session";  // session_store invalidates its copies
    if (!ruled && !ends_itself)
      to.add("invalidation-rule", fmt::format("entity.{}", each.name), "no change of a table removes it");
    if (each.policy.sensitive && !policy.sensitive) to.add("sensitive-off", setting("sensitive"), "is false");
    if (policy.sensitive && facts.values.store != "memory" && !facts.has_keys) {
      to.add("sensitive-in-clear", setting("sensitive"), "is true, and there is no key");
    }
  }
}

}  // namespace

void lint_config(const lint_facts& facts, lint_report& to) {
  const auto& values = facts.values;
  lint_entities(facts, to);
  const auto kind = database_kind_of(values.database);
  if (kind && *kind == database_kind::postgres) {
    if (!values.relay.enabled) to.add("relay-off", "relay.enabled", "is false");
    if (!values.outbox.install && facts.outbox && !facts.outbox->present) {
      to.add("relay-off", "outbox.install", "is false, and there is no outbox");
    }
  }
  const auto listen = parse_endpoint(values.listen);
  if (listen && !listen->loopback() && !values.auth.secure_cookie) {
    to.add("insecure-cookie", "auth.secure_cookie",
           fmt::format("is false, and {} is not loopback", values.listen));
  }
  for (const auto& [name, limit] : {std::pair("rate.user", values.rate.user),
                                    {"rate.address", values.rate.address},
                                    {"rate.login_account", values.rate.login_account},
                                    {"rate.login_address", values.rate.login_address}}) {
    if (limit == 0) to.add("no-limits", name, "is 0");
  }
}

}  // namespace strata::gateway
