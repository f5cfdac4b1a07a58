#include "tests/simulator/world.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace strata::simulator {

namespace {

using namespace std::chrono_literals;

/// No valid simulation takes so many steps; one that does is in an endless loop.
constexpr step_number most_steps = 50'000;

/// Reports to the oracle whether a process serves from its store.
class watcher final : public cache_observer {
 public:
  watcher(oracle& listener, unsigned process) : listener_(listener), process_(process) {}
  void on_second_level(second_level_state state) override {
    listener_.serves(process_, state == second_level_state::up);
  }

 private:
  oracle& listener_;
  unsigned process_;
};

/// How long a process trusts its values after a publication, if there is a relay.
std::optional<duration> trust_of(const plan& of) {
  return of.relayed ? std::optional(of.trust) : std::nullopt;
}

cache_options options_of(sim_process& process, const plan& of, std::uint64_t seed) {
  cache_options options;
  options.memory = of.memory;
  options.second_level = process.link;
  options.fill_lease = of.lease;
  options.factory_limit = of.factory_limit;
  options.background = &process.background;
  options.timer = &process.timer;
  options.seed = seed;
  options.time = &process.time;
  options.maintenance_interval = {};  // the world maintains its caches, when its schedule says so
  return options;
}

}  // namespace

sim_process::sim_process(unsigned of_number, network* over, const plan& of, const clock& all, oracle& told,
                         std::uint64_t seed)
    : number(of_number),
      time(all),
      link(over != nullptr ? std::make_shared<connection>(*over, of_number) : nullptr) {
  auto options = options_of(*this, of, seed);
  options.observer = std::make_shared<watcher>(told, number);
  cache = std::make_unique<strata::cache>(std::move(options));
}

world::world(std::uint64_t seed, bool lines, tally& seen)
    : random_(seed),
      drops_(~seed),
      plan_(random_),
      log_(lines, step_, time_),
      seen_(seen),
      oracle_(plan_.keys, time_, step_, plan_.lease, plan_.factory_limit != 0, trust_of(plan_), log_, seen_),
      network_(time_, plan_.server_budget, oracle_, trust_of(plan_)),
      seed_(seed) {
  plan_.drops = drops_.one_of({0u, 0u, 30u, 300u});
  for (unsigned i = 0; i < plan_.processes; ++i) processes_.push_back(make_process());
}

world::~world() {
  for (auto& each : processes_) {
    if (!each->dead) bury(*each);
  }
}

std::unique_ptr<sim_process> world::make_process() {
  const auto number = next_process_++;
  oracle_.starts(number, plan_.second_level);
  log_.note(number, every_key, "starts");
  auto* const over = plan_.second_level ? &network_ : nullptr;
  return std::make_unique<sim_process>(number, over, plan_, time_, oracle_, seed_ * 1000 + number + 1);
}

sim_process& world::one_that(function_ref<bool(const sim_process&)> has) {
  std::size_t count = 0;
  for (const auto& each : processes_) count += has(*each) ? 1 : 0;
  auto which = random_.below(count);
  for (const auto& each : processes_) {
    if (has(*each) && which-- == 0) return *each;
  }
  std::abort();
}

bool world::quiet() const {
  if (begun_ < plan_.operations || !network_.requests().empty() || !network_.replies().empty()) return false;
  if (!turns_.all().empty() || !changed_.empty() || polled_) return false;
  for (const auto& each : processes_) {
    if (each->busy != 0 || each->front.size() != 0 || each->background.size() != 0) return false;
    if (each->link != nullptr && (!each->link->pushes().empty() || !each->link->up())) return false;
  }
  return true;
}

void world::run_work() {
  auto& in =
      one_that([](const sim_process& each) { return each.front.size() + each.background.size() != 0; });
  if (in.background.size() == 0 || (in.front.size() != 0 && random_.percent(50))) {
    in.front.run(0);
  } else {
    in.background.run(random_.below(in.background.size()));
  }
}

fate world::draw_fate(const request& of) {
  if (ending_ || !of.answer || !random_.percent(plan_.store_faults)) return fate::done;
  return random_.one_of({fate::lost, fate::unanswered, fate::late, fate::refused, fate::corrupted});
}

void world::run_network() {
  const auto requests = network_.requests().size();
  const auto which = random_.below(requests + network_.replies().size());
  if (which >= requests) {
    network_.arrive(which - requests);
    return;
  }
  const auto meets = draw_fate(network_.requests()[which]);
  network_.meet(which, meets, random_.next());
}

void world::tell_push() {
  one_that([](const sim_process& each) { return each.link && !each.link->pushes().empty(); }).link->tell();
}

void world::run_turn() {
  const auto& all = turns_.all();
  std::size_t due = 0;
  for (const auto& each : all) due += each.not_before <= time_.now() ? 1 : 0;
  auto which = random_.below(due);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].not_before <= time_.now() && which-- == 0) {
      turns_.go(i);
      return;
    }
  }
}

void world::fire_timer() {
  one_that([&](const sim_process& each) {
    return !each.timer.empty() && each.timer.next() <= time_.now();
  }).timer.fire();
}

void world::write_source(unsigned key, bool present) {
  oracle_.write(key, present);
  if (plan_.relayed) changed_.insert(key);
}

/// The relay polls the changes, or publishes the polled ones.
void world::relay() {
  if (!polled_) {
    polled_ = poll{std::exchange(changed_, {}), time_.now(), step_};
    return;
  }
  std::vector<std::string> names;
  for (const auto key : polled_->keys) names.push_back(plan_.keys[key].stored);
  log_.note(no_process, every_key, "the relay tells what was committed before {} ms",
            std::chrono::duration_cast<std::chrono::milliseconds>(polled_->at.time_since_epoch()).count());
  seen_("relayed change");
  network_.relay(names, polled_->at);
  polled_.reset();
}

void world::pass_time(bool to_next) {
  auto by = random_.one_of<duration>({1ms, 10ms, 100ms, 1s, 10s});
  if (to_next) {
    auto next = time_point::max();
    for (const auto& each : processes_) {
      if (!each->timer.empty()) next = std::min(next, each->timer.next());
    }
    for (const auto& each : turns_.all()) next = std::min(next, each.not_before);
    if (next == time_point::max()) {
      if (polled_) return;
      for (const auto& each : processes_) {
        if (each->busy != 0) oracle_.hangs(each->number);
      }
      return;
    }
    by = next - time_.now();
  }
  time_.advance(by);
  // "Nothing has changed" is published too, but not while messages are in flight: it would never end.
  const bool told = std::ranges::all_of(
      processes_, [](const auto& each) { return !each->link || each->link->pushes().empty(); });
  if (plan_.relayed && !polled_ && changed_.empty() && told) polled_ = poll{{}, time_.now(), step_};
  for (const auto& each : processes_) {
    if (random_.percent(20)) each->cache->maintain();
  }
}

void world::reconnect() {
  one_that([](const sim_process& each) { return each.link && !each.link->up(); }).link->restore();
}

void world::misfortune() {
  if (ending_ || !plan_.second_level) return;
  const auto chosen = random_.below(10'000);
  if (chosen < plan_.connection_losses) {
    auto& unlucky = *processes_[random_.below(processes_.size())];
    if (!unlucky.link->up()) return;
    log_.note(unlucky.number, every_key, "loses its connection");
    seen_("lost connection");
    unlucky.link->lose(random_);
  } else if (chosen < plan_.connection_losses + plan_.restarts) {
    log_.note(no_process, every_key, "the store is replaced by an empty one");
    seen_("emptied store");
    network_.start_empty(random_);
  } else if (chosen < plan_.connection_losses + plan_.restarts + plan_.crashes) {
    auto& unlucky = processes_[random_.below(processes_.size())];
    log_.note(unlucky->number, every_key, "dies");
    seen_("dead process");
    bury(*unlucky);
    unlucky = make_process();
  } else if (chosen < plan_.connection_losses + plan_.restarts + plan_.crashes + plan_.dead_holders) {
    const auto key = static_cast<unsigned>(random_.below(plan_.keys.size()));
    if (!network_.leave_lease(plan_.keys[key].stored, random_.one_of<duration>({1s, 8s, 30s}))) return;
    log_.note(no_process, key, "a process that has died holds the lease");
    seen_("lease of a dead process");
  }
}

/// Destroys the task of an operation, wherever it waits.
void world::drop_caller() {
  if (ending_ || drops_.below(10'000) >= plan_.drops) return;
  std::vector<std::pair<sim_process*, std::list<test::abandonable>::iterator>> waiting;
  for (const auto& each : processes_) {
    auto& callers = each->callers;
    std::erase_if(callers, [](const auto& caller) { return caller.done(); });
    for (auto at = callers.begin(); at != callers.end(); ++at) waiting.emplace_back(each.get(), at);
  }
  if (waiting.empty()) return;
  const auto& [in, at] = waiting[drops_.below(waiting.size())];
  log_.note(in->number, every_key, "a caller is dropped");
  seen_("dropped caller");
  oracle_.caller_dropped(in->number);
  --in->busy;
  in->callers.erase(at);
}

/// Ends the work of a process that can no longer affect anything.
void world::bury(sim_process& which) {
  which.dead = true;
  if (which.link) which.link->cut(random_);
  // Its timers fire while an operation waits, and a little longer for background work. The loop does not
  // wait for work that retries its store for ever.
  int rounds = 0;
  for (bool more = true; more;) {
    more = false;
    for (; which.front.size() != 0; more = true) which.front.run(0);
    for (; which.background.size() != 0; more = true) which.background.run(0);
    for (std::size_t i = 0; i < turns_.all().size(); ++i) {
      if (turns_.all()[i].process != which.number) continue;
      turns_.go(i);
      more = true;
      break;
    }
    if (!more && !which.timer.empty() && ++rounds < (which.busy != 0 ? 10'000 : 100)) {
      which.time.run_ahead_to(which.timer.next());
      which.timer.fire();
      more = true;
    }
  }
  if (which.busy != 0) oracle_.hangs(which.number);
  which.callers.clear();
  which.cache = nullptr;
}

void world::step() {
  ++step_;
  time_.advance(std::chrono::nanoseconds(1));  // no two things happen at the same time
  misfortune();
  drop_caller();
  unsigned work = 0;
  unsigned pushes = 0;
  unsigned timers = 0;
  unsigned down = 0;
  bool idle = false;
  for (const auto& each : processes_) {
    work += each->front.size() + each->background.size();
    pushes += each->link && !each->link->pushes().empty() ? 1 : 0;
    timers += !each->timer.empty() && each->timer.next() <= time_.now() ? 1 : 0;
    down += each->link && !each->link->up() ? 1 : 0;
    idle = idle || each->busy < plan_.sessions;
  }
  unsigned turns = 0;
  for (const auto& each : turns_.all()) turns += each.not_before <= time_.now() ? 1 : 0;
  const auto traffic = static_cast<unsigned>(network_.requests().size() + network_.replies().size());
  const bool relays = polled_ ? step_ >= polled_->step + plan_.relay_lag : !changed_.empty();
  const std::array<unsigned, 9> weights{work * plan_.work_weight,
                                        traffic * plan_.network_weight,
                                        pushes * plan_.push_weight,
                                        turns * plan_.source_weight,
                                        timers * 4,
                                        down,
                                        relays ? plan_.relay_weight : 0,
                                        begun_ < plan_.operations && idle ? plan_.begin_weight : 0,
                                        work == 0 ? plan_.time_weight : 0};
  const auto others = std::accumulate(weights.begin(), weights.end(), 0u) - weights.back();
  if (others == 0) {
    pass_time(true);
    return;
  }
  auto chosen = random_.below(others + weights.back());
  std::size_t which = 0;
  while (chosen >= weights[which]) chosen -= weights[which++];
  switch (which) {
    case 0:
      return run_work();
    case 1:
      return run_network();
    case 2:
      return tell_push();
    case 3:
      return run_turn();
    case 4:
      return fire_timer();
    case 5:
      return reconnect();
    case 6:
      return relay();
    case 7:
      return begin_operation();
    default:
      return pass_time(false);
  }
}

void world::settle() {
  const auto limit = step_ + most_steps;
  while (!quiet() && !failed()) {
    step();
    oracle_.forcing.reset();
    if (step_ > limit) oracle_.hangs(0);
  }
}

void world::run() {
  settle();
  if (failed()) return;
  ending_ = true;
  log_.note(no_process, every_key, "all is well, and everybody reads everything once more");
  for (auto& each : processes_) {
    for (unsigned k = 0; k < plan_.keys.size(); ++k) begin(*each, read(*each, k, read_kind::get_or_set));
  }
  settle();
  for (auto& each : processes_) bury(*each);
}

}  // namespace strata::simulator
