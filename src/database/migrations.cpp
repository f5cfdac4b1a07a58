#include <strata/migrations.hpp>

#include "core/option_problems.hpp"

#include <strata/key.hpp>

#include <fmt/format.h>

#include <utility>

namespace strata {

namespace {

constexpr std::string_view create_table = R"(
CREATE TABLE IF NOT EXISTS schema_migrations (
  version BIGINT PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at TEXT NOT NULL
))";

void check(const std::vector<migration>& steps) {
  detail::option_problems problems;
  std::int64_t last = 0;
  for (const auto& each : steps) {
    if (each.version <= last) {
      problems.add(
          fmt::format("migration {}: versions ascend from 1, but it comes after {}", each.version, last));
    }
    if (each.name.empty()) problems.add(fmt::format("migration {}: has no name", each.version));
    if (each.script.empty()) problems.add(fmt::format("migration {}: has no script", each.version));
    last = each.version;
  }
  problems.throw_if_any();
}

/// How many of `steps` the database has, if those are what it was given; else why not.
result<std::size_t> compare(const sql_rows& applied, const std::vector<migration>& steps) {
  for (std::size_t i = 0; i < applied.size(); ++i) {
    const auto* version = std::get_if<std::int64_t>(&applied.at(i, "version"));
    const auto* name = std::get_if<std::string>(&applied.at(i, "name"));
    const auto* checksum = std::get_if<std::string>(&applied.at(i, "checksum"));
    if (version == nullptr || name == nullptr || checksum == nullptr) {
      return fail(errc::conflict, "the table schema_migrations is not one of ours");
    }
    const auto newest = steps.empty() ? 0 : steps.back().version;
    if (*version > newest) {
      return fail(
          errc::conflict,
          fmt::format("the database is newer than this program: it has migration {} ({}), the program "
                      "knows up to {}; run a program at least as new as the database",
                      *version, *name, newest));
    }
    if (i >= steps.size() || *version != steps[i].version) {
      const bool unknown = i >= steps.size() || *version < steps[i].version;
      return fail(errc::conflict,
                  unknown
                      ? fmt::format("the database has migration {} ({}), which this program does not know",
                                    *version, *name)
                      : fmt::format("migration {} ({}) was added before {}, which is applied already; a new "
                                    "migration comes after all others",
                                    steps[i].version, steps[i].name, *version));
    }
    if (*name != steps[i].name || *checksum != checksum_of(steps[i].script)) {
      return fail(
          errc::conflict,
          fmt::format("migration {} ({}) was changed after it was applied as {}; restore its text and "
                      "add a new migration instead",
                      steps[i].version, steps[i].name, *name));
    }
  }
  return applied.size();
}

task<result<sql_rows>> applied_in(transaction& open) {
  co_return co_await open.execute("SELECT version, name, checksum FROM schema_migrations ORDER BY version",
                                  sql_parameters());
}

task<result<void>> apply(transaction& open, const migration& step, std::string now) {
  auto done = co_await open.run_script(step.script);
  if (!done) {
    co_return fail(done.error().code,
                   fmt::format("migration {} ({}) failed: {}", step.version, step.name, done.error().detail));
  }
  sql_parameters record{step.version, std::string(step.name), checksum_of(step.script), std::move(now)};
  auto kept = co_await open.execute(
      "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
      std::move(record));
  if (!kept) co_return std::unexpected(std::move(kept.error()));
  co_return result<void>();
}

/// Takes the lock that makes other processes wait until this transaction ends. A writer of SQLite
/// has it since it began. On PostgreSQL what is read afterwards must not be as old as the beginning
/// of the wait; as a script it may wait for as long as another's migrations take.
task<result<void>> lock(database& target, transaction& open) {
  if (target.dialect() != "postgres") return result<void>();
  return open.run_script(
      "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(7310579618392600)");
}

task<result<migrated>> migrate_all(database& target, std::vector<migration> steps,
                                   std::function<wall_time()> now) {
  auto begun = co_await target.begin();
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  auto& open = **begun;
  auto locked = co_await lock(target, open);
  if (!locked) co_return std::unexpected(std::move(locked.error()));
  auto made = co_await open.run_script(create_table);
  if (!made) co_return std::unexpected(std::move(made.error()));
  auto applied = co_await applied_in(open);
  if (!applied) co_return std::unexpected(std::move(applied.error()));
  const auto known = compare(*applied, steps);
  if (!known) {
    (void)co_await open.rollback();
    co_return std::unexpected(known.error());
  }
  migrated outcome{.version = steps.empty() ? 0 : steps.back().version, .newly_applied = {}};
  for (auto i = *known; i < steps.size(); ++i) {
    auto done = co_await apply(open, steps[i], rfc3339(now()));
    if (!done) {
      (void)co_await open.rollback();
      co_return std::unexpected(std::move(done.error()));
    }
    outcome.newly_applied.push_back(steps[i].version);
  }
  auto committed = co_await open.commit();
  if (!committed) co_return std::unexpected(std::move(committed.error()));
  co_return outcome;
}

}  // namespace

std::string checksum_of(std::string_view script) {
  return fmt::format("{:016x}", stable_hash_of(script));
}

task<result<migrated>> migrate(database& target, std::span<const migration> steps,
                               std::function<wall_time()> now) {
  std::vector<migration> kept(steps.begin(), steps.end());
  check(kept);
  return migrate_all(target, std::move(kept), std::move(now));
}

}  // namespace strata
