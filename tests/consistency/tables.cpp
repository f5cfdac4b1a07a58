#include "tests/consistency/tables.hpp"

#include <strata/database.hpp>

#include <fmt/format.h>

namespace strata::consistency {

namespace {

constexpr std::string_view common = R"sql(
CREATE SEQUENCE stamps CACHE 1;
CREATE TABLE history (stamp BIGINT PRIMARY KEY, id TEXT NOT NULL, token BIGINT NOT NULL, there BOOLEAN NOT NULL);

CREATE FUNCTION said_token() RETURNS BIGINT LANGUAGE sql AS
  $$ SELECT coalesce(nullif(current_setting('consistency.token', true), ''), '0')::bigint $$;

-- The lock is for who makes a row that another is just deleting: a row that is not there cannot be locked.
CREATE FUNCTION stamp_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM pg_advisory_xact_lock(hashtext(OLD.id));
    INSERT INTO history VALUES (nextval('stamps'), OLD.id, said_token(), false);
    RETURN OLD;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext(NEW.id));
  NEW.stamp := nextval('stamps');
  INSERT INTO history VALUES (NEW.stamp, NEW.id, NEW.token, true);
  RETURN NEW;
END $$;

CREATE FUNCTION stamp_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO history SELECT nextval(''stamps''), id, said_token(), false FROM %I', TG_TABLE_NAME);
  RETURN NULL;
END $$;
)sql";

constexpr std::string_view one = R"sql(
CREATE TABLE {0} (
  id TEXT PRIMARY KEY, grp BIGINT NOT NULL, token BIGINT NOT NULL, stamp BIGINT NOT NULL, pad TEXT NOT NULL,
  version BIGINT NOT NULL, moment TIMESTAMPTZ NOT NULL GENERATED ALWAYS AS (to_timestamp(grp)) STORED);
CREATE INDEX {0}_by_group ON {0} (grp);
CREATE TRIGGER stamps BEFORE INSERT OR UPDATE OR DELETE ON {0} FOR EACH ROW EXECUTE FUNCTION stamp_row();
CREATE TRIGGER stamps_all BEFORE TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION stamp_truncate();
INSERT INTO {0} SELECT 'n' || n, n / {3}, 0, 0, '{4}', 1 FROM generate_series({1}, {2}) n;
)sql";

}  // namespace

std::string schema(const key_space& keys) {
  const auto table = [](std::string_view name, std::uint32_t first, std::uint32_t count) {
    return fmt::format(one, name, first, first + count - 1, in_group, padding());
  };
  return std::string(common) + table("items", 0, keys.items) + table("bulk", keys.items, keys.bulk);
}

std::string moment_of(std::uint32_t group) {
  return fmt::format("1970-01-01 00:{:02}:{:02}+00", group / 60, group % 60);
}

std::vector<outbox_rule> rules() {
  return {{.table = "items", .keys = {"row:{id}"}, .prefixes = {"list:{moment}"}},
          {.table = "bulk", .keys = {"row:{id}"}, .tags = {table_tag("bulk")}}};
}

}  // namespace strata::consistency
