/// Installs and removes the outbox, and reports its state.

#include "events/invalidation_template.hpp"
#include "relay/column_values.hpp"
#include "relay/outbox_sql.hpp"

#include <strata/outbox.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace strata {

namespace {

using relay_detail::named_table;
using relay_detail::number_of;
using relay_detail::text_of;
using relay_detail::texts_of;

/// The transaction for the outbox's own statements: one at a time in the whole database.
task<result<std::unique_ptr<transaction>>> begin_alone(database& target) {
  if (target.dialect() != "postgres") {
    co_return fail(errc::invalid_argument,
                   "an outbox needs PostgreSQL: this database is " + std::string(target.dialect()));
  }
  auto begun = co_await target.begin();
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  const auto script =
      fmt::format("SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({})",
                  relay_detail::installation_lock);
  auto locked = co_await (*begun)->run_script(script);
  if (!locked) co_return std::unexpected(std::move(locked.error()));
  co_return begun;
}

/// The installed version; empty: none.
task<result<std::string>> version_of(transaction& open) {
  auto rows = co_await open.execute(
      "SELECT coalesce(obj_description(oid, 'pg_namespace'), '?') AS version FROM pg_namespace "
      "WHERE nspname = 'strata_outbox'",
      sql_parameters());
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return rows->empty() ? std::string() : text_of(rows->at(0, "version"));
}

/// Creates the outbox if it is missing, and sets the limit. Returns whether anything changed.
task<result<bool>> make_outbox(transaction& open, std::optional<byte_size> limit) {
  auto version = co_await version_of(open);
  if (!version) co_return std::unexpected(std::move(version.error()));
  if (version->empty()) {
    const auto script = relay_detail::schema_script(limit.value_or(outbox_options().limit));
    auto made = co_await open.run_script(script);
    if (!made) co_return std::unexpected(std::move(made.error()));
    co_return true;
  }
  if (*version != relay_detail::schema_version) {
    co_return fail(errc::conflict,
                   "the schema strata_outbox belongs to another version; uninstall it with that version, "
                   "then install it with this one");
  }
  if (!limit) co_return false;
  auto now = co_await open.execute("SELECT strata_outbox.part_limit() AS part", sql_parameters());
  if (!now) co_return std::unexpected(std::move(now.error()));
  if (static_cast<std::uint64_t>(number_of(now->at(0, "part"))) == relay_detail::part_limit(*limit)) {
    co_return false;
  }
  const auto script = relay_detail::limit_script(*limit);
  auto changed = co_await open.run_script(script);
  if (!changed) co_return std::unexpected(std::move(changed.error()));
  co_return true;
}

/// A table of the database, and what its triggers must be like.
struct found_table {
  std::int64_t oid = 0;
  named_table named;
  bool needs_rows = false;  ///< statement triggers would not see everything
  std::vector<std::string> columns;
};

task<result<found_table>> find_table(transaction& open, std::string name) {
  sql_parameters which{name};
  auto rows = co_await open.execute(
      "SELECT c.oid::bigint AS id, format('%I.%I', n.nspname, c.relname) AS name, c.relkind::text AS kind, "
      "(c.relkind = 'p' OR c.relispartition OR c.relhassubclass "
      " OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid) "
      " OR EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid))::int AS by_row, "
      "ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 "
      "      AND NOT a.attisdropped)::text AS columns, "
      "ARRAY(SELECT format('%I.%I', pn.nspname, p.relname) FROM pg_partition_tree(c.oid) t "
      "      JOIN pg_class p ON p.oid = t.relid JOIN pg_namespace pn ON pn.oid = p.relnamespace "
      "      WHERE p.relkind IN ('r', 'p') AND p.oid <> c.oid)::text AS partitions "
      "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)",
      std::move(which));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  if (rows->empty()) co_return fail(errc::not_found, "no such table: " + name);
  const auto kind = text_of(rows->at(0, "kind"));
  if (kind != "r" && kind != "p") co_return fail(errc::invalid_argument, name + " is not a table");
  found_table out{.oid = number_of(rows->at(0, "id")),
                  .named = {.name = text_of(rows->at(0, "name")), .truncated = {}},
                  .needs_rows = number_of(rows->at(0, "by_row")) != 0,
                  .columns = texts_of(rows->at(0, "columns"))};
  out.named.truncated = texts_of(rows->at(0, "partitions"));
  out.named.truncated.insert(out.named.truncated.begin(), out.named.name);
  co_return out;
}

/// The current rule of a table, and how many of its triggers are enabled.
struct present_rule {
  std::int64_t id = 0;
  outbox_rule rule;
  std::int64_t enabled = 0;
};

present_rule rule_in(const sql_rows& rows, std::size_t at) {
  return {.id = number_of(rows.at(at, "id")),
          .rule = {.table = text_of(rows.at(at, "name")),
                   .keys = texts_of(rows.at(at, "keys")),
                   .prefixes = texts_of(rows.at(at, "prefixes")),
                   .tags = texts_of(rows.at(at, "tags")),
                   .event = text_of(rows.at(at, "event")),
                   .level = text_of(rows.at(at, "level")) == "row" ? trigger_level::row
                                                                   : trigger_level::statement},
          .enabled = number_of(rows.at(at, "enabled"))};
}

// Triggers that a partition inherits from its table belong to another relation.
constexpr std::string_view present_rules =
    "SELECT r.id::bigint AS id, r.relation::oid::bigint AS oid, r.relation::text AS name, "
    "r.keys::text AS keys, r.prefixes::text AS prefixes, r.tags::text AS tags, r.event, r.level, "
    "(SELECT count(*) FROM pg_trigger t WHERE t.tgenabled = 'A' AND "
    "  t.tgfoid = to_regproc('strata_outbox.rule_' || r.id) AND "
    "  (t.tgrelid = r.relation OR t.tgname = 'strata_outbox_truncate')) AS enabled, "
    "(SELECT count(*) FROM pg_partition_tree(r.relation) t JOIN pg_class p ON p.oid = t.relid "
    "  WHERE p.relkind IN ('r', 'p') AND p.oid <> r.relation) AS partitions "
    "FROM strata_outbox.rules r WHERE r.is_current AND EXISTS (SELECT FROM pg_class c WHERE c.oid = "
    "r.relation)";

task<result<std::optional<present_rule>>> rule_of(transaction& open, std::int64_t oid) {
  sql_parameters which{oid};
  const auto statement = std::string(present_rules) + " AND r.relation::oid::bigint = $1";
  auto rows = co_await open.execute(statement, std::move(which));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  std::optional<present_rule> out;
  if (!rows->empty()) out = rule_in(*rows, 0);
  co_return out;
}

task<result<void>> retire(transaction& open, const named_table& table, std::int64_t id) {
  const auto script = relay_detail::uninstall_script(table, id) +
                      fmt::format("UPDATE strata_outbox.rules SET is_current = false WHERE id = {}", id);
  co_return co_await open.run_script(script);
}

/// The problems of a rule whose patterns name these columns.
std::vector<std::string> problems_of(const outbox_rule& rule, const std::vector<std::string>& columns,
                                     const found_table& table, std::vector<std::string> problems) {
  if (rule.keys.empty() && rule.prefixes.empty() && rule.tags.empty()) {
    problems.emplace_back("the rule must name a key, a prefix or a tag");
  }
  for (const auto& each : columns) {
    if (std::ranges::find(table.columns, each) == table.columns.end()) {
      problems.push_back(table.named.name + " has no column " + each);
    }
  }
  const auto letters = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (!std::ranges::all_of(rule.event, letters))
    problems.emplace_back("event must be made of a-z, 0-9 and _");
  if (rule.level == trigger_level::statement && table.needs_rows) {
    problems.push_back(table.named.name +
                       " needs row triggers: it is partitioned, inherits, or is replicated");
  }
  return problems;
}

std::string joined(const std::vector<std::string>& problems) {
  std::string out;
  for (const auto& each : problems) out += (out.empty() ? "" : "; ") + each;
  return out;
}

task<result<std::int64_t>> record(transaction& open, std::int64_t oid, const outbox_rule& rule,
                                  const std::vector<std::string>& columns) {
  sql_parameters values{oid,
                        relay_detail::write_text_array(rule.keys),
                        relay_detail::write_text_array(rule.prefixes),
                        relay_detail::write_text_array(rule.tags),
                        relay_detail::write_text_array(columns),
                        rule.event,
                        std::string(name(rule.level))};
  auto made = co_await open.execute(
      "INSERT INTO strata_outbox.rules (relation, keys, prefixes, tags, columns, event, level) VALUES "
      "($1::bigint::oid::regclass, $2::text[], $3::text[], $4::text[], $5::text[], $6, $7) "
      "RETURNING id::bigint AS id",
      std::move(values));
  if (!made) co_return std::unexpected(std::move(made.error()));
  co_return number_of(made->at(0, "id"));
}

task<result<bool>> install_in(transaction& open, outbox_rule rule, outbox_options options) {
  auto changed = co_await make_outbox(open, options.limit);
  if (!changed) co_return changed;
  auto table = co_await find_table(open, rule.table);
  if (!table) co_return std::unexpected(std::move(table.error()));
  std::vector<std::string> problems;
  const events::invalidation_template patterns({rule.keys, rule.prefixes, rule.tags}, "", problems);
  const auto& columns = patterns.attributes();
  problems = problems_of(rule, columns, *table, std::move(problems));
  if (!problems.empty()) co_return fail(errc::invalid_argument, joined(problems));
  if (rule.level == trigger_level::automatic) {
    rule.level = table->needs_rows ? trigger_level::row : trigger_level::statement;
  }
  auto before = co_await rule_of(open, table->oid);
  if (!before) co_return std::unexpected(std::move(before.error()));
  if (*before) {
    const auto& was = (*before)->rule;
    const bool same = was.keys == rule.keys && was.prefixes == rule.prefixes && was.tags == rule.tags &&
                      was.event == rule.event && was.level == rule.level;
    const auto wanted = relay_detail::triggers_of(table->named, rule.level);
    if (same && static_cast<std::size_t>((*before)->enabled) == wanted) co_return changed;
    auto gone = co_await retire(open, table->named, (*before)->id);
    if (!gone) co_return std::unexpected(std::move(gone.error()));
  }
  auto id = co_await record(open, table->oid, rule, columns);
  if (!id) co_return std::unexpected(std::move(id.error()));
  const auto script = relay_detail::install_script(table->named, *id, columns, rule.level);
  auto made = co_await open.run_script(script);
  if (!made) co_return std::unexpected(std::move(made.error()));
  co_return true;
}

task<result<void>> drop_outbox(transaction& open) {
  auto rows = co_await open.execute(present_rules, sql_parameters());
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const auto name = text_of(rows->at(i, "name"));
    auto table = co_await find_table(open, name);
    if (!table) co_return std::unexpected(std::move(table.error()));
    auto gone = co_await retire(open, table->named, number_of(rows->at(i, "id")));
    if (!gone) co_return gone;
  }
  co_return co_await open.run_script("DROP SCHEMA strata_outbox CASCADE");
}

task<result<void>> uninstall_from(transaction& open, std::string name) {
  auto version = co_await version_of(open);
  if (!version) co_return std::unexpected(std::move(version.error()));
  if (version->empty()) co_return fail(errc::not_found, "no outbox is installed");
  auto table = co_await find_table(open, name);
  if (!table) co_return std::unexpected(std::move(table.error()));
  auto rule = co_await rule_of(open, table->oid);
  if (!rule) co_return std::unexpected(std::move(rule.error()));
  if (!*rule) co_return fail(errc::not_found, "no outbox rule is installed for " + name);
  auto gone = co_await retire(open, table->named, (*rule)->id);
  if (!gone) co_return gone;
  auto left = co_await open.execute("SELECT 1 FROM strata_outbox.rules WHERE is_current", sql_parameters());
  if (!left) co_return std::unexpected(std::move(left.error()));
  if (!left->empty()) co_return result<void>();
  co_return co_await drop_outbox(open);
}

/// Commits if `done` succeeded, else rolls back.
template <class T>
task<result<T>> end(std::unique_ptr<transaction> open, result<T> done) {
  if (!done) {
    (void)co_await open->rollback();
    co_return done;
  }
  auto committed = co_await open->commit();
  if (!committed) co_return std::unexpected(std::move(committed.error()));
  co_return done;
}

task<result<bool>> install(database& target, outbox_rule rule, outbox_options options) {
  if (options.limit.count < (1u << 20)) {
    co_return fail(errc::invalid_argument, "an outbox needs a limit of at least 1 MiB");
  }
  auto open = co_await begin_alone(target);
  if (!open) co_return std::unexpected(std::move(open.error()));
  auto done = co_await install_in(**open, std::move(rule), options);
  co_return co_await end(std::move(*open), std::move(done));
}

task<result<bool>> install_empty(database& target) {
  auto open = co_await begin_alone(target);
  if (!open) co_return std::unexpected(std::move(open.error()));
  auto done = co_await make_outbox(**open, std::nullopt);
  co_return co_await end(std::move(*open), std::move(done));
}

task<result<void>> uninstall_one(database& target, std::string table) {
  auto open = co_await begin_alone(target);
  if (!open) co_return std::unexpected(std::move(open.error()));
  auto done = co_await uninstall_from(**open, std::move(table));
  co_return co_await end(std::move(*open), std::move(done));
}

task<result<void>> uninstall_all(database& target) {
  auto open = co_await begin_alone(target);
  if (!open) co_return std::unexpected(std::move(open.error()));
  auto version = co_await version_of(**open);
  result<void> done;
  if (!version) {
    done = std::unexpected(std::move(version.error()));
  } else if (!version->empty()) {
    done = co_await drop_outbox(**open);
  }
  co_return co_await end(std::move(*open), std::move(done));
}

task<result<outbox_status>> read_status(database& target) {
  auto open = co_await begin_alone(target);
  if (!open) co_return std::unexpected(std::move(open.error()));
  auto& in = **open;
  auto version = co_await version_of(in);
  if (!version) co_return std::unexpected(std::move(version.error()));
  outbox_status out;
  if (version->empty()) co_return out;
  out.present = true;
  auto rules = co_await in.execute(std::string(present_rules) + " ORDER BY 3", sql_parameters());
  if (!rules) co_return std::unexpected(std::move(rules.error()));
  for (std::size_t i = 0; i < rules->size(); ++i) {
    auto found = rule_in(*rules, i);
    const auto wanted =
        number_of(rules->at(i, "partitions")) + (found.rule.level == trigger_level::row ? 2 : 4);
    out.tables.push_back({.rule = std::move(found.rule), .complete = found.enabled == wanted});
  }
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
  auto sizes = co_await in.execute(
      "SELECT (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('strata_outbox.changes') "
      "WHERE isleaf)::bigint AS bytes, strata_outbox.part_limit() * 8 AS most, "
      "(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM strata_outbox.overflow) AS overflowed",
      sql_parameters());
  if (!sizes) co_return std::unexpected(std::move(sizes.error()));
  out.bytes = static_cast<std::uint64_t>(number_of(sizes->at(0, "bytes")));
  out.limit = static_cast<std::uint64_t>(number_of(sizes->at(0, "most")));
  out.overflowed = static_cast<std::uint64_t>(number_of(sizes->at(0, "overflowed")));
  co_return out;
}

}  // namespace

std::string_view name(trigger_level level) noexcept {
  switch (level) {
    case trigger_level::automatic:
      return "automatic";
    case trigger_level::row:
      return "row";
    case trigger_level::statement:
      return "statement";
  }
  return "?";
}

task<result<bool>> install_outbox(database& target, outbox_rule rule, outbox_options options) {
  return install(target, std::move(rule), options);
}
task<result<bool>> install_outbox(database& target) {
  return install_empty(target);
}
task<result<void>> uninstall_outbox(database& target, std::string table) {
  return uninstall_one(target, std::move(table));
}
task<result<void>> uninstall_outbox(database& target) {
  return uninstall_all(target);
}
task<result<outbox_status>> status_of_outbox(database& target) {
  return read_status(target);
}

}  // namespace strata
