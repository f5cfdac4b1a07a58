/// The code of docs/guide/relay.md and docs/guide/events.md. Pass the URLs of a PostgreSQL and a Redis
/// server; without them it shows the errors for unreachable servers.
#include "check.hpp"

#include <strata/strata.hpp>

#include <iostream>
#include <string>
#include <string_view>

namespace {

void print(strata::log_level, std::string_view line) {
  std::cout << line << '\n';
}

strata::task<> handle(const strata::domain_event& happened) {
  std::cout << happened.type << '\n';
  co_return;
}

strata::task<> install(strata::database& database) {
  CHECK(co_await database.run_script(
      "CREATE TABLE IF NOT EXISTS agents (id TEXT PRIMARY KEY, organization_id TEXT, name TEXT)"));
  auto installed = co_await strata::install_outbox(
      database, {.table = "agents",
                 .keys = {"agent:{id}", "agent:{id}:config"},
                 .prefixes = {"api:agents:list:{organization_id}"},
                 .tags = {strata::table_tag("agents")},  // carried by cached queries that read the table
                 .event = "agent"});
  CHECK(installed);
}

void with_a_store(const std::string& url, const std::string& store_url) {
  auto outbox = strata::open_postgres({.url = url, .readers = 1, .writers = 1});
  auto store = strata::open_store(store_url);
  CHECK(outbox && store);
  strata::relay relay({.source = *outbox, .target = *store, .log = print});

  auto shared = strata::open_store(store_url, {.relayed = true});
  CHECK(shared);
  strata::cache cache({.second_level = *shared});
}

void without_one(const std::shared_ptr<strata::database>& outbox) {
  strata::cache cache({.relayed = true});
  strata::relay relay({.source = outbox, .local = &cache, .log = print});
}

strata::task<> publish(strata::database& database, strata::cache& cache) {
  auto work = co_await strata::unit_of_work::begin(database, cache);
  CHECK(work.has_value());
  const auto event = strata::publication_of({.type = "agent.shared", .attributes = {{"id", "agt_1"}}});
  CHECK(co_await work->execute(event.statement, event.parameters));
  CHECK(co_await work->commit());  // the event is published with the commit
}

void follow(const std::shared_ptr<strata::database>& outbox) {
  strata::event_bus bus;
  bus.subscribe("agent.*", handle);
  strata::event_feed feed({.source = outbox, .to = &bus, .name = "mailer", .log = print});
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) {
    CHECK(!strata::open_postgres({.url = "postgres://nobody@127.0.0.1:1/nothing"}));
    return 0;
  }
  const auto database = strata::open_postgres({.url = words[1]});
  CHECK(database);
  strata::cache cache;
  strata::sync_wait(install(**database));
  with_a_store(words[1], words[2]);
  without_one(*database);
  follow(*database);
  strata::sync_wait(publish(**database, cache));
}
