#include "relay/event_reader.hpp"

#include "relay/column_values.hpp"

#include <utility>

namespace strata::relay_detail {

namespace {

constexpr std::int64_t page_size = 1'000;

constexpr std::string_view page_statement =
    "SELECT coalesce($2::text, pg_current_snapshot()::text) AS seen, "
    "(SELECT id::text FROM strata_outbox.life) AS life, "
    "EXISTS (SELECT FROM strata_outbox.marks m WHERE m.at <= clock_timestamp() - $5::bigint * interval '1 s' "
    "  AND pg_snapshot_xmax(m.seen) > pg_snapshot_xmax($1::text::pg_snapshot))::int AS too_old, "
    "c.place, c.rule::bigint AS rule, c.what::text AS what, c.vals::text AS vals "
    "FROM (SELECT) one LEFT JOIN LATERAL strata_outbox.events($1::text::pg_snapshot, $2::text::pg_snapshot, "
    "  $3::bigint, $4::bigint) c ON true ORDER BY c.place";

std::string_view verb(char what) {
  switch (what) {
    case 'i':
      return "created";
    case 'u':
      return "updated";
    case 'd':
      return "deleted";
    case 't':
      return "truncated";
    default:
      return "bulk";
  }
}

domain_event published(text_array values) {
  domain_event out;
  if (!values.empty()) out.type = std::move(values[0]).value_or("");
  for (std::size_t i = 1; i + 1 < values.size(); i += 2) {
    if (values[i] && values[i + 1]) out.attributes.emplace(std::move(*values[i]), std::move(*values[i + 1]));
  }
  return out;
}

sql_value or_null(std::string text) {
  if (text.empty()) return {};
  return text;
}

}  // namespace

task<result<event_page>> event_reader::read(cursor after, std::string upto, std::int64_t after_place) {
  const bool all = after.seen == from_the_beginning;
  sql_parameters values{or_null(std::move(after.seen)), or_null(std::move(upto)), after_place, page_size,
                        oldest_cursor.count()};
  auto rows = co_await source_->query(page_statement, std::move(values));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  event_page out;
  out.seen = text_of(rows->at(0, "seen"));
  out.life = text_of(rows->at(0, "life"));
  out.too_old = !all && number_of(rows->at(0, "too_old")) != 0;
  if (std::holds_alternative<std::monostate>(rows->at(0, "place"))) co_return out;
  out.more = rows->size() == static_cast<std::size_t>(page_size);
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const auto rule = number_of(rows->at(i, "rule"));
    const auto what = text_of(rows->at(i, "what"));
    auto written = read_text_array(text_of(rows->at(i, "vals")));
    if (!written) co_return std::unexpected(std::move(written.error()));
    out.last = number_of(rows->at(i, "place"));
    if (rule == 0) {
      out.events.push_back(published(std::move(*written)));
      continue;
    }
    if (!rules_.contains(rule)) {
      auto loaded = co_await load_rules();
      if (!loaded) co_return std::unexpected(std::move(loaded.error()));
    }
    const auto& of = rules_[rule];
    domain_event event{.type = of.event + '.' + std::string(verb(what.empty() ? '?' : what.front())),
                       .attributes = {}};
    for (std::size_t n = 0; n < written->size() && n < of.columns.size(); ++n) {
      if ((*written)[n]) event.attributes.emplace(of.columns[n], std::move(*(*written)[n]));
    }
    out.events.push_back(std::move(event));
  }
  co_return out;
}

task<result<void>> event_reader::load_rules() {
  auto rows = co_await source_->query(
      "SELECT id::bigint AS id, event, columns::text AS columns FROM strata_outbox.rules", sql_parameters());
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  for (std::size_t i = 0; i < rows->size(); ++i) {
    rules_[number_of(rows->at(i, "id"))] = {.event = text_of(rows->at(i, "event")),
                                            .columns = texts_of(rows->at(i, "columns"))};
  }
  co_return result<void>();
}

// The cursor is kept in a logged table. Its row was committed after the snapshot was taken, so after a crash
// no id below the snapshot's end is given out again: the cursor is still valid.
task<result<std::string>> event_reader::saved_cursor(std::string name) {
  sql_parameters which{std::move(name)};
  auto rows = co_await source_->execute(
      "INSERT INTO strata_outbox.feeds AS f (name, seen) VALUES ($1, pg_current_snapshot()) "
      "ON CONFLICT (name) DO UPDATE SET at = clock_timestamp() RETURNING seen::text AS seen",
      std::move(which));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return text_of(rows->at(0, "seen"));
}

task<result<void>> event_reader::save_cursor(std::string name, std::string seen) {
  sql_parameters values{std::move(name), std::move(seen)};
  auto done = co_await source_->execute(
      "UPDATE strata_outbox.feeds SET seen = $2::text::pg_snapshot, at = clock_timestamp() WHERE name = $1",
      std::move(values));
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return result<void>();
}

}  // namespace strata::relay_detail
