#include "cli/outbox_view.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <strata/json.hpp>

#include <boost/describe.hpp>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::cli {

namespace {

struct told_table {
  std::string table;
  std::vector<std::string> keys, prefixes, tags;
  std::string event;
  std::string level;
  bool complete = true;
};
BOOST_DESCRIBE_STRUCT(told_table, (), (table, keys, prefixes, tags, event, level, complete))

struct told_relay {
  std::string name_space;
  std::int64_t term = 0;
  double age_seconds = 0;
};
BOOST_DESCRIBE_STRUCT(told_relay, (), (name_space, term, age_seconds))

struct told_outbox {
  bool present = false;
  std::vector<told_table> tables;
  std::vector<told_relay> relays;
  std::uint64_t bytes = 0, limit = 0, overflowed = 0;
};
BOOST_DESCRIBE_STRUCT(told_outbox, (), (present, tables, relays, bytes, limit, overflowed))

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1u << 20));
}

void append(std::string& out, std::string_view what, const std::vector<std::string>& patterns) {
  if (!patterns.empty()) out += fmt::format("\n  {:<10} {}", what, fmt::join(patterns, " "));
}

}  // namespace

std::string outbox_view(const outbox_status& of) {
  if (!of.present) return "there is no outbox; strata db install TABLE makes one";
  auto out = fmt::format("outbox: {} of {}", megabytes(of.bytes), megabytes(of.limit));
  if (of.overflowed > 0) {
    out += fmt::format("\n  {} statements found it full; their name spaces are cleared", of.overflowed);
  }
  for (const auto& [rule, complete] : of.tables) {
    out += fmt::format("\n{}: by {}", rule.table, name(rule.level));
    if (!complete) out += "; triggers are missing or disabled: install it again";
    append(out, "keys", rule.keys);
    append(out, "prefixes", rule.prefixes);
    append(out, "tags", rule.tags);
    if (!rule.event.empty()) out += fmt::format("\n  {:<10} {}", "event", rule.event);
  }
  for (const auto& each : of.relays) {
    out += fmt::format("\nrelay of {}: told how far it is {:.2f}s ago, term {}", each.name_space,
                       each.age_seconds, each.term);
  }
  return out;
}

std::string outbox_json(const outbox_status& of) {
  told_outbox told{.present = of.present, .bytes = of.bytes, .limit = of.limit, .overflowed = of.overflowed};
  for (const auto& [rule, complete] : of.tables) {
    told.tables.push_back({rule.table, rule.keys, rule.prefixes, rule.tags, rule.event,
                           std::string(name(rule.level)), complete});
  }
  for (const auto& each : of.relays) told.relays.push_back({each.name_space, each.term, each.age_seconds});
  return json::text_of(told);
}

}  // namespace strata::cli
