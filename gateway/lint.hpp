#pragma once
/// Checks a configuration and a running deployment against what this project advises. docs/guide/lint.md
/// lists the rules. Threads: pure functions, but for `gather`.

#include "gateway/config.hpp"
#include "platform/entity.hpp"

#include <strata/network_store.hpp>
#include <strata/outbox.hpp>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::gateway {

/// A rule: why it exists and what to do.
struct lint_rule {
  std::string_view name;
  bool must = false;  ///< a finding must be mended; else it should
  std::string_view why;
  std::string_view fix;
  std::string_view page;  ///< in docs/guide
};

/// Every rule, in the order of the findings.
std::span<const lint_rule> lint_rules();

struct lint_finding {
  const lint_rule* rule = nullptr;
  std::string where;  ///< a setting, a server, a key, a table
  std::string what;
};

/// What is known of a deployment. What is absent is not checked.
struct lint_facts {
  config values;
  std::vector<platform::entity_definition> entities = platform::all_entities();
  bool has_keys = false;  ///< for encryption
  wall_time now{};

  std::optional<store_inspection> store;
  std::string store_trouble;  ///< why it could not be inspected, or is not fit; empty: it is

  std::optional<outbox_status> outbox;                   ///< of PostgreSQL
  std::map<std::string, std::string> database_settings;  ///< of PostgreSQL, by their names
  std::optional<wall_time> database_time;                ///< by its clock
  std::string database_trouble;

  std::map<std::string, double> metrics;  ///< of a running gateway, by series: `name{label="value"}`
  std::string gateway_trouble;
};

/// What is wrong, in the order of the rules.
std::vector<lint_finding> lint(const lint_facts& facts);

/// The series of Prometheus' text format.
std::map<std::string, double> parse_metrics(std::string_view text);

/// Looks at the store and the database of `values`; the caller adds the metrics. Waits for the store for
/// `patience` at most. Reads only, and of the store about 10,000 values' sizes.
lint_facts gather(const config& values, duration patience = std::chrono::seconds(5));

}  // namespace strata::gateway
