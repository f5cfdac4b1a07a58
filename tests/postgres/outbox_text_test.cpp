// A row's text in the outbox is the text that the library reads, whatever settings its writer has.

#include "tests/postgres/support.hpp"

#include "relay/text_array.hpp"

#include <strata/outbox.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <sstream>

namespace strata::test {
namespace {

/// Draws values of every built-in type, as SQL expressions.
class value_maker {
 public:
  explicit value_maker(unsigned seed) : random_(seed) {}

  std::string of(const std::string& type) {
    if (const auto found = fixed_.find(type); found != fixed_.end()) return one_of(found->second);
    if (type == "bool") return whole(0, 1) == 0 ? "false" : "true";
    if (type == "int2") return fmt::format("({})::int2", whole(-32768, 32767));
    if (type == "int4") return fmt::format("({})::int4", whole(-2'000'000'000, 2'000'000'000));
    if (type == "int8") return fmt::format("({})::int8", whole(INT64_MIN + 1, INT64_MAX));
    if (type == "oid" || type == "xid" || type == "cid" || type == "xid8")
      return fmt::format("'{}'::{}", whole(0, 4'000'000'000), type);
    if (type == "float4") return fmt::format("'{:.9g}'::float4", real());
    if (type == "float8") return fmt::format("'{:.17g}'::float8", real());
    if (type == "numeric")
      return fmt::format("'{}.{:06}'::numeric", whole(INT64_MIN + 1, INT64_MAX), whole(0, 999'999));
    if (type == "money")
      return fmt::format("({}::numeric / 100)::money", whole(-1'000'000'000, 1'000'000'000));
    if (type == "date") return fmt::format("date '2000-01-01' + ({})", whole(-700'000, 700'000));
    if (type == "time") return fmt::format("time '00:00' + {} * interval '1 us'", whole(0, 86'399'999'999));
    if (type == "timetz")
      return fmt::format("'12:34:56.{:06}{:+03}:30'::timetz", whole(0, 999'999), whole(-11, 11));
    if (type == "timestamp" || type == "timestamptz") return moment(type);
    if (type == "interval") {
      return fmt::format("make_interval({}, {}, 0, {}, {}, {}, {}.{:06})", whole(-9, 9), whole(-30, 30),
                         whole(-90, 90), whole(-90, 90), whole(-90, 90), whole(-90, 90), whole(0, 999'999));
    }
    if (type == "point") return fmt::format("point({0:.17g}, {1:.17g})", real(), real());
    if (type == "lseg" || type == "box") return fmt::format("{}({}, {})", type, of("point"), of("point"));
    if (type == "circle") return fmt::format("circle({}, {:.17g})", of("point"), std::abs(real()));
    if (type == "line") return fmt::format("'{{{:.17g},1,{:.17g}}}'::line", real(), real());
    if (type == "path") return fmt::format("path(polygon(box({}, {})))", of("point"), of("point"));
    if (type == "polygon") return fmt::format("polygon(box({}, {}))", of("point"), of("point"));
    if (type == "bytea") return fmt::format("decode('{:016x}00ff5c', 'hex')", random_());
    if (type == "uuid")
      return fmt::format("'{:08x}-0000-4000-8000-{:012x}'::uuid", whole(0, UINT32_MAX), whole(0, 1LL << 47));
    if (type.ends_with("range")) return range(type);
    return {};
  }

 private:
  std::int64_t whole(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  double real() {
    const auto digits = static_cast<double>(whole(-1'000'000'000'000'000, 1'000'000'000'000'000));
    return std::ldexp(digits, static_cast<int>(whole(-80, 20)));
  }
  std::string one_of(const std::vector<std::string>& all) {
    return all[static_cast<std::size_t>(whole(0, static_cast<std::int64_t>(all.size()) - 1))];
  }
  std::string moment(const std::string& type) {
    return fmt::format("{0} '2000-01-01 00:00:00{1}' + {2} * interval '1 us'", type,
                       type == "timestamptz" ? "+00" : "",
                       whole(-60'000'000'000'000'000, 60'000'000'000'000'000));
  }
  std::string range(const std::string& type) {
    static const std::map<std::string, std::string> elements{{"int4", "int4"},    {"int8", "int8"},
                                                             {"num", "numeric"},  {"date", "date"},
                                                             {"ts", "timestamp"}, {"tstz", "timestamptz"}};
    const bool many = type.ends_with("multirange");
    const auto stem = type.substr(0, type.size() - (many ? 10 : 5));
    const auto element = elements.find(stem);
    if (element == elements.end()) return {};
    const auto single = fmt::format("{}range({}, NULL)", stem, of(element->second));
    return many ? fmt::format("{}({})", type, single) : single;
  }

  std::mt19937_64 random_;
  const std::map<std::string, std::vector<std::string>> fixed_{
      {"text", {"'plain'", "''", "'a\"{},\\\\ b'", "'größe'"}},
      {"varchar", {"'v'::varchar", "'w  '::varchar"}},
      {"bpchar", {"'ab   '", "' c'", "''"}},
      {"name", {"'a name'::name"}},
      {"char", {"'x'::\"char\""}},
      {"bit", {"B'1'"}},
      {"varbit", {"B'10110'::varbit"}},
      {"json", {R"('{"b" : 1.0,"a":[]}'::json)"}},
      {"jsonb", {R"('{"b" : 1.0,"a":[]}'::jsonb)"}},
      {"jsonpath", {"'$.a[*] ? (@ > 1)'::jsonpath"}},
      {"xml", {"'<a b=\"1\">x</a>'::xml"}},
      {"inet", {"'10.1.2.3'::inet", "'10.1.2.0/24'::inet", "'::1'::inet"}},
      {"cidr", {"'10.1.0.0/16'::cidr", "'10.1.2.3'::cidr"}},
      {"macaddr", {"'08:00:2b:01:02:03'::macaddr"}},
      {"macaddr8", {"'08:00:2b:01:02:03:04:05'::macaddr8"}},
      {"tsvector", {"'a:1 fat:2 cat:3'::tsvector"}},
      {"tsquery", {"'fat & !rat'::tsquery"}},
      {"tid", {"'(3,4)'::tid"}},
      {"pg_lsn", {"'16/B374D848'::pg_lsn"}},
      {"pg_snapshot", {"'10:20:10,14,15'::pg_snapshot"}},
      {"txid_snapshot", {"'10:20:10,14,15'::txid_snapshot"}},
      {"oidvector", {"'1 2 3'::oidvector"}},
      {"int2vector", {"'1 2 3'::int2vector"}},
      {"refcursor", {"'cursor'::refcursor"}},
      {"aclitem", {"'strata=r/strata'::aclitem"}},
  };
};

class PostgresOutboxText : public PostgresTest {
 protected:
  /// The built-in types that a column can have and a client can write. The text of the reg types depends on
  /// the search path of its reader, so install_outbox refuses them.
  std::vector<std::string> types() const {
    const std::set<std::string> internal{
        "pg_node_tree",    "pg_ndistinct",          "pg_mcv_list",
        "pg_dependencies", "pg_brin_bloom_summary", "pg_brin_minmax_multi_summary",
        "gtsvector"};
    std::vector<std::string> out;
    std::istringstream all(
        elsewhere("SELECT typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype "
                  "IN ('b', 'r', "
                  "'m') AND typname !~ '^_' AND typname !~ '^reg' ORDER BY 1"));
    for (std::string each; std::getline(all, each);) {
      if (!internal.contains(each)) out.push_back(each);
    }
    return out;
  }

  /// The text of a key's argument that was made from a value the library has read.
  static bool same(const std::optional<std::string>& recorded, const sql_value& read, bool is_bool) {
    if (!recorded) return std::holds_alternative<std::monostate>(read);
    if (const auto* text = std::get_if<std::string>(&read)) return *recorded == *text;
    if (const auto* number = std::get_if<std::int64_t>(&read)) {
      return is_bool ? *recorded == (*number == 1 ? "true" : "false") : *recorded == std::to_string(*number);
    }
    const auto* real = std::get_if<double>(&read);
    if (real == nullptr) return false;
    const auto parsed = std::strtod(recorded->c_str(), nullptr);
    return parsed == *real || (parsed != parsed && *real != *real);
  }
};

constexpr const char* odd_sessions[] = {
    R"(SET datestyle = German; SET timezone = 'Europe/Berlin'; SET extra_float_digits = -3;)",
    R"(SET datestyle = 'SQL, DMY'; SET timezone = 'Asia/Kolkata'; SET extra_float_digits = 3;
       SET intervalstyle = iso_8601; SET bytea_output = escape; SET lc_monetary = 'C.utf8';
       SET lc_numeric = 'C.utf8'; SET quote_all_identifiers = on; SET xmlbinary = hex; SET xmloption = document;)",
    R"(SET datestyle = 'Postgres, MDY'; SET timezone = '-03:30'; SET extra_float_digits = 0;
       SET intervalstyle = sql_standard; SET search_path = ''; SET plpgsql.variable_conflict = use_column;
       SET session_replication_role = replica;)",
    R"(SET intervalstyle = postgres_verbose; SET extra_float_digits = -15; SET array_nulls = off;
       SET transform_null_equals = on; SET client_encoding = LATIN1;)",
};

TEST_F(PostgresOutboxText, IsWhatTheLibraryReadsWhoeverWrites) {
  const auto all = types();
  ASSERT_GT(all.size(), 50u);
  for (const auto level : {trigger_level::statement, trigger_level::row}) {
    std::vector<std::string> columns;
    std::string definition = "n bigint PRIMARY KEY";
    outbox_rule rule{.table = "everything", .level = level};
    for (const auto& type : all) {
      for (const auto& [prefix, suffix] : {std::pair{"c_", ""}, {"a_", "[]"}}) {
        columns.push_back(prefix + type);
        const auto full = type == "bpchar" ? "char(5)" : "pg_catalog.\"" + type + '"';
        definition += fmt::format(", {}{} {}{}", prefix, type, full, suffix);
        rule.keys.push_back(fmt::format("x:{{{}}}", columns.back()));
      }
    }
    elsewhere("DROP TABLE IF EXISTS everything; CREATE TABLE everything (" + definition + ")");
    const auto db = open();
    const auto installed = sync_wait(install_outbox(*db, rule));
    ASSERT_TRUE(installed) << installed.error().detail;

    value_maker values(41 + static_cast<unsigned>(level));
    int n = 0;
    for (const auto* session : odd_sessions) {
      for (int round = 0; round < 5; ++round) {
        std::string row = std::to_string(++n);
        for (const auto& type : all) {
          const auto one = values.of(type);
          ASSERT_FALSE(one.empty()) << "no value for the type " << type;
          row += fmt::format(", {}, ARRAY[{}, NULL]", one, one);
        }
        const auto kept =
            sync_wait(db->query("SELECT coalesce(max(place), 0) AS place FROM strata_outbox.changes", {}));
        elsewhere(fmt::format(
            "{} INSERT INTO public.everything VALUES ({}); UPDATE public.everything SET n = n WHERE n = "
            "{}; DELETE FROM public.everything WHERE n = {}; INSERT INTO public.everything VALUES ({})",
            session, row, n, n, row));
        const auto read = sync_wait(
            db->query(fmt::format("SELECT {} FROM everything WHERE n = $1", fmt::join(columns, ", ")),
                      {std::int64_t{n}}));
        ASSERT_TRUE(read) << read.error().detail;
        const auto recorded =
            sync_wait(db->query("SELECT what::text AS what, vals::text AS vals FROM strata_outbox.changes "
                                "WHERE place > $1 ORDER BY place",
                                {kept->at(0, "place")}));
        ASSERT_TRUE(recorded) << recorded.error().detail;
        ASSERT_EQ(recorded->size(), 4u);
        for (std::size_t i = 0; i < recorded->size(); ++i) {
          EXPECT_EQ(std::get<std::string>(recorded->at(i, "what")), std::string(1, "iudi"[i]));
          const auto vals = relay_detail::read_text_array(std::get<std::string>(recorded->at(i, "vals")));
          ASSERT_TRUE(vals);
          ASSERT_EQ(vals->size(), columns.size());
          for (std::size_t c = 0; c < columns.size(); ++c) {
            EXPECT_TRUE(same((*vals)[c], read->at(0, columns[c]), columns[c] == "c_bool"))
                << columns[c] << ": recorded " << (*vals)[c].value_or("NULL") << " in a session with "
                << session;
          }
        }
      }
    }
    ASSERT_TRUE(sync_wait(uninstall_outbox(*db)));
  }
}

TEST_F(PostgresOutboxText, RefusesAColumnWhoseTextDependsOnItsReader) {
  elsewhere("CREATE DOMAIN which AS regclass; CREATE TABLE odd (id text, a regclass, b which, c regtype[])");
  const auto done = sync_wait(install_outbox(*open(), {.table = "odd", .keys = {"odd:{a}:{b}:{c}:{id}"}}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::invalid_argument);
  for (const auto* each : {"public.odd.a depends", "public.odd.b depends", "public.odd.c depends"}) {
    EXPECT_THAT(done.error().detail, testing::HasSubstr(each));
  }
}

}  // namespace
}  // namespace strata::test
