/// The code of docs/guide/values.md.
#include "check.hpp"

#include <strata/strata.hpp>

#include <limits>

using namespace std::chrono_literals;

namespace yesterday {
struct agent {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(agent, (), (id))
}  // namespace yesterday

namespace today {
struct agent {
  std::string id;
  std::optional<std::string> team;  // added; a value of yesterday's has none
};
BOOST_DESCRIBE_STRUCT(agent, (), (id, team))
}  // namespace today

const strata::entity<yesterday::agent, "agent:{id}"> old_agents;
const strata::entity<today::agent, "agent:{id}"> new_agents;

strata::task<> two_releases(strata::cache& old_program, strata::cache& new_program) {
  co_await old_program.set(old_agents("agt_1"), yesterday::agent{"agt_1"});
  co_await new_program.set(new_agents("agt_2"), today::agent{"agt_2", "search"});

  const auto without_team = co_await new_program.get(new_agents("agt_1"));
  CHECK(without_team->id == "agt_1" && !without_team->team);
  const auto team_ignored = co_await old_program.get(old_agents("agt_2"));
  CHECK(team_ignored->id == "agt_2");
}

struct reading {
  std::string sensor;
  double degrees = 0;
};
BOOST_DESCRIBE_STRUCT(reading, (), (sensor, degrees))

void refused() {
  std::string out;
  const auto done = strata::json::write(out, reading{"roof", std::numeric_limits<double>::quiet_NaN()});
  CHECK(done.error().detail == "/degrees is not a finite number, and JSON has no other");
}

int main() {
  const auto server = strata::make_memory_server();
  strata::cache old_program({.second_level = strata::connect(server)});
  strata::cache new_program({.second_level = strata::connect(server)});
  strata::sync_wait(two_releases(old_program, new_program));
  refused();
}
