#include "relay/outbox_reader.hpp"

#include "relay/column_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace strata::relay_detail {

namespace {

constexpr std::string_view poll_statement =
    "SELECT pg_current_snapshot()::text AS seen, "
    "(SELECT id::text FROM strata_outbox.life) AS life, "
    "(SELECT term FROM strata_outbox.relays WHERE name_space = $1) AS term, "
    "(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM strata_outbox.overflow) AS overflow, "
    "EXISTS (SELECT FROM strata_outbox.marks m WHERE m.at <= clock_timestamp() - $3::bigint * interval '1 s' "
    "  AND pg_snapshot_xmax(m.seen) > pg_snapshot_xmax($2::text::pg_snapshot))::int AS too_old, "
    "c.place, c.rule::bigint AS rule, c.what::text AS what, c.vals::text AS vals "
    "FROM (SELECT) one LEFT JOIN LATERAL strata_outbox.since($2::text::pg_snapshot, $4::bigint) c ON true";

}  // namespace

task<result<poll_result>> outbox_reader::poll(std::string name_space, cursor after, int limit) {
  sql_parameters values{std::move(name_space), sql_value(), oldest_cursor.count(), std::int64_t{limit} + 1};
  if (!after.seen.empty()) values[1] = after.seen;
  auto rows = co_await source_->query(poll_statement, std::move(values));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  poll_result out;
  out.seen = text_of(rows->at(0, "seen"));
  auto snapshot = detail::parse_snapshot(out.seen);
  if (!snapshot) co_return std::unexpected(std::move(snapshot.error()));
  out.snapshot = std::move(*snapshot);
  out.life = text_of(rows->at(0, "life"));
  if (const auto* term = std::get_if<std::int64_t>(&rows->at(0, "term"))) out.term = *term;
  out.overflow = number_of(rows->at(0, "overflow"));
  out.too_old = after.seen != from_the_beginning && number_of(rows->at(0, "too_old")) != 0;
  out.more = rows->size() > static_cast<std::size_t>(limit);
  if (out.more || std::holds_alternative<std::monostate>(rows->at(0, "place"))) co_return out;
  out.changes.reserve(rows->size());
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const auto what = text_of(rows->at(i, "what"));
    auto written = read_text_array(text_of(rows->at(i, "vals")));
    if (!written) co_return std::unexpected(std::move(written.error()));
    out.changes.push_back({.place = number_of(rows->at(i, "place")),
                           .rule = static_cast<std::int32_t>(number_of(rows->at(i, "rule"))),
                           .what = what.empty() ? '?' : what.front(),
                           .values = std::move(*written)});
  }
  co_return out;
}

task<result<void>> outbox_reader::begin_life() {
  auto done = co_await source_->execute(
      "INSERT INTO strata_outbox.life DEFAULT VALUES ON CONFLICT (single) DO NOTHING", sql_parameters());
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return result<void>();
}

task<result<std::uint64_t>> outbox_reader::next_transaction() {
  auto rows = co_await source_->execute("SELECT pg_current_xact_id()::text::bigint AS xid", sql_parameters());
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return static_cast<std::uint64_t>(number_of(rows->at(0, "xid")));
}

task<result<void>> outbox_reader::load_rules() {
  auto rows = co_await source_->query(
      "SELECT id::bigint AS id, keys::text AS keys, prefixes::text AS prefixes, tags::text AS tags, "
      "columns::text AS columns FROM strata_outbox.rules",
      sql_parameters());
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  rules_.clear();
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const auto keys = texts_of(rows->at(i, "keys"));
    const auto prefixes = texts_of(rows->at(i, "prefixes"));
    const auto tags = texts_of(rows->at(i, "tags"));
    std::vector<std::string> problems;
    events::invalidation_template patterns({keys, prefixes, tags}, "", problems);
    if (!problems.empty()) continue;  // of another version: its changes invalidate everything
    rules_.emplace(number_of(rows->at(i, "id")),
                   known_rule{.patterns = std::move(patterns), .columns = texts_of(rows->at(i, "columns"))});
  }
  co_return result<void>();
}

task<result<void>> outbox_reader::expand(const std::vector<change>& changes, invalidation& into) {
  const bool unknown = std::ranges::any_of(
      changes, [&](const change& each) { return each.what != 'e' && !rules_.contains(each.rule); });
  if (unknown) {
    auto loaded = co_await load_rules();
    if (!loaded) co_return loaded;
  }
  std::map<std::string, std::string> row;
  for (const auto& each : changes) {
    if (each.what == 'e') continue;
    const auto rule = rules_.find(each.rule);
    const bool whole_table = each.what == 't' || each.what == 'b' || each.what == 'w';
    if (rule == rules_.end() || (!whole_table && each.values.size() != rule->second.columns.size())) {
      into.everything = true;
      continue;
    }
    row.clear();
    for (std::size_t i = 0; i < each.values.size() && !whole_table; ++i) {
      if (each.values[i]) row.emplace(rule->second.columns[i], *each.values[i]);
    }
    rule->second.patterns.expand(row, into);
  }
  co_return result<void>();
}

task<result<std::vector<outbox_problem>>> outbox_reader::find_problems() {
  const auto statement = problem_statement();
  auto rows = co_await source_->query(statement, sql_parameters());
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return problems_in(*rows);
}

task<result<std::uint64_t>> outbox_reader::maintain() {
  const auto kept = std::chrono::duration_cast<std::chrono::seconds>(outbox_retention).count();
  sql_parameters values{std::int64_t{kept}};
  auto done = co_await source_->execute("SELECT strata_outbox.maintain($1::bigint * interval '1 s')",
                                        std::move(values));
  if (!done) co_return std::unexpected(std::move(done.error()));
  auto rows = co_await source_->query(
      "SELECT sum(pg_total_relation_size(relid))::bigint AS bytes "
      "FROM pg_partition_tree('strata_outbox.changes') WHERE isleaf",
      sql_parameters());
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return static_cast<std::uint64_t>(number_of(rows->at(0, "bytes")));
}

}  // namespace strata::relay_detail
