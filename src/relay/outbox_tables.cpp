#include "relay/outbox_tables.hpp"

#include "database/identifier.hpp"
#include "relay/column_values.hpp"
#include "relay/sql_template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace strata::relay_detail {

namespace {

// The text of these types depends on the search path: "agents" or "public.agents".
constexpr std::string_view find_statement = R"sql(
WITH RECURSIVE base(name, type) AS (
  SELECT a.attname::text, a.atttypid FROM pg_attribute a
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT b.name, t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd')
SELECT c.oid::bigint AS id, format('%I.%I', n.nspname, c.relname) AS name, c.relkind::text AS kind,
  (c.relkind = 'p' OR c.relispartition OR c.relhassubclass
    OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
    OR EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid))::int AS by_row,
  ARRAY(SELECT DISTINCT b.name FROM base b)::text AS columns,
  ARRAY(SELECT b.name FROM base b WHERE b.type = 'inet'::regtype)::text AS by_output,
  ARRAY(SELECT b.name FROM base b JOIN pg_type t ON t.oid = b.type
        WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typname ~ '^_?reg')::text AS by_session,
  ARRAY(SELECT format('%I.%I', pn.nspname, p.relname) FROM pg_partition_tree(c.oid) t
        JOIN pg_class p ON p.oid = t.relid JOIN pg_namespace pn ON pn.oid = p.relnamespace
        WHERE p.relkind IN ('r', 'p') AND p.oid <> c.oid)::text AS partitions
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)
)sql";

// Triggers that a partition inherits from its table belong to another relation.
constexpr std::string_view rule_rows = R"sql(
SELECT r.id, r.relation, r.columns, r.keys, r.prefixes, r.tags, r.event, r.level, r.relation::text AS name,
  to_jsonb(r) ->> 'called' AS called, c.oid AS present, p.oid AS function, p.proowner AS owner,
  coalesce(substring(obj_description(p.oid, 'pg_proc') FROM '{comment}([0-9]+)')::integer, 1) AS version,
  (SELECT count(*) FROM pg_trigger t WHERE t.tgenabled = 'A' AND t.tgfoid = p.oid AND
    (t.tgrelid = r.relation OR t.tgname = 'strata_outbox_truncate')) AS enabled,
  (SELECT count(*) FROM pg_partition_tree(c.oid) t JOIN pg_class q ON q.oid = t.relid
    WHERE q.relkind IN ('r', 'p') AND q.oid <> c.oid) + CASE r.level WHEN 'row' THEN 2 ELSE 4 END AS wanted,
  (c.relkind = 'p' OR c.relispartition OR c.relhassubclass
    OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)) AS by_row
FROM strata_outbox.rules r LEFT JOIN pg_class c ON c.oid = r.relation
  LEFT JOIN pg_proc p ON p.oid = to_regproc('strata_outbox.rule_' || r.id)
WHERE r.is_current
)sql";

std::string rules_script() {
  return with(std::string(rule_rows), "comment", function_comment);
}

// One row a fault. The owner of a function is the role that it runs as.
constexpr std::string_view problems = R"sql(
WITH rule AS MATERIALIZED ({rules}), may AS (
  SELECT r.id, coalesce(has_schema_privilege(r.owner, 'strata_outbox', 'USAGE')
      AND has_table_privilege(r.owner, to_regclass('strata_outbox.changes'), 'INSERT')
      AND has_sequence_privilege(r.owner, to_regclass('strata_outbox.places'), 'USAGE')
      AND has_function_privilege(r.owner, to_regprocedure('strata_outbox.part_limit()'), 'EXECUTE'),
      false) AS record,
    coalesce(has_sequence_privilege(r.owner, to_regclass('strata_outbox.overflow'), 'USAGE'), false) AS count
  FROM rule r WHERE r.owner IS NOT NULL)
SELECT f.id::bigint AS id, f.name, f.problem, f.blind::int AS blind FROM (
  SELECT r.id, r.name, format('it has no column %I any more, so each change removes everything below the '
    'patterns'' own text; install it again with the column''s new name', c) AS problem, false AS blind
    FROM rule r, unnest(r.columns) c WHERE r.present IS NOT NULL AND NOT EXISTS (
      SELECT FROM pg_attribute a WHERE a.attrelid = r.relation AND a.attname = c AND NOT a.attisdropped)
  UNION ALL
  SELECT r.id, r.name, format('its column %I is a %s, and the text of this type depends on the session; caches '
    'may miss changes: install it without this column', a.attname, t.typname), false
    FROM rule r JOIN pg_attribute a ON a.attrelid = r.relation AND a.attname = ANY (r.columns)
      JOIN pg_type t ON t.oid = a.atttypid
    WHERE NOT a.attisdropped AND t.typnamespace = 'pg_catalog'::regnamespace AND t.typname ~ '^_?reg'
  UNION ALL
  SELECT r.id, r.name, 'it has become a partition or a parent, and its triggers, which run by statement, may '
    'miss changes; install it again', false
    FROM rule r WHERE r.by_row AND r.level = 'statement'
  UNION ALL
  SELECT r.id, r.name, 'triggers are missing or disabled, so that caches miss changes; install it again', false
    FROM rule r WHERE r.present IS NOT NULL AND r.enabled < r.wanted
  UNION ALL
  SELECT r.id, r.name, 'its trigger function is of an older version; install it again', false
    FROM rule r WHERE r.function IS NOT NULL AND r.version < {version}
  UNION ALL
  SELECT r.id, r.called, format('%s is another table now, and no rule is installed for it; install it again',
      r.called), false
    FROM rule r WHERE to_regclass(r.called) <> r.relation
      AND NOT EXISTS (SELECT FROM rule o WHERE o.relation = to_regclass(r.called))
  UNION ALL
  SELECT r.id, r.name, format('the role %I owns its trigger function, and may not write into the outbox; GRANT '
      'USAGE ON SCHEMA strata_outbox, INSERT ON strata_outbox.changes, USAGE ON SEQUENCE strata_outbox.places '
      'and strata_outbox.overflow to it', pg_get_userbyid(r.owner)), NOT m.count
    FROM rule r JOIN may m ON m.id = r.id WHERE r.present IS NOT NULL AND NOT m.record
  UNION ALL
  SELECT 0, 'strata_outbox', 'parts of strata_outbox.changes are missing, so that changes clear the name space; '
    'uninstall the whole outbox, and install it again', false
    WHERE (SELECT count(*) FROM pg_inherits i WHERE i.inhparent = to_regclass('strata_outbox.changes')) < {parts}
) f ORDER BY f.id, f.problem
)sql";

}  // namespace

task<result<std::unique_ptr<transaction>>> begin_alone(database& target) {
  if (target.dialect() != "postgres") {
    co_return fail(errc::invalid_argument,
                   "an outbox needs PostgreSQL: this database is " + std::string(target.dialect()));
  }
  auto begun = co_await target.begin();
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  const auto script = fmt::format(
      "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({})", installation_lock);
  auto locked = co_await (*begun)->run_script(script);
  if (!locked) co_return std::unexpected(std::move(locked.error()));
  co_return begun;
}

task<result<std::string>> version_of(transaction& open) {
  auto rows = co_await open.execute(
      "SELECT coalesce(obj_description(oid, 'pg_namespace'), '?') AS version FROM pg_namespace "
      "WHERE nspname = 'strata_outbox'",
      sql_parameters());
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return rows->empty() ? std::string() : text_of(rows->at(0, "version"));
}

task<result<std::string>> renamed_schema(transaction& open) {
  auto rows = co_await open.execute(
      "SELECT n.nspname::text AS name FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
      "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE t.tgname ~ '^strata_outbox_' "
      "AND p.proname ~ '^rule_[0-9]+$' AND n.nspname <> 'strata_outbox' LIMIT 1",
      sql_parameters());
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return rows->empty() ? std::string() : text_of(rows->at(0, "name"));
}

std::string renamed_problem(std::string_view schema) {
  return fmt::format(
      "the schema strata_outbox is called {0} now, and no relay reads it; ALTER SCHEMA {0} RENAME TO "
      "strata_outbox",
      detail::quoted_identifier(schema));
}

std::vector<named_column> found_table::named_columns(const std::vector<std::string>& names) const {
  std::vector<named_column> out;
  out.reserve(names.size());
  for (const auto& each : names) {
    out.push_back({.name = each, .by_output = std::ranges::find(by_output, each) != by_output.end()});
  }
  return out;
}

task<result<found_table>> find_table(transaction& open, std::string name) {
  sql_parameters which{name};
  auto rows = co_await open.execute(find_statement, std::move(which));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  if (rows->empty()) co_return fail(errc::not_found, "no such table: " + name);
  const auto kind = text_of(rows->at(0, "kind"));
  if (kind != "r" && kind != "p") co_return fail(errc::invalid_argument, name + " is not a table");
  found_table out{.oid = number_of(rows->at(0, "id")),
                  .named = {.name = text_of(rows->at(0, "name")), .truncated = {}},
                  .needs_rows = number_of(rows->at(0, "by_row")) != 0,
                  .columns = texts_of(rows->at(0, "columns")),
                  .by_output = texts_of(rows->at(0, "by_output")),
                  .by_session = texts_of(rows->at(0, "by_session"))};
  out.named.truncated = texts_of(rows->at(0, "partitions"));
  out.named.truncated.insert(out.named.truncated.begin(), out.named.name);
  co_return out;
}

task<result<std::vector<present_rule>>> find_rules(transaction& open, std::optional<std::int64_t> oid) {
  sql_parameters which{sql_value(), std::int64_t{function_version}};
  if (oid) which[0] = *oid;
  const auto statement = fmt::format(
      "SELECT r.id::bigint AS id, r.name, r.keys::text AS keys, r.prefixes::text AS prefixes, r.tags::text "
      "AS "
      "tags, r.columns::text AS columns, r.event, r.level, r.enabled, r.wanted, "
      "(r.version < $2::bigint)::int AS outdated, "
      "coalesce(pg_has_role(r.owner, 'USAGE'), false)::int AS ours FROM ({}) r "
      "WHERE r.present IS NOT NULL AND ($1::bigint IS NULL OR r.relation::oid::bigint = $1) ORDER BY r.name",
      rules_script());
  auto rows = co_await open.execute(statement, std::move(which));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  std::vector<present_rule> out;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    out.push_back({.id = number_of(rows->at(i, "id")),
                   .rule = {.table = text_of(rows->at(i, "name")),
                            .keys = texts_of(rows->at(i, "keys")),
                            .prefixes = texts_of(rows->at(i, "prefixes")),
                            .tags = texts_of(rows->at(i, "tags")),
                            .event = text_of(rows->at(i, "event")),
                            .level = text_of(rows->at(i, "level")) == "row" ? trigger_level::row
                                                                            : trigger_level::statement},
                   .columns = texts_of(rows->at(i, "columns")),
                   .enabled = number_of(rows->at(i, "enabled")),
                   .wanted = number_of(rows->at(i, "wanted")),
                   .is_outdated = number_of(rows->at(i, "outdated")) != 0,
                   .is_ours = number_of(rows->at(i, "ours")) != 0});
  }
  co_return out;
}

std::string problem_statement() {
  auto out = with(std::string(problems), "rules", rules_script());
  out = with(std::move(out), "version", std::to_string(function_version));
  return with(std::move(out), "parts", std::to_string(parts));
}

std::vector<outbox_problem> problems_in(const sql_rows& rows) {
  std::vector<outbox_problem> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out.push_back({.rule = number_of(rows.at(i, "id")),
                   .table = text_of(rows.at(i, "name")),
                   .text = text_of(rows.at(i, "problem")),
                   .is_blind = number_of(rows.at(i, "blind")) != 0});
  }
  return out;
}

}  // namespace strata::relay_detail
