#include "gateway/lint.hpp"

#include "gateway/lint_rules.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace strata::gateway {

namespace {

constexpr std::array rules{
    lint_rule{"ttl-missing", true,
              "A value without a time to live is served for ever if one invalidation is lost.",
              "Set entity.NAME.ttl.", "ttl.md"},
    lint_rule{"ttl-bounds", false,
              "Below a second a cache hardly saves a read; beyond a day it bounds no mistake.",
              "Set entity.NAME.ttl to between 1s and 24h.", "ttl.md"},
    lint_rule{"invalidation-rule", true, "Without a rule, values stay in the cache when their row changes.",
              "Declare the entity's table and events, as docs/guide/new_entity.md describes.",
              "new_entity.md"},
    lint_rule{"relay-off", true, "Without the relay, caches do not see what other programs write.",
              "Set relay.enabled = true and outbox.install = true.", "relay.md"},
    lint_rule{"sensitive-in-clear", true,
              "Every reader of the second level, its replicas and its backups could read these values.",
              "Make a key with strata key new FILE and set encryption.keys_file.", "encryption.md"},
    lint_rule{"sensitive-off", true, "The platform keeps secrets or rights in values of this entity.",
              "Leave entity.NAME.sensitive at its default.", "encryption.md"},
    lint_rule{"insecure-cookie", false, "Without Secure, a browser sends the session's cookie in clear, too.",
              "Serve through TLS and set auth.secure_cookie = true.", "program.md"},
    lint_rule{"no-limits", false, "Without a limit, one client can take all capacity, or guess passwords.",
              "Set rate.user, rate.address, rate.login_account and rate.login_address above 0.",
              "rate_limits.md"},
    lint_rule{"store-trouble", true, "Gateways work without the second level, but share nothing.",
              "Mend what the message names.", "redis.md"},
    lint_rule{"redis-version", true, "Older servers run no script while memory is full.",
              "Use Redis 7 or later, or Valkey.", "redis.md"},
    lint_rule{"redis-scripts", true, "Every step of the store that must be atomic is a Lua script.",
              "Load the server's Lua module, or use a server that has it built in.", "redis.md"},
    lint_rule{"redis-eviction", true,
              "A server that may evict keys without a TTL can lose floors, and with them invalidations.",
              "Set maxmemory-policy to volatile-lru.", "redis.md"},
    lint_rule{"redis-tracking", true,
              "When the tracking table is full, the server evicts entries and notifies caches of changes "
              "that never "
              "happened.",
              "Raise tracking-table-max-keys, or set redis.tracked = \"all\".", "redis.md"},
    lint_rule{"clocks", false,
              "Sessions, certificates and logs of several machines are compared by the time of day.",
              "Run NTP on every machine.", "program.md"},
    lint_rule{"key-naming", false, "A key that no entity builds is never read and never invalidated.",
              "Give other programs a name space of their own: ?name=NAME in the store's URL.", "keys.md"},
    lint_rule{"value-without-ttl", true, "It is never evicted and never ends.",
              "Find the program that writes it; Strata sets a TTL on every value.", "ttl.md"},
    lint_rule{"big-key", false,
              "A large value delays all requests behind it, on the server and on the connection.",
              "Split the value, or lower entity.NAME.max_size.", "size_limit.md"},
    lint_rule{"near-size-limit", false,
              "A little larger, and it is never stored: each read goes to the database.",
              "Split the value, or raise entity.NAME.max_size.", "size_limit.md"},
    lint_rule{"hot-key", false,
              "Many requests for one key mean that memory of the processes does not hold it.",
              "Raise cache.memory, or the entity's ttl.", "memory.md"},
    lint_rule{"database-trouble", true, "Nothing can be read that is not cached.",
              "Mend what the message names.", "postgres.md"},
    lint_rule{"postgres-settings", true,
              "A commit that PostgreSQL confirmed could be lost in a crash, though caches have it.",
              "Set it back to on in postgresql.conf.", "postgres.md"},
    lint_rule{"triggers", true, "Changes of this table are not recorded, so caches do not see them.",
              "Run strata db install --platform.", "relay.md"},
    lint_rule{"outbox-full", true, "A full outbox records no more; caches are then cleared as a whole.",
              "Start a relay, or raise outbox.limit.", "relay.md"},
    lint_rule{"relay-lag", true, "Caches serve nothing from memory while the relay is behind its bound.",
              "Look at relay_trouble and the gateway's log.", "relay.md"},
    lint_rule{"hit-ratio", false, "A cache that misses most reads costs more than it saves.",
              "Raise the ttl or cache.memory, or do not cache this entity; strata bench trace shows what "
              "would help.",
              "sizing.md"},
    lint_rule{"forged-values", true,
              "Somebody without the keys writes to the second level, or gateways have different keys.",
              "Give every gateway the same keys, and only gateways access to the store.", "encryption.md"},
    lint_rule{"unscraped-metrics", false, "Without metrics, trouble shows first at the clients.",
              "Let Prometheus read /metrics of the admin listener.", "metrics.md"},
};

}  // namespace

std::span<const lint_rule> lint_rules() {
  return rules;
}

void lint_report::add(std::string_view rule, std::string where, std::string what) {
  const auto* const found = std::ranges::find(rules, rule, &lint_rule::name);
  if (found == rules.end()) throw std::logic_error("there is no rule " + std::string(rule));
  found_.push_back({found, std::move(where), std::move(what)});
}

std::vector<lint_finding> lint_report::take() {
  std::vector<lint_finding> sorted;
  for (const auto& rule : rules) {
    for (auto& each : found_) {
      if (each.rule == &rule) sorted.push_back(std::move(each));
    }
  }
  return sorted;
}

std::vector<lint_finding> lint(const lint_facts& facts) {
  lint_report report;
  lint_config(facts, report);
  lint_store(facts, report);
  lint_database(facts, report);
  lint_running(facts, report);
  return report.take();
}

std::map<std::string, double> parse_metrics(std::string_view text) {
  std::map<std::string, double> out;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto space = line.rfind(' ');
    if (line.starts_with('#') || space == std::string_view::npos) continue;
    double value = 0;
    const auto digits = line.substr(space + 1);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failed == std::errc()) out.emplace(line.substr(0, space), value);
  }
  return out;
}

}  // namespace strata::gateway
