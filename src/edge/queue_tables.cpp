#include "edge/queue_tables.hpp"

#include <strata/edge_queue.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace strata::edge_detail {

namespace {

constexpr std::int64_t most_taken = 500;  // in one transaction

std::int64_t number(const sql_value& from) {
  const auto* found = std::get_if<std::int64_t>(&from);
  return found == nullptr ? 0 : *found;
}
std::string text(const sql_value& from) {
  const auto* found = std::get_if<std::string>(&from);
  return found == nullptr ? std::string() : *found;
}

/// A row; nothing if its kind is not one of ours.
std::optional<queued_purge> purge_at(const sql_rows& rows, std::size_t row) {
  const auto kind = edge_purge_kind_of(text(rows.at(row, "kind")));
  if (!kind) return std::nullopt;
  return queued_purge{.what = {.kind = *kind,
                               .value = text(rows.at(row, "value")),
                               .soft = number(rows.at(row, "soft")) != 0},
                      .id = number(rows.at(row, "id"))};
}

/// "$3, $4, $5" and the values.
std::string listed(const std::vector<std::int64_t>& ids, sql_parameters& to) {
  std::string out;
  for (const auto each : ids) {
    to.emplace_back(each);
    out += fmt::format("{}${}", out.empty() ? "" : ", ", to.size());
  }
  return out;
}

}  // namespace

std::string_view now_of(const database& of) noexcept {
  return of.dialect() == "postgres" ? "(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint"
                                    : "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";
}

std::string last_id_of(const database& of, std::string_view schema) {
  return of.dialect() == "postgres"
             ? fmt::format("(SELECT last_value FROM {}edge_purges_id_seq)", schema)
             : "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'edge_purges'), 0)";
}

task<result<queue_tables::waiting>> queue_tables::look() {
  // Ids of transactions that were rolled back count, too: else they would fill the queue's limit.
  const auto statement = fmt::format(
      "SELECT CASE WHEN EXISTS (SELECT 1 FROM edge_purges) OR {} > seen + {} THEN 1 ELSE 0 END AS purges, "
      "CASE WHEN EXISTS (SELECT 1 FROM edge_deliveries) THEN 1 ELSE 0 END AS deliveries FROM edge_sender",
      last_id_of(*source_), edge_queue_limit / 2);
  auto found = co_await source_->query(statement, {});
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (found->empty()) co_return fail(errc::database_unavailable, "the table edge_sender has lost its row");
  co_return waiting{number(found->at(0, "purges")) != 0, number(found->at(0, "deliveries")) != 0};
}

task<result<queue_tables::totals>> queue_tables::count() {
  const auto statement = fmt::format(
      "SELECT sum(n) AS n, min(a) AS a, {} AS now FROM (SELECT count(*) AS n, min(at) AS a FROM edge_purges "
      "UNION ALL SELECT count(*), min(at) FROM edge_deliveries) AS both_tables",
      now_of(*source_));
  auto found = co_await source_->query(statement, {});
  if (!found) co_return std::unexpected(std::move(found.error()));
  totals out;
  // A sum of PostgreSQL is numeric, which arrives as text.
  const auto& sum = found->at(0, "n");
  out.rows = static_cast<std::uint64_t>(std::holds_alternative<std::string>(sum) ? std::stoll(text(sum))
                                                                                 : number(sum));
  if (out.rows > 0) {
    const auto age = number(found->at(0, "now")) - number(found->at(0, "a"));
    out.oldest = std::chrono::milliseconds(std::max<std::int64_t>(age, 0));
  }
  co_return out;
}

task<result<std::optional<std::int64_t>>> queue_tables::acquire(duration time) {
  const auto statement = fmt::format(
      "UPDATE edge_sender SET token = token + CASE WHEN holder = $1 AND until > {0} THEN 0 ELSE 1 END, "
      "holder = $1, until = {0} + $2 WHERE holder = $1 OR until <= {0} RETURNING token",
      now_of(*source_));
  sql_parameters values{holder_, std::chrono::floor<std::chrono::milliseconds>(time).count()};
  auto won = co_await source_->execute(statement, std::move(values));
  if (!won) co_return std::unexpected(std::move(won.error()));
  if (won->empty()) co_return std::optional<std::int64_t>();
  co_return std::optional(number(won->at(0, "token")));
}

task<result<void>> queue_tables::release(std::int64_t token) {
  sql_parameters values{token};
  auto done =
      co_await source_->execute("UPDATE edge_sender SET until = 0 WHERE token = $1", std::move(values));
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return result<void>();
}

task<result<std::vector<queued_purge>>> queue_tables::load(std::string edge) {
  sql_parameters values{std::move(edge), static_cast<std::int64_t>(most_waiting + 1)};
  auto found = co_await source_->query(
      "SELECT kind, value, soft, id FROM edge_deliveries WHERE edge = $1 ORDER BY id LIMIT $2",
      std::move(values));
  if (!found) co_return std::unexpected(std::move(found.error()));
  std::vector<queued_purge> out;
  for (std::size_t i = 0; i < found->size(); ++i) {
    if (auto one = purge_at(*found, i)) out.push_back(std::move(*one));
  }
  co_return out;
}

task<result<std::unique_ptr<transaction>>> queue_tables::begin() {
  auto begun = co_await source_->begin();
  if (!begun || source_->dialect() != "postgres") co_return begun;
  auto set = co_await (*begun)->run_script("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
  if (!set) co_return std::unexpected(std::move(set.error()));
  co_return begun;
}

task<result<void>> queue_tables::insert(transaction& open, const std::string& edge,
                                        const std::vector<queued_purge>& rows) {
  std::string statement = "INSERT INTO edge_deliveries (edge, kind, value, soft, id, at) VALUES ";
  sql_parameters values;
  for (const auto& each : rows) {
    const auto n = values.size();
    statement += fmt::format("{}(${}, ${}, ${}, ${}, ${}, {})", n == 0 ? "" : ", ", n + 1, n + 2, n + 3,
                             n + 4, n + 5, now_of(*source_));
    values.insert(values.end(), {edge, std::string(name(each.what.kind)), each.what.value,
                                 std::int64_t{each.what.soft ? 1 : 0}, each.id});
  }
  // A soft purge after a hard one that still waits stays hard.
  statement +=
      " ON CONFLICT (edge, kind, value) DO UPDATE SET id = excluded.id, "
      "soft = CASE WHEN edge_deliveries.soft = 0 THEN 0 ELSE excluded.soft END";
  auto done = co_await open.execute(statement, std::move(values));
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return result<void>();
}

task<result<queue_tables::taken>> queue_tables::take(std::int64_t token,
                                                     const std::vector<std::string>& edges) {
  auto begun = co_await begin();
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  auto& open = **begun;
  sql_parameters most{most_taken};
  auto found = co_await open.execute("SELECT id, kind, value, soft FROM edge_purges ORDER BY id LIMIT $1",
                                     std::move(most));
  if (!found) co_return std::unexpected(std::move(found.error()));
  taken out;
  std::vector<std::int64_t> ids;
  std::map<std::pair<edge_purge_kind, std::string>, std::size_t> places;
  for (std::size_t i = 0; i < found->size(); ++i) {
    ids.push_back(number(found->at(i, "id")));
    auto one = purge_at(*found, i);
    if (!one || !problem_of(one->what).empty()) continue;  // another program's row: no edge could purge it
    const auto [place, fresh] = places.try_emplace({one->what.kind, one->what.value}, out.rows.size());
    if (fresh) {
      out.rows.push_back(std::move(*one));
    } else {
      auto& present = out.rows[place->second];
      present.what.soft = present.what.soft && one->what.soft;
    }
  }
  // While no sender ran, more may have changed than the queue holds.
  auto state =
      co_await open.execute(fmt::format("SELECT {} - seen AS behind, {} AS last, moved FROM edge_sender",
                                        last_id_of(*source_), last_id_of(*source_)),
                            {});
  if (!state) co_return std::unexpected(std::move(state.error()));
  const bool overflowed = !state->empty() && number(state->at(0, "behind")) >= edge_queue_limit;
  const bool drained = std::ssize(ids) < most_taken && !state->empty();
  const auto seen = drained ? number(state->at(0, "last")) : ids.empty() ? 0 : ids.back();
  auto moved = state->empty() ? 0 : number(state->at(0, "moved"));
  for (auto& each : out.rows) each.id = ++moved;
  sql_parameters mine{token, seen, moved};
  auto held = co_await open.execute(
      fmt::format("UPDATE edge_sender SET seen = $2, moved = $3 WHERE token = $1 AND until > {}",
                  now_of(*source_)),
      std::move(mine));
  if (!held) co_return std::unexpected(std::move(held.error()));
  if (held->changed() != 1) {
    (void)co_await open.rollback();
    co_return taken{.lost = true, .rows = {}};
  }
  for (const auto& each : edges) {
    if (out.rows.empty()) break;
    auto inserting = insert(open, each, out.rows);
    auto done = co_await std::move(inserting);
    if (!done) co_return std::unexpected(std::move(done.error()));
  }
  if (!ids.empty()) {
    sql_parameters values;
    const auto list = listed(ids, values);
    auto done = co_await open.execute(fmt::format("DELETE FROM edge_purges WHERE id IN ({})", list), values);
    if (!done) co_return std::unexpected(std::move(done.error()));
  }
  if (overflowed) {
    auto all = co_await open.execute(
        fmt::format("INSERT INTO edge_purges (kind, value, soft, at) VALUES ('everything', '', 0, {})",
                    now_of(*source_)),
        {});
    if (!all) co_return std::unexpected(std::move(all.error()));
  }
  auto committed = co_await open.commit();
  if (!committed) co_return std::unexpected(std::move(committed.error()));
  co_return out;
}

task<result<std::optional<queued_purge>>> queue_tables::collapse(std::int64_t token, std::string edge) {
  using outcome = std::optional<queued_purge>;
  auto begun = co_await begin();
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  auto& open = **begun;
  sql_parameters which{edge, token};
  auto last = co_await open.execute(
      fmt::format("SELECT max(id) AS id FROM edge_deliveries WHERE edge = $1 AND EXISTS "
                  "(SELECT 1 FROM edge_sender WHERE token = $2 AND until > {})",
                  now_of(*source_)),
      std::move(which));
  if (!last) co_return std::unexpected(std::move(last.error()));
  const auto id = number(last->at(0, "id"));
  if (id == 0) {
    (void)co_await open.rollback();
    co_return outcome();
  }
  sql_parameters all{edge};
  auto removed = co_await open.execute("DELETE FROM edge_deliveries WHERE edge = $1", std::move(all));
  if (!removed) co_return std::unexpected(std::move(removed.error()));
  const std::vector<queued_purge> one{
      {.what = {.kind = edge_purge_kind::everything, .value = {}, .soft = false}, .id = id}};
  auto inserting = insert(open, edge, one);
  auto done = co_await std::move(inserting);
  if (!done) co_return std::unexpected(std::move(done.error()));
  auto committed = co_await open.commit();
  if (!committed) co_return std::unexpected(std::move(committed.error()));
  co_return outcome(one.front());
}

task<result<bool>> queue_tables::remove(std::int64_t token, std::string edge, std::vector<std::int64_t> ids) {
  if (ids.empty()) co_return true;
  sql_parameters values{std::move(edge), token};
  const auto list = listed(ids, values);
  // How many rows it deletes does not show whether the lease is lost: newer changes may have replaced them.
  auto done = co_await source_->execute(
      fmt::format("DELETE FROM edge_deliveries WHERE edge = $1 AND id IN ({}) AND EXISTS (SELECT 1 FROM "
                  "edge_sender WHERE token = $2 AND until > {})",
                  list, now_of(*source_)),
      std::move(values));
  if (!done) co_return std::unexpected(std::move(done.error()));
  if (done->changed() > 0) co_return true;
  sql_parameters mine{token};
  auto held = co_await source_->query(
      fmt::format("SELECT 1 AS one FROM edge_sender WHERE token = $1 AND until > {}", now_of(*source_)),
      std::move(mine));
  if (!held) co_return std::unexpected(std::move(held.error()));
  co_return !held->empty();
}

}  // namespace strata::edge_detail
