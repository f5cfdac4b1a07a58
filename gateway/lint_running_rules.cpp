#include "gateway/lint_rules.hpp"

#include <strata/units.hpp>

#include <fmt/format.h>

#include <array>

namespace strata::gateway {

namespace {

using namespace std::chrono_literals;

constexpr double fewest_reads = 1'000;  // before a hit ratio says something
constexpr double lowest_ratio = 0.5;
constexpr duration settling = 10min;  // before missing scrapes say something

double at(const std::map<std::string, double>& metrics, const std::string& series) {
  const auto found = metrics.find(series);
  return found == metrics.end() ? 0 : found->second;
}

/// The sum of the series of `name` that carry `label`, e.g. `cache_type="agent"`.
double sum_of(const std::map<std::string, double>& metrics, std::string_view name, std::string_view label) {
  double sum = 0;
  for (auto at = metrics.lower_bound(std::string(name) + '{');
       at != metrics.end() && at->first.starts_with(std::string(name) + '{'); ++at) {
    if (at->first.contains(label)) sum += at->second;
  }
  return sum;
}

/// The values of the label `cache_type`.
std::vector<std::string> types_of(const std::map<std::string, double>& metrics) {
  constexpr std::string_view opening = R"(cache_type=")";
  std::vector<std::string> out;
  for (const auto& [series, value] : metrics) {
    const auto begin = series.find(opening);
    if (!series.starts_with("cache_misses_total{") || begin == std::string::npos) continue;
    const auto text = series.substr(begin + opening.size());
    auto type = text.substr(0, text.find('"'));
    if (out.empty() || out.back() != type) out.push_back(std::move(type));
  }
  return out;
}

}  // namespace

void lint_database(const lint_facts& facts, lint_report& to) {
  if (!facts.database_trouble.empty()) to.add("database-trouble", "database", facts.database_trouble);
  for (const auto* each : {"fsync", "full_page_writes", "synchronous_commit"}) {
    const auto found = facts.database_settings.find(each);
    if (found != facts.database_settings.end() && found->second == "off") {
      to.add("postgres-settings", each, "is off");
    }
  }
  if (facts.database_time && std::chrono::abs(*facts.database_time - facts.now) > 1s) {
    to.add("clocks", "database",
           fmt::format("its clock and this machine's differ by {}",
                       to_text(duration(std::chrono::abs(*facts.database_time - facts.now)))));
  }
  if (!facts.outbox) return;
  if (!facts.outbox->present) to.add("triggers", "database", "there is no outbox");
  for (const auto& each : facts.outbox->problems) to.add("triggers", "outbox", each);
  for (const auto& each : facts.outbox->tables) {
    if (!each.complete) to.add("triggers", each.rule.table, "triggers are missing or disabled");
    for (const auto& problem : each.problems) to.add("triggers", each.rule.table, problem);
  }
  for (const auto& wanted : facts.entities) {
    if (!facts.outbox->present || !wanted.change || wanted.change->table.empty()) continue;
    const auto installed = [&](const outbox_status::table& each) {
      return each.rule.table == wanted.change->table;
    };
    if (!std::ranges::any_of(facts.outbox->tables, installed)) {
      to.add("triggers", wanted.change->table, "it has no triggers");
    }
  }
  if (facts.outbox->limit != 0 && facts.outbox->bytes >= facts.outbox->limit / 5 * 4) {
    to.add("outbox-full", "outbox",
           fmt::format("{} of {}", to_text(byte_size{facts.outbox->bytes}),
                       to_text(byte_size{facts.outbox->limit})));
  }
}

void lint_running(const lint_facts& facts, lint_report& to) {
  const auto& metrics = facts.metrics;
  if (metrics.empty()) return;
  const auto lag = at(metrics, "relay_lag_seconds");
  if (lag > std::chrono::duration<double>(facts.values.relay.bound).count()) {
    to.add("relay-lag", "relay",
           fmt::format("relay_lag_seconds is {:.1f}, the bound {}", lag, to_text(facts.values.relay.bound)));
  }
  for (const auto& type : types_of(metrics)) {
    const auto label = fmt::format(R"(cache_type="{}")", type);
    const auto hits = sum_of(metrics, "cache_hits_total", label);
    const auto reads = hits + sum_of(metrics, "cache_misses_total", label);
    if (reads < fewest_reads || hits >= lowest_ratio * reads) continue;
    to.add("hit-ratio", type, fmt::format("{:.0f} % of {:.0f} reads are hits", 100 * hits / reads, reads));
  }
  if (const auto forged = sum_of(metrics, "cache_misses_total", R"(reason="unauthentic")"); forged > 0) {
    to.add("forged-values", "store", fmt::format("{:.0f} values were not authentic", forged));
  }
  const auto started = at(metrics, "process_start_time_seconds");
  const auto now = std::chrono::duration<double>(facts.now.time_since_epoch()).count();
  const auto scrapes = at(metrics, R"(http_requests_total{listener="admin",route="/metrics",status="2xx"})");
  if (started > 0 && now - started > std::chrono::duration<double>(settling).count() && scrapes == 0) {
    to.add("unscraped-metrics", "admin", "no client has read /metrics since the start");
  }
}

}  // namespace strata::gateway
