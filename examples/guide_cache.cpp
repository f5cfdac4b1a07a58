/// The code of docs/guide/cache.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <map>
#include <optional>

using namespace std::chrono_literals;

struct agent {
  std::string id;
  std::string name;
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(agent, (), (id, name, version))

/// A stand-in for the source of truth.
struct directory {
  std::map<std::string, agent> rows{{"agt_1", {"agt_1", "Scout", 1}}};
  int reads = 0;

  std::optional<agent> find(const std::string& id) {
    ++reads;
    const auto row = rows.find(id);
    return row == rows.end() ? std::nullopt : std::optional(row->second);
  }
};

strata::task<> decorate(strata::cache& cache, directory& source) {
  const strata::entity<agent, "agent:{id}"> agents{{.ttl = 30min, .negative_ttl = 10s}};
  const auto find = strata::cached(cache, agents, [&](const std::string& id) { return source.find(id); });

  const auto first = co_await find("agt_1");   // a miss: runs the function
  const auto second = co_await find("agt_1");  // a hit: the same value, not a copy
  CHECK(first->name == "Scout" && second.value() == first.value());
  CHECK(second.info().from == strata::layer::l1 && source.reads == 1);

  const auto missing = co_await find("agt_2");  // "not found" is cached too
  CHECK(!missing && missing.known_absent());
  co_await find("agt_2");
  CHECK(source.reads == 2);

  source.rows["agt_1"] = {"agt_1", "Ranger", 2};
  co_await find.invalidate("agt_1");
  CHECK((co_await find("agt_1"))->name == "Ranger");
}

strata::task<> by_hand(strata::cache& cache, directory& source) {
  const strata::entity<agent, "agent:{id}"> agents;
  const auto key = agents("agt_7");

  const auto before = co_await cache.get(key);
  CHECK(!before && before.info().reason == strata::miss_reason::absent);

  const auto read = co_await cache.get_or_set(key, [&](strata::fill_context& fill) -> std::optional<agent> {
    fill.set_ttl(1min);             // for this value only
    fill.set_tags({"team:north"});  // in addition to the policy's
    return agent{"agt_7", "Diver", source.rows["agt_1"].version};
  });
  CHECK(read && read.info().stored);

  co_await cache.set(key, agent{"agt_7", "Pilot", 3});
  CHECK((co_await cache.get(key))->name == "Pilot");
  co_await cache.remove(key);
  const auto after = co_await cache.get(key);
  CHECK(!after && after.info().reason == strata::miss_reason::removed);
}

strata::task<> write_through(strata::cache& cache, directory& source) {
  const strata::entity<agent, "agent:{id}"> agents;
  const auto key = agents("agt_1");

  auto ticket = co_await cache.begin_write(key);  // before COMMIT
  const auto saved = std::make_shared<const agent>("agt_1", "Ranger", 3);
  source.rows["agt_1"] = *saved;  // COMMIT
  const bool stored = co_await cache.set_committed(std::move(ticket), key, saved);
  CHECK(stored && (co_await cache.get(key))->version == 3);
}

strata::task<> failures(strata::cache& cache) {
  const strata::entity<agent, "agent:{id}"> agents;
  const auto read = co_await cache.get_or_set(agents("agt_9"), []() -> strata::result<agent> {
    return strata::fail(strata::errc::database_unavailable, "the directory does not answer");
  });
  CHECK(!read && read.failure() != nullptr);
  CHECK(read.failure()->code == strata::errc::database_unavailable);
}

strata::task<> off_and_on(strata::cache& cache) {
  const strata::entity<agent, "agent:{id}"> agents;
  const auto key = agents("agt_8");
  const auto load = [] { return agent{"agt_8", "Scout", 1}; };
  co_await cache.get_or_set(key, load);

  cache.disable();  // every read asks the source, and nothing is stored
  CHECK(!(co_await cache.get_or_set(key, load)).info().stored);
  co_await cache.set(key, agent{"agt_8", "Pilot", 2});  // removes what other processes may have stored
  cache.enable();
  CHECK(!co_await cache.get(key));
}

int main() {
  strata::cache cache;
  directory source;
  strata::sync_wait(decorate(cache, source));
  strata::sync_wait(by_hand(cache, source));
  strata::sync_wait(write_through(cache, source));
  strata::sync_wait(failures(cache));
  strata::sync_wait(off_and_on(cache));
}
