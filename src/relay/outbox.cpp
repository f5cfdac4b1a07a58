/// Installs and removes the outbox.

#include "events/invalidation_template.hpp"
#include "relay/column_values.hpp"
#include "relay/outbox_sql.hpp"
#include "relay/outbox_tables.hpp"
#include "relay/rule_function.hpp"

#include <strata/outbox.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace strata {

namespace {

using relay_detail::begin_alone;
using relay_detail::find_rules;
using relay_detail::find_table;
using relay_detail::found_table;
using relay_detail::named_table;
using relay_detail::number_of;
using relay_detail::version_of;

/// Replaces the functions that an older version has installed, as far as this role may. It locks no table of
/// the user. Returns whether there were any.
task<result<bool>> renew_functions(transaction& open) {
  auto rules = co_await find_rules(open);
  if (!rules) co_return std::unexpected(std::move(rules.error()));
  bool renewed = false;
  for (const auto& each : *rules) {
    if (!each.is_outdated || !each.is_ours) continue;
    auto table = co_await find_table(open, each.rule.table);
    if (!table) co_return std::unexpected(std::move(table.error()));
    const auto script =
        relay_detail::function_script(each.id, table->named_columns(each.columns), each.rule.level);
    auto done = co_await open.run_script(script);
    if (!done) co_return std::unexpected(std::move(done.error()));
    renewed = true;
  }
  co_return renewed;
}

/// Creates the outbox if it is missing, and sets the limit. Returns whether anything changed.
task<result<bool>> make_outbox(transaction& open, std::optional<byte_size> limit) {
  auto version = co_await version_of(open);
  if (!version) co_return std::unexpected(std::move(version.error()));
  if (version->empty()) {
    auto renamed = co_await relay_detail::renamed_schema(open);
    if (!renamed) co_return std::unexpected(std::move(renamed.error()));
    if (!renamed->empty()) co_return fail(errc::conflict, relay_detail::renamed_problem(*renamed));
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
  auto renewed = co_await renew_functions(open);
  if (!renewed || !limit) co_return renewed;
  auto now = co_await open.execute("SELECT strata_outbox.part_limit() AS part", sql_parameters());
  if (!now) co_return std::unexpected(std::move(now.error()));
  if (static_cast<std::uint64_t>(number_of(now->at(0, "part"))) == relay_detail::part_limit(*limit)) {
    co_return renewed;
  }
  const auto script = relay_detail::limit_script(*limit);
  auto changed = co_await open.run_script(script);
  if (!changed) co_return std::unexpected(std::move(changed.error()));
  co_return true;
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
  for (const auto& each : rule.prefixes) {
    if (each == ":" || each.find_first_of("*?[]") != std::string::npos) {
      problems.push_back("prefix \"" + each + "\" must be the beginning of keys, without a glob");
    }
  }
  for (const auto& each : columns) {
    if (std::ranges::find(table.columns, each) == table.columns.end()) {
      problems.push_back(table.named.name + " has no column " + each);
    }
    if (std::ranges::find(table.by_session, each) != table.by_session.end()) {
      problems.push_back(
          fmt::format("the text of {}.{} depends on the session that reads it, so no pattern can "
                      "name it",
                      table.named.name, each));
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

task<result<std::int64_t>> record(transaction& open, const found_table& table, const outbox_rule& rule,
                                  const std::vector<std::string>& columns) {
  sql_parameters values{table.oid,
                        relay_detail::write_text_array(rule.keys),
                        relay_detail::write_text_array(rule.prefixes),
                        relay_detail::write_text_array(rule.tags),
                        relay_detail::write_text_array(columns),
                        rule.event,
                        std::string(name(rule.level)),
                        table.named.name};
  // An outbox of an older version has no such column.
  auto room =
      co_await open.run_script("ALTER TABLE strata_outbox.rules ADD COLUMN IF NOT EXISTS called text");
  if (!room) co_return std::unexpected(std::move(room.error()));
  auto made = co_await open.execute(
      "INSERT INTO strata_outbox.rules (relation, keys, prefixes, tags, columns, event, level, called) "
      "VALUES ($1::bigint::oid::regclass, $2::text[], $3::text[], $4::text[], $5::text[], $6, $7, $8) "
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
  auto before = co_await find_rules(open, table->oid);
  if (!before) co_return std::unexpected(std::move(before.error()));
  for (const auto& each : *before) {
    const auto& was = each.rule;
    const bool same = was.keys == rule.keys && was.prefixes == rule.prefixes && was.tags == rule.tags &&
                      was.event == rule.event && was.level == rule.level;
    const auto wanted = relay_detail::triggers_of(table->named, rule.level);
    if (same && static_cast<std::size_t>(each.enabled) == wanted) co_return changed;
    auto gone = co_await retire(open, table->named, each.id);
    if (!gone) co_return std::unexpected(std::move(gone.error()));
  }
  auto id = co_await record(open, *table, rule, columns);
  if (!id) co_return std::unexpected(std::move(id.error()));
  const auto script = relay_detail::function_script(*id, table->named_columns(columns), rule.level) +
                      relay_detail::trigger_script(table->named, *id, rule.level);
  auto made = co_await open.run_script(script);
  if (!made) co_return std::unexpected(std::move(made.error()));
  co_return true;
}

task<result<void>> drop_outbox(transaction& open) {
  auto rules = co_await find_rules(open);
  if (!rules) co_return std::unexpected(std::move(rules.error()));
  for (const auto& each : *rules) {
    auto table = co_await find_table(open, each.rule.table);
    if (!table) co_return std::unexpected(std::move(table.error()));
    auto gone = co_await retire(open, table->named, each.id);
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
  auto rule = co_await find_rules(open, table->oid);
  if (!rule) co_return std::unexpected(std::move(rule.error()));
  if (rule->empty()) co_return fail(errc::not_found, "no outbox rule is installed for " + name);
  auto gone = co_await retire(open, table->named, rule->front().id);
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

}  // namespace strata
