#include "tests/simulator/plan.hpp"

#include "engine/floors.hpp"

namespace strata::simulator {

namespace {

using namespace std::chrono_literals;
using strata::detail::floor_table;

constexpr duration forever = std::chrono::hours(24);

policy draw_policy(chance& random) {
  policy rules;
  rules.ttl = random.one_of<duration>({500ms, 5s, 60s});
  rules.negative_ttl = random.one_of<duration>({0s, 1s, 30s});
  rules.jitter = random.one_of({0.0, 0.1, 0.5});
  if (random.percent(40)) {
    rules.fail_safe = true;
    rules.grace = random.one_of<duration>({300ms, 5s, 60s});
    rules.throttle = random.one_of<duration>({100ms, 2s, 30s});
    if (random.percent(50)) rules.soft_timeout = random.one_of<duration>({20ms, 200ms});
  }
  if (random.percent(30)) rules.stale_while_revalidate = random.one_of<duration>({200ms, 2s, 20s});
  if (random.percent(30)) rules.eager_refresh = random.one_of({0.1, 0.5, 0.9});
  if (random.percent(20)) rules.xfetch_beta = random.one_of({1.0, 50.0});
  if (random.percent(30)) rules.hard_timeout = random.one_of<duration>({300ms, 3s});
  return rules;
}

sim_key make_key(unsigned number, policy rules) {
  const char* const group = number % 2 == 0 ? "even" : "odd";
  rules.tags = {group};
  if (number % 3 == 0) rules.tags.emplace_back("third");
  const entity<std::string, "item:{group}:{number}"> items{rules};
  sim_key out{.where = items(group, number), .stored = {}, .buckets = {}};
  out.stored = "strata:" + out.where.key.text();
  for (const auto& tag : rules.tags) out.buckets.insert(floor_table::tag_bucket(tag));
  for (const auto& prefix : {std::string("item"), std::string("item:") + group, out.where.key.text()}) {
    out.buckets.insert(floor_table::prefix_bucket(prefix));
  }
  out.buckets.insert(floor_table::root);
  return out;
}

}  // namespace

plan::plan(chance& random) {
  second_level = random.percent(85);
  processes = second_level ? random.one_of({1u, 2u, 2u, 3u}) : 1;
  sessions = random.one_of({1u, 2u, 3u, 4u});
  operations = random.one_of({10u, 30u, 60u});
  const auto number = random.one_of({1u, 2u, 4u, 7u});
  const auto shared = draw_policy(random);
  for (unsigned k = 0; k < number; ++k)
    keys.push_back(make_key(k, random.percent(50) ? shared : draw_policy(random)));

  lease = random.one_of<duration>({500ms, 5s, 30s});
  const bool small = random.percent(25);
  memory = {small ? 64u << 10 : 1u << 20};
  padding = small ? 20'000 : 20;
  server_budget = {small && random.percent(50) ? 700u : 16u << 20};
  factory_limit = random.percent(15) ? 1 : 0;

  const bool faults = random.percent(60);
  store_faults = faults ? random.one_of({0u, 2u, 10u, 40u}) : 0;
  connection_losses = faults ? random.one_of({0u, 10u, 100u}) : 0;
  restarts = faults ? random.one_of({0u, 0u, 20u}) : 0;
  crashes = faults ? random.one_of({0u, 0u, 30u}) : 0;
  source_faults = random.one_of({0u, 5u, 40u});
  slow_sources = random.one_of({0u, 10u, 50u});
  aborted_writes = random.one_of({0u, 20u});

  work_weight = random.one_of({1u, 4u});
  network_weight = random.one_of({1u, 4u});
  push_weight = random.one_of({1u, 4u, 16u});
  source_weight = random.one_of({1u, 4u});
  time_weight = random.one_of({1u, 1u, 4u});
  begin_weight = random.one_of({1u, 4u});
  relayed = second_level && random.percent(30);
  trust = random.one_of<duration>({350ms, 30s, forever});
  relay_weight = random.one_of({1u, 4u});
  relay_lag = random.one_of({0u, 30u, 150u});
  dead_holders = faults && second_level ? random.one_of({0u, 20u, 200u}) : 0;
}

}  // namespace strata::simulator
