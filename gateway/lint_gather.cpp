#include "gateway/gateway.hpp"
#include "gateway/keys.hpp"
#include "gateway/lint.hpp"

#include <strata/open.hpp>
#include <strata/open_database.hpp>
#include <strata/rfc3339.hpp>
#include <strata/task.hpp>

#include <charconv>
#include <thread>
#include <variant>

namespace strata::gateway {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_values = 10'000;

void gather_store(lint_facts& facts, duration patience) {
  if (facts.values.store == "memory") return;
  const auto opened = open_store(facts.values.store, {.timeout = 5s, .trust_for = 5s, .heartbeat = 250ms});
  if (!opened) {
    facts.store_trouble = opened.error().detail;
    return;
  }
  // A server that is reached and still not usable after half a second is not fit.
  duration waited{}, reached{};
  while (waited < patience && reached < 500ms) {
    const auto health = (*opened)->health();
    if (health.usable) break;
    std::this_thread::sleep_for(20ms);
    waited += 20ms;
    if (health.connections > 0) reached += 20ms;
  }
  // A server that is not fit for a store answers these questions all the same.
  auto inspected = sync_wait((*opened)->inspect(most_values));
  facts.now = system_clock().wall();
  if (inspected) facts.store = std::move(*inspected);
  const auto health = (*opened)->health();
  if (!health.usable) facts.store_trouble = health.trouble;
}

std::string text_of(const sql_value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text == nullptr ? std::string() : *text;
}

void gather_postgres(lint_facts& facts) {
  const auto opened = open_database(facts.values, {.readers = 1, .writers = 1});
  if (!opened) {
    facts.database_trouble = opened.error().detail;
    return;
  }
  auto& database = **opened;
  const auto settings =
      sync_wait(database.query("SELECT name, setting FROM pg_settings WHERE name IN ('fsync', "
                               "'full_page_writes', 'synchronous_commit')",
                               {}));
  if (!settings) {
    facts.database_trouble = settings.error().detail;
    return;
  }
  for (std::size_t i = 0; i < settings->size(); ++i) {
    facts.database_settings[text_of(settings->at(i, "name"))] = text_of(settings->at(i, "setting"));
  }
  const auto clock = sync_wait(
      database.query("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now", {}));
  facts.now = system_clock().wall();
  if (clock && !clock->empty()) {
    if (const auto* now = std::get_if<std::int64_t>(&clock->at(0, "now"))) {
      facts.database_time = wall_time(std::chrono::milliseconds(*now));
    }
  }
  auto outbox = sync_wait(status_of_outbox(database));
  if (outbox) {
    facts.outbox = std::move(*outbox);
  } else {
    facts.database_trouble = outbox.error().detail;
  }
}

}  // namespace

lint_facts gather(const config& values, duration patience) {
  lint_facts facts;
  facts.values = values;
  facts.now = system_clock().wall();
  facts.has_keys = !values.encryption.keys.empty() || !values.encryption.keys_file.empty() || values.demo ||
                   has_demo_keys(demo_keys_file(values.database));
  gather_store(facts, patience);
  const auto kind = database_kind_of(values.database);
  if (kind && *kind == database_kind::postgres) gather_postgres(facts);
  return facts;
}

}  // namespace strata::gateway
