/// Reports the state of the outbox.

#include "relay/column_values.hpp"
#include "relay/outbox_tables.hpp"

#include <strata/outbox.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace strata {

namespace {

using relay_detail::number_of;
using relay_detail::text_of;

/// Files a fault under the table that has it.
void add_problem(outbox_status& to, const std::vector<std::int64_t>& ids, std::int64_t rule,
                 std::string_view table, const std::string& text) {
  const auto at = std::ranges::find(ids, rule);
  if (at != ids.end()) {
    to.tables[static_cast<std::size_t>(at - ids.begin())].problems.push_back(text);
  } else {
    to.problems.push_back(table.empty() ? text : fmt::format("{}: {}", table, text));
  }
}

task<result<void>> add_tables(transaction& in, outbox_status& out) {
  auto rules = co_await relay_detail::find_rules(in);
  if (!rules) co_return std::unexpected(std::move(rules.error()));
  std::vector<std::int64_t> ids;
  for (auto& each : *rules) {
    ids.push_back(each.id);
    out.tables.push_back({.rule = std::move(each.rule), .complete = each.enabled == each.wanted});
  }
  const auto statement = relay_detail::problem_statement();
  auto problems = co_await in.execute(statement, sql_parameters());
  if (!problems) co_return std::unexpected(std::move(problems.error()));
  for (const auto& each : relay_detail::problems_in(*problems)) {
    add_problem(out, ids, each.rule, each.table, each.text);
  }
  auto unread = co_await in.execute(
      "SELECT rule::bigint AS rule, count(*) AS many, "
      "(array_agg(vals[cardinality(vals)] ORDER BY place DESC))[1] AS why "
      "FROM strata_outbox.changes WHERE what = 'w' GROUP BY rule ORDER BY 1",
      sql_parameters());
  if (!unread) co_return std::unexpected(std::move(unread.error()));
  for (std::size_t i = 0; i < unread->size(); ++i) {
    add_problem(
        out, ids, number_of(unread->at(i, "rule")), "",
        fmt::format("in the last minutes the trigger could not read the rows of {} writes, and recorded "
                    "the widest change instead: {}",
                    number_of(unread->at(i, "many")), text_of(unread->at(i, "why"))));
  }
  co_return result<void>();
}

task<result<void>> add_leaders(transaction& in, outbox_status& out) {
  auto relays = co_await in.execute(
      "SELECT name_space, term, extract(epoch FROM clock_timestamp() - at)::float8 AS age "
      "FROM strata_outbox.relays ORDER BY 1",
      sql_parameters());
  if (!relays) co_return std::unexpected(std::move(relays.error()));
  for (std::size_t i = 0; i < relays->size(); ++i) {
    const auto* age = std::get_if<double>(&relays->at(i, "age"));
    out.leaders.push_back({.name_space = text_of(relays->at(i, "name_space")),
                           .term = number_of(relays->at(i, "term")),
                           .age = std::chrono::duration_cast<duration>(
                               std::chrono::duration<double>(age == nullptr ? 0 : *age))});
  }
  co_return result<void>();
}

task<result<void>> add_sizes(transaction& in, outbox_status& out) {
  auto sizes = co_await in.execute(
      "SELECT (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('strata_outbox.changes') "
      "WHERE isleaf)::bigint AS bytes, strata_outbox.part_limit() * 8 AS most, "
      "(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM strata_outbox.overflow) AS overflowed",
      sql_parameters());
  if (!sizes) co_return std::unexpected(std::move(sizes.error()));
  out.bytes = static_cast<std::uint64_t>(number_of(sizes->at(0, "bytes")));
  out.limit = static_cast<std::uint64_t>(number_of(sizes->at(0, "most")));
  out.overflowed = static_cast<std::uint64_t>(number_of(sizes->at(0, "overflowed")));
  co_return result<void>();
}

task<result<outbox_status>> read_status(database& target) {
  auto open = co_await relay_detail::begin_alone(target);
  if (!open) co_return std::unexpected(std::move(open.error()));
  auto& in = **open;
  auto version = co_await relay_detail::version_of(in);
  if (!version) co_return std::unexpected(std::move(version.error()));
  outbox_status out;
  if (version->empty()) {
    auto renamed = co_await relay_detail::renamed_schema(in);
    if (!renamed) co_return std::unexpected(std::move(renamed.error()));
    if (!renamed->empty()) out.problems.push_back(relay_detail::renamed_problem(*renamed));
    co_return out;
  }
  out.present = true;
  auto tables = co_await add_tables(in, out);
  if (!tables) co_return std::unexpected(std::move(tables.error()));
  auto leaders = co_await add_leaders(in, out);
  if (!leaders) co_return std::unexpected(std::move(leaders.error()));
  auto sizes = co_await add_sizes(in, out);
  if (!sizes) co_return std::unexpected(std::move(sizes.error()));
  co_return out;
}

}  // namespace

task<result<outbox_status>> status_of_outbox(database& target) {
  return read_status(target);
}

}  // namespace strata
