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

struct table_row {
  std::string table;
  std::vector<std::string> keys, prefixes, tags;
  std::string event;
  std::string level;
  bool complete = true;
  std::vector<std::string> problems;
};
BOOST_DESCRIBE_STRUCT(table_row, (), (table, keys, prefixes, tags, event, level, complete, problems))

struct relay_row {
  std::string name_space;
  std::int64_t term = 0;
  double age_seconds = 0;
};
BOOST_DESCRIBE_STRUCT(relay_row, (), (name_space, term, age_seconds))

struct outbox_document {
  bool present = false;
  std::vector<table_row> tables;
  std::vector<relay_row> relays;
  std::uint64_t bytes = 0, limit = 0, overflowed = 0;
  std::vector<std::string> problems;
};
BOOST_DESCRIBE_STRUCT(outbox_document, (), (present, tables, relays, bytes, limit, overflowed, problems))

double in_seconds(duration span) {
  return std::chrono::duration<double>(span).count();
}

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1u << 20));
}

void append(std::string& out, std::string_view what, const std::vector<std::string>& patterns) {
  if (!patterns.empty()) out += fmt::format("\n  {:<10} {}", what, fmt::join(patterns, " "));
}

void append_problems(std::string& out, const std::vector<std::string>& problems) {
  for (const auto& each : problems) out += "\n  problem    " + each;
}

}  // namespace

std::string outbox_view(const outbox_status& of) {
  if (!of.present) {
    std::string none = "there is no outbox; strata db install TABLE makes one";
    append_problems(none, of.problems);
    return none;
  }
  auto out = fmt::format("outbox: {} of {}", megabytes(of.bytes), megabytes(of.limit));
  if (of.overflowed > 0) {
    out += fmt::format(
        "\n  {} statements could not be recorded, since it was full or damaged; their name "
        "spaces are cleared",
        of.overflowed);
  }
  append_problems(out, of.problems);
  for (const auto& [rule, complete, problems] : of.tables) {
    out += fmt::format("\n{}: by {}", rule.table, name(rule.level));
    if (!complete) out += "; not complete";
    append_problems(out, problems);
    append(out, "keys", rule.keys);
    append(out, "prefixes", rule.prefixes);
    append(out, "tags", rule.tags);
    if (!rule.event.empty()) out += fmt::format("\n  {:<10} {}", "event", rule.event);
  }
  for (const auto& each : of.leaders) {
    out += fmt::format("\nrelay of {}: saved its position {:.2f}s ago, term {}", each.name_space,
                       in_seconds(each.age), each.term);
  }
  return out;
}

std::string outbox_json(const outbox_status& of) {
  outbox_document out{.present = of.present,
                      .bytes = of.bytes,
                      .limit = of.limit,
                      .overflowed = of.overflowed,
                      .problems = of.problems};
  for (const auto& [rule, complete, problems] : of.tables) {
    out.tables.push_back({rule.table, rule.keys, rule.prefixes, rule.tags, rule.event,
                          std::string(name(rule.level)), complete, problems});
  }
  for (const auto& each : of.leaders) {
    out.relays.push_back({each.name_space, each.term, in_seconds(each.age)});
  }
  return json::text_of(out);
}

}  // namespace strata::cli
