#include "gateway/lint_rules.hpp"
#include "gateway/value_view.hpp"

#include <strata/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace strata::gateway {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_named = 10;  // of a rule's values: the first ones, and how many there are
constexpr std::uint64_t big = 512u << 10;
constexpr std::uint32_t hot = 200;  // of 255: about a million requests, by the server's logarithmic counter
constexpr duration skew = 1s;

/// Adds the first of `values` that break a rule, and says how many more do.
class value_findings {
 public:
  value_findings(std::string_view rule, lint_report& to) : rule_(rule), to_(to) {}
  ~value_findings() {
    if (count_ > most_named) to_.add(rule_, "store", fmt::format("{} more values", count_ - most_named));
  }
  value_findings(const value_findings&) = delete;
  value_findings& operator=(const value_findings&) = delete;

  void add(const std::string& key, std::string what) {
    if (++count_ <= most_named) to_.add(rule_, key, std::move(what));
  }

 private:
  std::string_view rule_;
  lint_report& to_;
  std::size_t count_ = 0;
};

void lint_server(const server_inspection& of, const lint_facts& facts, lint_report& to) {
  const auto name = fmt::format("{} {}", of.software, of.version);
  int major = 0;
  std::from_chars(of.version.data(), of.version.data() + of.version.size(), major);
  if (major < 7) to.add("redis-version", "store", "is " + name);
  if (!of.has_scripts) to.add("redis-scripts", "store", name + " knows no EVAL");
  if (of.eviction.starts_with("allkeys-"))
    to.add("redis-eviction", "store", "maxmemory-policy is " + of.eviction);
  if (of.tracked_limit != 0 && of.tracked >= of.tracked_limit / 5 * 4) {
    to.add("redis-tracking", "store",
           fmt::format("tracking_total_items is {}, of at most {}", of.tracked, of.tracked_limit));
  }
  if (of.time && std::chrono::abs(*of.time - facts.now) > skew) {
    to.add("clocks", "store",
           fmt::format("its clock and this machine's differ by {}",
                       to_text(duration(std::chrono::abs(*of.time - facts.now)))));
  }
}

/// The entity that builds `key`; null if none does. `name_space` is the text before the key's first colon.
const platform::entity_definition* entity_of(std::string_view key, const lint_facts& facts) {
  const auto own = key.substr(std::min(key.size(), key.find(':') + 1));
  const auto found =
      std::ranges::find_if(facts.entities, [&](const auto& each) { return could_build(each.key, own); });
  return found == facts.entities.end() ? nullptr : &*found;
}

void lint_values(const std::vector<inspected_value>& values, const lint_facts& facts, lint_report& to) {
  value_findings foreign("key-naming", to), endless("value-without-ttl", to), large("big-key", to),
      near_limit("near-size-limit", to), requested("hot-key", to);
  for (const auto& each : values) {
    const auto* entity = entity_of(each.key, facts);
    if (entity == nullptr) foreign.add(each.key, "no entity builds it");
    if (!each.ttl) endless.add(each.key, "it has no TTL");
    if (each.size >= big) large.add(each.key, to_text(byte_size{each.size}));
    if (each.requests.value_or(0) >= hot) {
      requested.add(each.key, fmt::format("{} of 255 on the server's counter", *each.requests));
    }
    if (entity == nullptr) continue;
    const auto at = facts.values.entity.find(std::string(entity->name));
    if (at == facts.values.entity.end() || each.size < at->second.max_size.count / 5 * 4) continue;
    near_limit.add(each.key, fmt::format("{} of at most {}", to_text(byte_size{each.size}),
                                         to_text(at->second.max_size)));
  }
}

}  // namespace

void lint_store(const lint_facts& facts, lint_report& to) {
  if (!facts.store_trouble.empty()) to.add("store-trouble", "store", facts.store_trouble);
  if (!facts.store) return;
  for (const auto& each : facts.store->servers) lint_server(each, facts, to);
  lint_values(facts.store->values, facts, to);
}

}  // namespace strata::gateway
