/// The operations of the processes of a simulation. Long because it has every operation, and what each owes
/// the oracle.

#include "core/glob.hpp"
#include "engine/floors.hpp"
#include "tests/simulator/world.hpp"

namespace strata::simulator {

namespace {

using namespace std::chrono_literals;
using strata::detail::floor_table;

}  // namespace

turns::awaiter world::turn(const sim_process& in) {
  const bool slow = !in.dead && random_.percent(plan_.slow_sources);
  return turns_.wait(
      in.number, time_.now() + (slow ? random_.one_of<duration>({10ms, 100ms, 1s, 40s}) : duration::zero()));
}

std::string world::value_of(fetch_number number, unsigned key) {
  return fmt::format("{} {} {}", number, key, std::string(random_.below(plan_.padding), '.'));
}

std::vector<unsigned> world::covered_by(std::uint32_t bucket) const {
  std::vector<unsigned> found;
  for (unsigned k = 0; k < plan_.keys.size(); ++k) {
    if (plan_.keys[k].buckets.contains(bucket)) found.push_back(k);
  }
  return found;
}

/// An operation, from its begin to its end or to the drop of its caller.
class world::running_operation {
 public:
  running_operation(world& in, sim_process& process)
      : in_(in), process_(process), op_(in.oracle_.begins(process.number)) {}
  running_operation(const running_operation&) = delete;
  running_operation& operator=(const running_operation&) = delete;
  ~running_operation() {
    for (const auto key : *absent_) {
      in_.oracle_.absence(key, false, in_.plan_.keys[key].where.policy->negative_ttl);
    }
    // A write that is dropped removes its keys.
    for (const auto key : writes_) {
      if (!process_.dead) in_.oracle_.binds(op_, key, false, true);
      in_.oracle_.writing(process_.number, key, false);
    }
    if (!ended_ && !process_.dead) in_.oracle_.ends(op_);
  }

  op_number number() const noexcept { return op_; }
  void writes(std::vector<unsigned> keys) {
    writes_ = std::move(keys);
    for (const auto key : writes_) in_.oracle_.writing(process_.number, key, true);
  }
  /// The cache has written the keys.
  void wrote() {
    for (const auto key : writes_) in_.oracle_.writing(process_.number, key, false);
    writes_.clear();
  }
  /// The keys that it has reported as not found.
  const std::shared_ptr<std::vector<unsigned>>& absent() const noexcept { return absent_; }
  void ends() {
    ended_ = true;
    in_.oracle_.ends(op_);
  }

 private:
  world& in_;
  sim_process& process_;
  op_number op_;
  std::vector<unsigned> writes_;
  const std::shared_ptr<std::vector<unsigned>> absent_ = std::make_shared<std::vector<unsigned>>();
  bool ended_ = false;
};

/// Fetches that have begun; those that are dropped end as well.
class world::running_fetches {
 public:
  explicit running_fetches(oracle& listener) : listener_(listener) {}
  running_fetches(const running_fetches&) = delete;
  running_fetches& operator=(const running_fetches&) = delete;
  ~running_fetches() {
    for (const auto each : numbers_) listener_.fetch_gone(each);
  }
  void add(fetch_number which) { numbers_.push_back(which); }

 private:
  oracle& listener_;
  std::vector<fetch_number> numbers_;
};

/// The factory of one key: a request to the source, and its reply.
struct world::source_call {
  world* in;
  sim_process* process;
  unsigned key;
  op_number op;
  read_start start;

  task<result<std::optional<std::string>>> operator()(fill_context& context) {
    auto& all = in->oracle_;
    const auto& rules = *in->plan_.keys[key].where.policy;
    if (process->dead) throw std::runtime_error("the process is dead");
    const auto number = all.fetch(process->number, key, op, start, false);
    running_fetches running(all);
    running.add(number);
    co_await in->turn(*process);
    if (process->dead) throw std::runtime_error("the process is dead");
    all.fetch_reads(number);
    const bool present = all.present(key);
    if (in->random_.percent(70)) co_await in->turn(*process);
    if (process->dead) throw std::runtime_error("the process is dead");
    if (!in->ending_ && in->random_.percent(in->plan_.source_faults)) {
      all.fetch_ends(number, false, present, {});
      if (in->random_.percent(30)) throw std::domain_error("the source throws");
      if (in->random_.percent(50)) co_return fail(errc::database_unavailable, "the source fails");
      context.fail({errc::database_unavailable, "the source says that it fails"});
      co_return std::optional<std::string>();
    }
    auto life = present ? rules.ttl : rules.negative_ttl;
    if (in->random_.percent(in->plan_.relayed ? 30 : 10)) {
      context.skip();
      all.fetched(number).skipped = true;
    } else if (in->random_.percent(10)) {
      life = in->random_.one_of<duration>({50ms, 20s});
      context.set_ttl(life);
    }
    all.fetch_ends(number, true, present, life);
    if (!present) co_return std::optional<std::string>();
    co_return in->value_of(number, key);
  }
};

/// The factory of several keys.
struct world::batch_call {
  world* in;
  sim_process* process;
  std::vector<unsigned> keys;
  op_number op;
  std::vector<read_start> starts;
  std::shared_ptr<std::vector<unsigned>> absent;  ///< the keys it reported as not found

  task<result<std::vector<std::optional<std::string>>>> operator()(std::span<const std::size_t> missing,
                                                                   fill_context&) {
    auto& all = in->oracle_;
    if (process->dead) throw std::runtime_error("the process is dead");
    std::vector<std::pair<fetch_number, unsigned>> asked;
    running_fetches running(all);
    for (const auto index : missing) {
      asked.emplace_back(all.fetch(process->number, keys[index], op, starts[index], true), keys[index]);
      running.add(asked.back().first);
    }
    co_await in->turn(*process);
    if (process->dead) throw std::runtime_error("the process is dead");
    std::vector<bool> present;
    for (const auto& [number, key] : asked) {
      all.fetch_reads(number);
      present.push_back(all.present(key));
    }
    co_await in->turn(*process);
    if (process->dead) throw std::runtime_error("the process is dead");
    const bool fails = !in->ending_ && in->random_.percent(in->plan_.source_faults);
    std::vector<std::optional<std::string>> out;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto [number, key] = asked[i];
      const auto& rules = *in->plan_.keys[key].where.policy;
      all.fetched(number).open = true;
      all.fetch_ends(number, !fails, present[i], present[i] ? rules.ttl : rules.negative_ttl);
      if (!fails && !present[i]) {
        all.absence(key, true, {});
        absent->push_back(key);
      }
      out.push_back(present[i] ? std::optional(in->value_of(number, key)) : std::nullopt);
    }
    if (fails && in->random_.percent(50)) throw std::domain_error("the source throws");
    if (fails) co_return fail(errc::database_unavailable, "the source fails");
    co_return std::move(out);
  }
};

void world::begin(sim_process& in, task<> work) {
  ++in.busy;
  in.callers.push_back(run(in, std::move(work)));
  in.callers.back().start(in.front);
}

test::abandonable world::run(sim_process& in, task<> work) {
  co_await std::move(work);
  --in.busy;
}

task<> world::read(sim_process& in, unsigned key, read_kind kind) {
  running_operation running(*this, in);
  const auto op = running.number();
  auto start = oracle_.read_begins(in.number, key, in.cache->stats().flights > 0);
  const auto where = plan_.keys[key].where;
  const bool refresh = kind == read_kind::refresh;
  if (refresh) {
    oracle_.refreshing(in.number, key);
    start.refreshed = step_;
  }
  log_.note(in.number, key, "operation {}: {} {}", op,
            kind == read_kind::get          ? "get"
            : kind == read_kind::get_or_set ? "get_or_set"
                                            : "refresh",
            where.key.text());
  source_call factory{this, &in, key, op, start};
  try {
    auto pending = kind == read_kind::get          ? in.cache->get(where)
                   : kind == read_kind::get_or_set ? in.cache->get_or_set(where, std::move(factory))
                                                   : in.cache->refresh(where, std::move(factory));
    const auto answer = co_await std::move(pending);
    if (!in.dead) oracle_.read_ends(in.number, key, op, start, answer, refresh);
  } catch (const std::exception& thrown) {
    if (!in.dead) oracle_.read_throws(in.number, {&key, 1}, op, thrown.what());
  }
  if (refresh && !in.dead) oracle_.refreshing(in.number, key);
  running.ends();
}

/// Reads a key before and after a writer without a cache has changed it.
task<> world::look_again(sim_process& in, unsigned key) {
  co_await read(in, key, read_kind::get_or_set);
  if (in.dead) co_return;
  write_source(key, true);
  co_await read(in, key, read_kind::refresh);
  if (in.dead) co_return;
  co_await read(in, key, read_kind::get_or_set);
}

task<> world::read_many(sim_process& in, std::vector<unsigned> keys, bool fill) {
  running_operation running(*this, in);
  const auto op = running.number();
  std::vector<read_start> starts;
  std::vector<typed_key<std::string>> wanted;
  for (const auto key : keys) {
    log_.note(in.number, key, "operation {}: {} … {}", op, fill ? "get_or_set_many" : "get_many",
              plan_.keys[key].where.key.text());
    starts.push_back(oracle_.read_begins(in.number, key, in.cache->stats().flights > 0));
    wanted.push_back(plan_.keys[key].where);
  }
  batch_call factory{this, &in, keys, op, starts, running.absent()};
  try {
    auto pending = fill ? in.cache->get_or_set_many(wanted, std::move(factory)) : in.cache->get_many(wanted);
    const auto answers = co_await std::move(pending);
    running.ends();
    for (std::size_t i = 0; i < keys.size() && !in.dead; ++i) {
      oracle_.read_ends(in.number, keys[i], op, starts[i], answers[i]);
    }
  } catch (const std::exception& thrown) {
    running.ends();
    if (!in.dead) oracle_.read_throws(in.number, keys, op, thrown.what());
  }
}

task<> world::invalidate(sim_process& in, unsigned key, unsigned kind) {
  if (random_.percent(80)) write_source(key, random_.percent(85));
  if (random_.percent(50)) co_await turn(in);
  if (in.dead) co_return;
  running_operation running(*this, in);
  const auto op = running.number();
  const auto& where = plan_.keys[key].where.key;
  const auto tag = plan_.keys[random_.below(plan_.keys.size())].where.policy->tags.back();
  std::vector<unsigned> covered;
  std::string name;
  switch (kind) {
    case 0:
      covered = {key};
      name = where.text();
      break;
    case 1:
      name = plan_.keys[key].where.policy->tags.back();
      covered = covered_by(floor_table::tag_bucket(name));
      break;
    case 2:
      name = where.text().substr(0, where.text().rfind(':'));
      covered = covered_by(floor_table::prefix_bucket(name));
      break;
    case 3:
      name = fmt::format("i*:{}", key);
      for (unsigned k = 0; k < plan_.keys.size(); ++k) {
        if (glob_matches(name, plan_.keys[k].where.key.text())) covered.push_back(k);
      }
      break;
    case 4:
      covered = covered_by(floor_table::root);
      break;
    default:  // a key, and the tag of perhaps others
      name = where.text();
      covered = covered_by(floor_table::tag_bucket(tag));
      if (std::ranges::find(covered, key) == covered.end()) covered.push_back(key);
  }
  constexpr std::array<std::string_view, 6> names{"remove",         "remove_by_tag", "remove_by_prefix",
                                                  "remove_pattern", "clear",         "invalidate"};
  const auto by_key = [&](unsigned k) { return kind == 0 || kind == 3 || (kind == 5 && k == key); };
  for (const auto k : covered) {
    log_.note(in.number, k, "operation {}: {} {}", op, names[kind], name);
    oracle_.binds(op, k, false, by_key(k));
  }
  auto pending = kind == 0   ? in.cache->remove(where)
                 : kind == 1 ? in.cache->remove_by_tag(name)
                 : kind == 2 ? in.cache->remove_by_prefix(name)
                 : kind == 3 ? in.cache->remove_pattern(name)
                 : kind == 4 ? in.cache->clear()
                             : in.cache->invalidate({.keys = {where}, .tags = {tag}});
  co_await std::move(pending);
  if (in.dead) co_return;
  for (const auto k : covered) {
    log_.note(in.number, k, "operation {} has returned", op);
    oracle_.bound_by(op, k, false, by_key(k));
  }
  running.ends();
}

task<> world::expire(sim_process& in, unsigned key, unsigned kind) {
  running_operation running(*this, in);
  const auto op = running.number();
  const auto& where = plan_.keys[key].where.key;
  const auto tag = plan_.keys[key].where.policy->tags.front();
  const auto covered = kind == 0   ? std::vector{key}
                       : kind == 1 ? covered_by(floor_table::tag_bucket(tag))
                       : kind == 2 ? covered_by(floor_table::prefix_bucket("item"))
                                   : covered_by(floor_table::root);
  for (const auto k : covered) {
    log_.note(in.number, k, "operation {}: expire, by way {}", op, kind);
    oracle_.binds(op, k, true, kind == 0);
  }
  auto pending = kind == 0   ? in.cache->expire(where)
                 : kind == 1 ? in.cache->expire_by_tag(tag)
                 : kind == 2 ? in.cache->expire_by_prefix("item")
                             : in.cache->expire_all();
  co_await std::move(pending);
  if (in.dead) co_return;
  for (const auto k : covered) oracle_.bound_by(op, k, true, kind == 0);
  running.ends();
}

task<> world::set(sim_process& in, std::vector<unsigned> keys) {
  running_operation running(*this, in);
  const auto op = running.number();
  const auto committed = step_;
  std::vector<std::pair<typed_key<std::string>, std::string>> values;
  for (const auto key : keys) {
    const auto where = plan_.keys[key].where;
    write_source(key, true);
    const auto number = oracle_.given(in.number, key, op, committed, where.policy->ttl);
    oracle_.fetched(number).set = true;
    log_.note(in.number, key, "operation {}: set {} to fetch {}", op, where.key.text(), number);
    oracle_.binds(op, key, false, true);
    values.emplace_back(where, value_of(number, key));
  }
  running.writes(keys);
  oracle_.forcing = op;
  std::size_t stored = 0;
  if (keys.size() == 1) {
    auto pending = in.cache->set(values.front().first, std::move(values.front().second));
    stored = co_await std::move(pending) ? 1 : 0;
  } else {
    auto pending = in.cache->set_many(std::move(values));
    stored = co_await std::move(pending);
  }
  running.wrote();
  for (const auto key : keys) {
    if (in.dead) continue;
    log_.note(in.number, key, "operation {} has returned: {} stored", op, stored);
    oracle_.bound_by_write(op, key, committed);
  }
  if (!in.dead) running.ends();
  const bool roomy = plan_.padding < 100;
  for (const auto key : keys) {
    const auto& rules = *plan_.keys[key].where.policy;
    const bool early = rules.eager_refresh > 0 || rules.xfetch_beta > 0;
    const auto life = std::chrono::duration_cast<duration>(rules.ttl * (1 - rules.jitter));
    if (!in.dead && !plan_.second_level && roomy && !early && stored == keys.size()) {
      oracle_.kept(op, key, life);
    }
  }
}

task<> world::write(sim_process& in, unsigned key) {
  running_operation running(*this, in);
  const auto op = running.number();
  const auto where = plan_.keys[key].where;
  log_.note(in.number, key, "operation {}: begin_write {}", op, where.key.text());
  running.writes({key});
  oracle_.forcing = op;
  std::optional<cache::write_ticket> ticket = co_await in.cache->begin_write(where);
  co_await turn(in);
  const bool aborts = random_.percent(plan_.aborted_writes);
  const bool commits = !in.dead && (!aborts || random_.percent(50));
  const bool present = random_.percent(85);
  const auto committed = step_;
  if (commits) {
    write_source(key, present);
    co_await turn(in);
  }
  if (aborts || in.dead) {
    log_.note(in.number, key, "operation {} gives up its ticket", op);
    oracle_.binds(op, key, false, true);
    ticket.reset();
    running.wrote();
    running.ends();
    co_return;
  }
  const auto number = oracle_.given(in.number, key, op, committed, where.policy->ttl);
  log_.note(in.number, key, "operation {}: set_committed {} to {}", op, where.key.text(),
            present ? fmt::format("fetch {}", number) : "nothing");
  oracle_.binds(op, key, false, true);
  if (!present) {
    oracle_.absence(key, true, {});
    running.absent()->push_back(key);
  }
  auto value = present ? std::make_shared<const std::string>(value_of(number, key)) : nullptr;
  auto pending = in.cache->set_committed(std::move(*ticket), where, std::move(value));
  const bool stored = co_await std::move(pending);
  running.wrote();
  if (in.dead) co_return;
  log_.note(in.number, key, "operation {} has returned: {}", op, stored ? "stored" : "not stored");
  oracle_.bound_by_write(op, key, committed);
  running.ends();
}

task<> world::touch(sim_process& in, unsigned key) {
  const auto ttl = random_.one_of<duration>({100ms, 10s});
  log_.note(in.number, key, "touch {}", plan_.keys[key].where.key.text());
  struct touching {
    oracle& listener;
    unsigned key;
    duration ttl;
    ~touching() { listener.touching(key, false, ttl); }
  };
  oracle_.touching(key, true, ttl);
  const touching running{oracle_, key, ttl};
  auto pending = in.cache->touch(plan_.keys[key].where, ttl);
  co_await std::move(pending);
}

std::vector<unsigned> world::some_keys(unsigned or_this) {
  std::vector<unsigned> keys;
  for (unsigned k = 0; k < plan_.keys.size(); ++k) {
    if (random_.percent(60)) keys.push_back(k);
  }
  if (keys.empty()) keys.push_back(or_this);
  return keys;
}

void world::begin_operation() {
  ++begun_;
  auto& in = one_that([&](const sim_process& each) { return each.busy < plan_.sessions; });
  const auto key = static_cast<unsigned>(random_.below(plan_.keys.size()));
  if (plan_.relayed && random_.percent(10)) return write_source(key, random_.percent(85));
  if (plan_.relayed && random_.percent(10)) return begin(in, look_again(in, key));
  const auto chosen = random_.below(100);
  if (chosen < 40) return begin(in, read(in, key, read_kind::get_or_set));
  if (chosen < 45) return begin(in, read(in, key, read_kind::get));
  if (chosen < 49) return begin(in, read(in, key, read_kind::refresh));
  if (chosen < 57) {
    return begin(in, read_many(in, some_keys(key), chosen < 55));
  }
  if (chosen < 75) return begin(in, invalidate(in, key, static_cast<unsigned>(random_.below(12)) % 6));
  if (chosen < 81) return begin(in, expire(in, key, static_cast<unsigned>(random_.below(4))));
  if (chosen < 84) return begin(in, set(in, {key}));
  if (chosen < 87) return begin(in, set(in, some_keys(key)));
  if (chosen < 98) return begin(in, write(in, key));
  begin(in, touch(in, key));
}

}  // namespace strata::simulator
