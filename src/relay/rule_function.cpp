#include "relay/rule_function.hpp"

#include "database/identifier.hpp"
#include "relay/outbox_sql.hpp"
#include "relay/sql_template.hpp"

#include <fmt/format.h>

namespace strata::relay_detail {

namespace {

constexpr int seconds_a_part = 120;

/// The text of one value, as the driver reads it. A column that has become an inet is treated as one.
std::string text_of(const std::string& value, const named_column& of) {
  const auto output = fmt::format("NULLIF(format('%s', {}), '')", value);
  if (of.by_output) return output;
  return fmt::format("CASE WHEN pg_typeof({0}) = 'inet'::regtype THEN {1} ELSE {0}::text END", value, output);
}

/// The values of a row as the text of one array: `ARRAY[r."id"::text, …]::text[]::text`
std::string values_of(std::string_view row, const std::vector<named_column>& columns) {
  std::string out;
  for (const auto& each : columns) {
    out += out.empty() ? "" : ", ";
    out += text_of(fmt::format("{}.{}", row, detail::quoted_identifier(each.name)), each);
  }
  return "ARRAY[" + out + "]::text[]::text";
}

std::string read_statement(const std::vector<named_column>& columns) {
  const auto values = values_of("r", columns);
  // An update that moves a row to another key invalidates both.
  return fmt::format(R"sql(
    ELSIF TG_OP = 'INSERT' THEN
      SELECT array_agg({0}) INTO strata_rows FROM (SELECT * FROM new_rows LIMIT {1}) r;
    ELSIF TG_OP = 'UPDATE' THEN
      SELECT array_agg(c.v) INTO strata_rows
        FROM (SELECT {0} AS v FROM new_rows r UNION SELECT {0} FROM old_rows r LIMIT {1}) c;
    ELSE
      SELECT array_agg({0}) INTO strata_rows FROM (SELECT * FROM old_rows LIMIT {1}) r;)sql",
                     values, most_rows);
}

std::string read_row(const std::vector<named_column>& columns) {
  return fmt::format(R"sql(
    ELSIF TG_OP = 'INSERT' THEN
      strata_rows := ARRAY[{0}];
    ELSIF TG_OP = 'DELETE' THEN
      strata_rows := ARRAY[{1}];
    ELSE
      strata_rows := ARRAY[{0}];
      IF {1} <> {0} THEN
        strata_rows := strata_rows || {1};
      END IF;)sql",
                     values_of("NEW", columns), values_of("OLD", columns));
}

// A session keeps the plan of an expression of NEW, and with it the types that the columns had then. After
// ALTER COLUMN TYPE that plan fails for as long as the session lives, so the row is read by a new one.
std::string read_row_anew(const std::vector<named_column>& columns) {
  return with(R"sql(
  IF strata_why IS NOT NULL AND TG_OP <> 'TRUNCATE' THEN
    BEGIN
      IF TG_OP = 'DELETE' THEN
        EXECUTE $row$SELECT ARRAY[{values}]$row$ INTO strata_rows USING OLD;
      ELSE
        EXECUTE $row$SELECT ARRAY[{values}]$row$ INTO strata_rows USING NEW;
      END IF;
      IF TG_OP = 'UPDATE' THEN
        EXECUTE $row$SELECT CASE WHEN {values} = $2[1] THEN $2 ELSE $2 || {values} END$row$ INTO strata_rows USING OLD, strata_rows;
      END IF;{write}
      RETURN NULL;
    EXCEPTION WHEN OTHERS THEN
      strata_why := SQLSTATE || ': ' || left(SQLERRM, 300);
    END;
  END IF;)sql",
              "values", values_of("($1)", columns));
}

constexpr std::string_view write_rows = R"sql(
      INSERT INTO strata_outbox.changes (part, rule, what, vals)
        SELECT strata_part, {id}, strata_what, e::text[] FROM unnest(strata_rows) e;
      IF cardinality(strata_rows) >= {most} THEN
        INSERT INTO strata_outbox.changes (part, rule, what, vals) VALUES (strata_part, {id}, 'b', '{}');
      END IF;)sql";

// The variables' names begin with strata_, and win over columns of that name.
constexpr std::string_view function = R"sql(
CREATE OR REPLACE FUNCTION strata_outbox.rule_{id}() RETURNS trigger
LANGUAGE plpgsql {as_owner}
SET datestyle = 'ISO, MDY' SET timezone = 'UTC' SET intervalstyle = 'postgres' SET extra_float_digits = 1
SET bytea_output = 'hex' SET lc_monetary = 'C' AS $strata$
#variable_conflict use_variable
DECLARE
  strata_part CONSTANT smallint := {part};
  strata_what CONSTANT "char"   := lower(left(TG_OP, 1));
  strata_rows text[];
  strata_why  text;
BEGIN
  BEGIN
    IF pg_relation_size(('strata_outbox.changes_' || strata_part)::regclass) >= strata_outbox.part_limit() THEN
      PERFORM nextval('strata_outbox.overflow');
      RETURN NULL;
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
      strata_rows := ARRAY['{}'];{read}
    END IF;
    IF strata_rows IS NULL THEN
      RETURN NULL;
    END IF;
    IF current_setting('strata_outbox.rule_{id}', true) IS DISTINCT FROM strata_part::text THEN{write}
      PERFORM set_config('strata_outbox.rule_{id}', strata_part::text, true);
      RETURN NULL;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    strata_why := SQLSTATE || ': ' || left(SQLERRM, 300);
  END;
  IF strata_why IS NULL THEN{write}
    RETURN NULL;
  END IF;{again}
  BEGIN
    IF current_setting('strata_outbox.rule_{id}', true) IS DISTINCT FROM strata_part || ' widest' THEN
      INSERT INTO strata_outbox.changes (part, rule, what, vals)
        VALUES (strata_part, {id}, 'w', array_fill(NULL::text, ARRAY[{width}]) || strata_why);
      PERFORM set_config('strata_outbox.rule_{id}', strata_part || ' widest', true);
    END IF;
    RETURN NULL;
  EXCEPTION WHEN OTHERS THEN
    strata_why := SQLSTATE || ': ' || left(SQLERRM, 300);
  END;
  BEGIN
    PERFORM nextval(c.oid::regclass)
      FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
      JOIN pg_class c ON c.relnamespace = p.pronamespace AND c.relname = 'overflow'
      WHERE t.tgrelid = TG_RELID AND t.tgname = TG_NAME;
    IF NOT FOUND THEN
      RAISE WARNING 'strata records no change of %: %', TG_RELID::regclass, strata_why;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'strata records no change of %: %', TG_RELID::regclass, strata_why;
  END;
  RETURN NULL;
END $strata$;
COMMENT ON FUNCTION strata_outbox.rule_{id}() IS '{comment}';
)sql";

}  // namespace

std::string part_now() {
  return fmt::format("extract(epoch FROM clock_timestamp())::bigint / {} % {}", seconds_a_part, parts);
}

std::string function_script(std::int64_t id, const std::vector<named_column>& columns, trigger_level level) {
  const bool by_row = level == trigger_level::row;
  auto out = with(std::string(function), "read", by_row ? read_row(columns) : read_statement(columns));
  out = with(std::move(out), "again", by_row ? read_row_anew(columns) : std::string());
  out = with(std::move(out), "write", write_rows);
  out = with(std::move(out), "width", std::to_string(columns.size()));
  out = with(std::move(out), "most", std::to_string(most_rows));
  out = with(std::move(out), "part", part_now());
  out = with(std::move(out), "as_owner", as_owner);
  out = with(std::move(out), "comment", fmt::format("{}{}", function_comment, function_version));
  return with(std::move(out), "id", std::to_string(id));
}

}  // namespace strata::relay_detail
