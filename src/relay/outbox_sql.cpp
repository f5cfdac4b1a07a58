#include "relay/outbox_sql.hpp"

#include "relay/rule_function.hpp"
#include "relay/sql_template.hpp"

#include <fmt/format.h>

namespace strata::relay_detail {

namespace {

constexpr std::string_view tables = R"sql(
CREATE SCHEMA strata_outbox;
CREATE SEQUENCE strata_outbox.places;
CREATE SEQUENCE strata_outbox.overflow;
CREATE TABLE strata_outbox.changes (
  part  smallint NOT NULL,
  xid   xid8     NOT NULL DEFAULT pg_current_xact_id(),
  place bigint   NOT NULL DEFAULT nextval('strata_outbox.places'),
  rule  integer  NOT NULL,
  what  "char"   NOT NULL,
  vals  text[]   NOT NULL
) PARTITION BY LIST (part);
CREATE INDEX changes_by_xid ON strata_outbox.changes (xid);
CREATE INDEX changes_unread ON strata_outbox.changes (rule) WHERE what = 'w';
CREATE TABLE strata_outbox.rules (
  id         integer  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  relation   regclass NOT NULL,
  keys       text[]   NOT NULL,
  prefixes   text[]   NOT NULL,
  tags       text[]   NOT NULL,
  columns    text[]   NOT NULL,
  event      text     NOT NULL,
  level      text     NOT NULL,
  is_current boolean  NOT NULL DEFAULT true,
  called     text
);
CREATE TABLE strata_outbox.marks (
  at   timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
  seen pg_snapshot NOT NULL DEFAULT pg_current_snapshot()
);
CREATE TABLE strata_outbox.feeds (
  name text        PRIMARY KEY,
  seen pg_snapshot NOT NULL,
  at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNLOGGED TABLE strata_outbox.life (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  id     uuid    NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO strata_outbox.life DEFAULT VALUES;
CREATE UNLOGGED TABLE strata_outbox.relays (
  name_space text        PRIMARY KEY,
  term       bigint      NOT NULL,
  seen       pg_snapshot,
  overflow   bigint      NOT NULL DEFAULT 0,
  store      text        NOT NULL DEFAULT '',
  at         timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 10);
)sql";

// Before there are statistics, the planner would scan the whole table.
constexpr std::string_view since = R"sql(
CREATE FUNCTION strata_outbox.since(seen pg_snapshot, most bigint)
RETURNS TABLE (place bigint, rule integer, what "char", vals text[])
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET jit = off AS $strata$
DECLARE
  first_new CONSTANT xid8   := pg_snapshot_xmax(seen);
  running   CONSTANT xid8[] := ARRAY(SELECT pg_snapshot_xip(seen));
BEGIN
  RETURN QUERY
    SELECT c.place, c.rule, c.what, c.vals FROM strata_outbox.changes c WHERE c.xid >= first_new
    UNION ALL
    SELECT c.place, c.rule, c.what, c.vals FROM strata_outbox.changes c
      WHERE c.xid = ANY (running) AND c.xid < first_new
    LIMIT most;
END $strata$;
)sql";

// A page of the changes between two snapshots, ordered by `place`, which orders the changes of one
// row. Later pages pass the snapshot of the first, so that all pages belong to one moment.
constexpr std::string_view events = R"sql(
CREATE FUNCTION strata_outbox.events(seen pg_snapshot, upto pg_snapshot, behind bigint, most bigint)
RETURNS TABLE (place bigint, rule integer, what "char", vals text[])
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET jit = off AS $strata$
DECLARE
  first_new CONSTANT xid8      := pg_snapshot_xmax(seen);
  running   CONSTANT xid8[]    := ARRAY(SELECT pg_snapshot_xip(seen));
  telling   CONSTANT integer[] := ARRAY(SELECT r.id FROM strata_outbox.rules r WHERE r.event <> '') || 0;
BEGIN
  RETURN QUERY
    SELECT c.place, c.rule, c.what, c.vals FROM strata_outbox.changes c
      WHERE c.xid >= first_new AND c.place > behind AND c.rule = ANY (telling)
        AND (upto IS NULL OR pg_visible_in_snapshot(c.xid, upto))
    UNION ALL
    SELECT c.place, c.rule, c.what, c.vals FROM strata_outbox.changes c
      WHERE c.xid = ANY (running) AND c.xid < first_new AND c.place > behind AND c.rule = ANY (telling)
        AND (upto IS NULL OR pg_visible_in_snapshot(c.xid, upto))
    ORDER BY 1 LIMIT most;
END $strata$;
)sql";

// A part that a writer or reader has locked is skipped until the next call.
constexpr std::string_view maintain = R"sql(
CREATE FUNCTION strata_outbox.maintain(retention interval) RETURNS integer
LANGUAGE plpgsql {as_owner} SET enable_seqscan = off AS $strata$
DECLARE
  emptied integer := 0;
  old     pg_snapshot;
  part    text;
  young   boolean;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7310579618392602) THEN RETURN 0; END IF;
  IF NOT EXISTS (SELECT FROM strata_outbox.marks WHERE at > clock_timestamp() - retention / 10) THEN
    INSERT INTO strata_outbox.marks DEFAULT VALUES;
  END IF;
  SELECT seen INTO old FROM strata_outbox.marks WHERE at <= clock_timestamp() - retention
    ORDER BY at DESC LIMIT 1;
  IF NOT FOUND THEN RETURN 0; END IF;
  DELETE FROM strata_outbox.marks WHERE at < clock_timestamp() - 2 * retention;
  FOREACH part IN ARRAY ARRAY[{parts}] LOOP
    CONTINUE WHEN pg_relation_size(part::regclass) = 0;
    BEGIN
      EXECUTE 'LOCK TABLE ' || part || ' IN ACCESS EXCLUSIVE MODE NOWAIT';
      EXECUTE 'SELECT EXISTS (SELECT FROM ' || part || ' WHERE xid >= pg_snapshot_xmax($1)) OR EXISTS '
              '(SELECT FROM ' || part || ' WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1))))'
        INTO young USING old;
      IF NOT young THEN
        EXECUTE 'TRUNCATE ' || part;
        emptied := emptied + 1;
      END IF;
    EXCEPTION WHEN lock_not_available THEN
      NULL;
    END;
  END LOOP;
  RETURN emptied;
END $strata$;
)sql";

constexpr std::string_view publish = R"sql(
CREATE FUNCTION strata_outbox.publish(vals text[]) RETURNS void
LANGUAGE plpgsql {as_owner} AS $strata$
DECLARE
  part CONSTANT smallint := {part};
BEGIN
  IF pg_relation_size(('strata_outbox.changes_' || part)::regclass) >= strata_outbox.part_limit() THEN
    RAISE EXCEPTION 'the outbox is full: nobody relays it' USING ERRCODE = 'disk_full';
  END IF;
  INSERT INTO strata_outbox.changes (part, rule, what, vals) VALUES (part, 0, 'e', vals);
END $strata$;
GRANT USAGE ON SCHEMA strata_outbox TO PUBLIC;
)sql";

std::string trigger(std::string_view name, std::string_view when, const std::string& table,
                    std::string_view how, std::int64_t id) {
  return fmt::format(
      "CREATE TRIGGER strata_outbox_{0} AFTER {1} ON {2} {3} EXECUTE FUNCTION strata_outbox.rule_{4}();\n"
      "ALTER TABLE {2} ENABLE ALWAYS TRIGGER strata_outbox_{0};\n",
      name, when, table, how, id);
}

}  // namespace

std::uint64_t part_limit(byte_size limit) {
  return limit.count / parts;
}

std::string limit_script(byte_size limit) {
  return fmt::format(
      "CREATE OR REPLACE FUNCTION strata_outbox.part_limit() RETURNS bigint LANGUAGE sql IMMUTABLE RETURN "
      "{};\n",
      part_limit(limit));
}

std::string schema_script(byte_size limit) {
  std::string out(tables);
  std::string names;
  for (int i = 0; i < parts; ++i) {
    const auto name = fmt::format("strata_outbox.changes_{}", i);
    // Emptied before there is anything to vacuum.
    out += fmt::format(
        "CREATE TABLE {0} PARTITION OF strata_outbox.changes FOR VALUES IN ({1}) "
        "WITH (autovacuum_enabled = off);\n",
        name, i);
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", name);
  }
  out += since;
  out += events;
  out += with(with(std::string(maintain), "as_owner", as_owner), "parts", names);
  out += limit_script(limit);
  out += with(with(std::string(publish), "as_owner", as_owner), "part", part_now());
  return out + fmt::format("COMMENT ON SCHEMA strata_outbox IS '{}';\n", schema_version);
}

std::string trigger_script(const named_table& table, std::int64_t id, trigger_level level) {
  std::string out;
  if (level == trigger_level::row) {
    out += trigger("row", "INSERT OR UPDATE OR DELETE", table.name, "FOR EACH ROW", id);
  } else {
    out +=
        trigger("insert", "INSERT", table.name, "REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT", id);
    out += trigger("update", "UPDATE", table.name,
                   "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT", id);
    out +=
        trigger("delete", "DELETE", table.name, "REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT", id);
  }
  for (const auto& each : table.truncated)
    out += trigger("truncate", "TRUNCATE", each, "FOR EACH STATEMENT", id);
  return out;
}

std::string uninstall_script(const named_table& table, std::int64_t id) {
  std::string out;
  for (const auto* each : {"row", "insert", "update", "delete"}) {
    out += fmt::format("DROP TRIGGER IF EXISTS strata_outbox_{} ON {};\n", each, table.name);
  }
  for (const auto& each : table.truncated) {
    out += fmt::format("DROP TRIGGER IF EXISTS strata_outbox_truncate ON {};\n", each);
  }
  return out + fmt::format("DROP FUNCTION IF EXISTS strata_outbox.rule_{}();\n", id);
}

std::size_t triggers_of(const named_table& table, trigger_level level) {
  return table.truncated.size() + (level == trigger_level::row ? 1 : 3);
}

}  // namespace strata::relay_detail
