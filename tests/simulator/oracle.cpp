/// Checks every read. Long because the rules of all kinds of read share one model of the store.

#include "tests/simulator/oracle.hpp"

#include "core/glob.hpp"

#include <algorithm>

namespace strata::simulator {

namespace {

using testing::store_call;

/// The store keeps lives in milliseconds.
constexpr duration rounding = std::chrono::milliseconds(2);

/// After one more refusal a follower loads for itself; the first may result from events before its read.
constexpr unsigned patience_of_followers = 3;

std::string_view result_name(fill_result what) {
  switch (what) {
    case fill_result::stored:
      return "stored";
    case fill_result::lease_lost:
      return "the lease is lost";
    case fill_result::below_floor:
      return "below the lease's floor";
    default:
      return "older than what is stored";
  }
}

}  // namespace

oracle::oracle(const std::vector<sim_key>& keys, const clock& time, const step_number& step, duration lease,
               bool limited, std::optional<duration> trust, event_log& log, tally& seen)
    : keys_(keys),
      time_(time),
      step_(step),
      lease_(lease),
      limited_(limited),
      trust_(trust),
      log_(log),
      seen_(seen) {
  history_.resize(keys.size());
  stored_.resize(keys.size());
  touching_.resize(keys.size());
  touch_ttl_.resize(keys.size());
  touched_until_.resize(keys.size());
  absent_until_.resize(keys.size());
  absences_.resize(keys.size());
}

void oracle::broken(std::string_view rule, unsigned process, unsigned key, const std::string& how) {
  log_.note(process, key, "BROKEN: {}: {}", rule, how);
  if (failed_) return;
  failed_ = failure{.step = step_,
                    .rule = std::string(rule),
                    .key = key,
                    .how = fmt::format("{} in process {}: {}", keys_[key].where.key.text(), process, how)};
}

void oracle::starts(unsigned process, bool second_level) {
  if (processes_.size() <= process) processes_.resize(process + 1);
  auto& fresh = processes_[process];
  fresh = {};
  fresh.second_level = second_level;
  fresh.keys.resize(keys_.size());
  if (trust_) fresh.trusts_until = time_point::min();
  if (!second_level) return;
  for (unsigned k = 0; k < keys_.size(); ++k) {
    fresh.keys[k].hard = stored_[k].hard;
    fresh.keys[k].soft = stored_[k].soft;
  }
}

void oracle::serves(unsigned process, bool does) {
  if (processes_.size() <= process) return;
  log_.note(process, every_key, "{} from the store", does ? "serves" : "does not serve");
  processes_[process].serves = does;
  processes_[process].out_of_step = step_;
}

op_number oracle::begins(unsigned process) {
  operations_.push_back({.process = process, .began = step_, .at = time_.now()});
  return operations_.size() - 1;
}

void oracle::ends(op_number op) {
  operations_[op].ended = step_;
  operations_[op].ended_at = time_.now();
}

void oracle::write(unsigned key, bool present) {
  history_[key].emplace_back(step_, present);
  log_.note(no_process, key, "source: {} {}", keys_[key].where.key.text(),
            present ? "is written" : "is deleted");
}

void oracle::disturb(unsigned process, unsigned key, bool voids) {
  auto& here = at(process, key);
  ++here.disturbances;
  here.kept_by = 0;
  if (voids) here.voided = step_;
}

void oracle::caller_dropped(unsigned process) {
  for (unsigned k = 0; k < keys_.size(); ++k) disturb(process, k, true);
}

void oracle::binds(op_number op, unsigned key, bool soft, bool voids) {
  auto& here = at(operations_[op].process, key);
  (soft ? here.begun_soft : here.begun_hard).raise({step_, op});
  disturb(operations_[op].process, key, voids);
}

void oracle::bound_by(op_number op, unsigned key, bool soft, bool voids) {
  const auto process = operations_[op].process;
  auto& here = at(process, key);
  disturb(process, key, voids);
  const bound began{operations_[op].began, op};
  (soft ? here.soft : here.hard).raise(began);
}

void oracle::bound_by_write(op_number op, unsigned key, step_number committed) {
  const auto process = operations_[op].process;
  disturb(process, key, true);
  if (processes_[process].second_level) {
    const auto& there = stored_[key];
    if (std::max({there.hard.step, there.hard_floor.step, there.written.step}) < committed) return;
  }
  at(process, key).hard.raise({committed, op});
}

void oracle::writing(unsigned process, unsigned key, bool begins) {
  auto& here = at(process, key);
  here.writing += begins ? 1 : -1u;
  disturb(process, key, true);
}

void oracle::kept(op_number op, unsigned key, duration life) {
  auto& here = at(operations_[op].process, key);
  if (here.writing != 0 || touching_[key] != 0) return;
  here.kept_by = op;
  here.kept_until = operations_[op].at + life - rounding;
}

void oracle::absence(unsigned key, bool begins, duration life) {
  absences_[key] += begins ? 1 : -1u;
  if (!begins) absent_until_[key] = std::max(absent_until_[key], time_.now() + life + rounding);
}

void oracle::touching(unsigned key, bool begins, duration ttl) {
  for (auto& each : processes_) each.keys[key].kept_by = 0;
  if (begins) {
    ++touching_[key];
    touch_ttl_[key] = std::max(touch_ttl_[key], ttl);
  } else {
    --touching_[key];
    touched_until_[key] = std::max(touched_until_[key], time_.now() + ttl + rounding);
  }
}

fetch_number oracle::fetch(unsigned process, unsigned key, op_number op, const read_start& start,
                           bool batch) {
  auto& here = at(process, key);
  const auto& rules = *keys_[key].where.policy;
  const auto& began = operations_[op];
  const bool unshared = batch || here.disturbances - start.disturbances >= patience_of_followers;
  for (const auto other : here.running) {
    const auto& running = fetches_[other];
    const auto& led = operations_[running.op];
    const auto waited = time_.now() - std::min(led.at, began.at);
    const bool abandoned = rules.hard_timeout > duration::zero() && waited >= rules.hard_timeout;
    const bool voided =
        here.writing != 0 || here.invalidating != 0 || here.voided >= std::min(led.began, began.began);
    if (unshared || running.unshared || running.behind || abandoned || voided) continue;
    broken("one factory call at a time", process, key,
           fmt::format("operation {} calls the factory while the call of operation {} (step {}) runs", op,
                       running.op, running.began));
  }
  const bool after_set = here.kept_by != 0 && began.began > *operations_[here.kept_by].ended;
  if (after_set && began.at < here.kept_until) {
    broken("what was set stays", process, key,
           fmt::format("operation {} calls the factory, and operation {} has set a value", op, here.kept_by));
  }
  const auto& at_large = processes_[process];
  // Its reader is gone, and no timeout let it go: a refresh in the background, which waits for no lease.
  const bool renewal = began.ended && !rules.has_timeouts() && !batch;
  if (at_large.second_level && renewal && here.leases.empty() && at_large.unsent < began.began) {
    broken("one refresh among all processes", process, key,
           fmt::format("the refresh for operation {} calls the factory without the key's lease", op));
  }
  if (at_large.second_level && !batch && !unshared && here.leases.empty()) {
    auto patience = std::min(lease_, cache_options().l2_timeout);
    if (rules.hard_timeout > duration::zero()) patience = std::min(patience, rules.hard_timeout);
    const bool store_away = !at_large.serves || at_large.out_of_step >= began.began ||
                            here.store_failed >= began.began || at_large.unsent >= began.began ||
                            time_.now() >= at_large.trusts_until || at_large.trusts_since >= began.began;
    if (!store_away && time_.now() - began.at < patience) {
      broken("one factory call among all processes", process, key,
             fmt::format("operation {} calls the factory without the key's lease, and the store is up", op));
    }
  }
  const bool unleased = at_large.second_level && here.leases.empty();
  fetches_.push_back(
      {.process = process, .key = key, .op = op, .began = step_, .unshared = unshared, .unleased = unleased});
  const auto number = fetches_.size() - 1;
  here.running.push_back(number);
  log_.note(process, key, "fetch {} of {} begins, for operation {}", number, keys_[key].where.key.text(), op);
  return number;
}

void oracle::fetch_ends(fetch_number which, bool done, bool present, duration life) {
  auto& ended = fetches_[which];
  auto& here = at(ended.process, ended.key);
  std::erase(here.running, which);
  ended.done = done;
  ended.life = life;
  ended.created = time_.now();
  if (done) {
    for (const auto other : here.running) fetches_[other].behind = true;
  }
  if (!done) {
    here.factory_failed = step_;
    here.trouble = time_.now();
  } else if (!present) {
    absent_until_[ended.key] = std::max(absent_until_[ended.key], time_.now() + life + rounding);
  }
  log_.note(ended.process, ended.key, "fetch {} {}", which,
            !done     ? "fails"
            : present ? fmt::format("returns what was read in step {}", ended.read)
                      : "returns nothing");
}

fetch_number oracle::given(unsigned process, unsigned key, op_number op, step_number committed,
                           duration life) {
  committed_[op] = committed;
  fetches_.push_back({.process = process,
                      .key = key,
                      .op = op,
                      .began = step_,
                      .read = committed,
                      .done = true,
                      .open = true,
                      .life = life});
  return fetches_.size() - 1;
}

std::optional<unsigned> oracle::key_of(std::string_view stored) const {
  for (unsigned k = 0; k < keys_.size(); ++k) {
    if (keys_[k].stored == stored) return k;
  }
  return std::nullopt;
}

void oracle::apply(unsigned process, const claim& what) {
  auto& here = at(process, what.key);
  (what.soft ? here.soft : here.hard).raise(what.at);
}

std::uint64_t oracle::sent(const subject& what) {
  std::vector<claim> claims;
  const auto claim_all = [&](unsigned k, bool soft, bool floor) {
    const auto& here = at(what.process, k);
    auto reached = here.begun_hard;
    if (soft) reached.raise(here.begun_soft);
    claims.push_back({k, reached, soft, floor});
  };
  const bool soft = what.call == store_call::expire || what.soft;
  switch (what.call) {
    case store_call::invalidate:
    case store_call::expire:
    case store_call::raise:
    case store_call::apply:
      for (const auto& name : what.keys) {
        const auto k = key_of(name);
        if (!k) continue;
        claim_all(*k, soft, false);
        ++at(what.process, *k).invalidating;
      }
      for (const auto& floor : what.floors) {
        for (unsigned k = 0; k < keys_.size(); ++k) {
          if (keys_[k].buckets.contains(floor.bucket)) claim_all(k, floor.soft, true);
        }
      }
      break;
    case store_call::invalidate_matching:
      for (unsigned k = 0; k < keys_.size(); ++k) {
        if (glob_matches(what.keys.front(), keys_[k].stored)) claim_all(k, false, false);
      }
      break;
    case store_call::fill:
    case store_call::fill_many:
    case store_call::release:
      for (std::size_t i = 0; i < what.keys.size(); ++i) {
        const auto k = key_of(what.keys[i]);
        if (!k) continue;
        at(what.process, *k).leases.erase(what.leases[i]);
        const auto write = written_by_.find({*k, what.leases[i]});
        if (what.call != store_call::release && write != written_by_.end()) {
          claims.push_back({*k, {committed_[write->second], write->second}, true, false, true});
        }
      }
      break;
    default:
      break;
  }
  for (const auto& name : what.keys) {
    const auto k = key_of(name);
    log_.note(what.process, k ? *k : every_key, "request {}: {} {}", what.id, testing::name(what.call), name);
  }
  for (const auto& floor : what.floors) {
    log_.note(what.process, every_key, "request {}: raise {}floor {}", what.id, floor.soft ? "soft " : "",
              floor.bucket);
  }
  const bool forces = what.call == store_call::force_lease || what.call == store_call::force_lease_many;
  if (forcing && forces) forced_[what.id] = *forcing;
  notes_.push_back(std::move(claims));
  return notes_.size() - 1;
}

void oracle::unsent(unsigned process) {
  processes_[process].unsent = step_;
}

std::uint64_t oracle::executing(const subject& what) {
  if (what.call == store_call::floors) {
    for (unsigned k = 0; k < keys_.size(); ++k) {
      notes_[what.note].push_back({k, stored_[k].hard_floor, false, true});
      notes_[what.note].push_back({k, stored_[k].soft_floor, true, true});
    }
  }
  return what.note;
}

void oracle::executed(const subject& what, std::span<const lease_token> leases,
                      std::span<const fill_result> filled) {
  const auto k = what.keys.empty() ? std::nullopt : key_of(what.keys.front());
  log_.note(what.process, k ? *k : every_key, "request {} ({}) is executed", what.id,
            testing::name(what.call));
  for (std::size_t i = 0; i < filled.size(); ++i) {
    const auto each = key_of(what.keys[i]);
    log_.note(what.process, each ? *each : every_key, "request {}: {} {}", what.id, what.keys[i],
              result_name(filled[i]));
    if (filled[i] == fill_result::stored) continue;
    seen_("refused fill");
    if (!each) continue;
    std::erase_if(notes_[what.note], [&](const claim& one) { return one.key == *each; });
    disturb(what.process, *each, false);
  }
  const auto write = forced_.find(what.id);
  for (std::size_t i = 0; i < leases.size(); ++i) {
    if (leases[i] == 0) continue;
    const auto each = key_of(what.keys[i]);
    log_.note(what.process, each ? *each : every_key, "request {}: lease {}", what.id, leases[i]);
    granted_[what.id] = leases[i];
    if (each && write != forced_.end()) written_by_[{*each, leases[i]}] = write->second;
  }
  if (what.call == store_call::touch && k) {
    touched_until_[*k] = std::max(touched_until_[*k], time_.now() + touch_ttl_[*k] + rounding);
  }
  if (what.call == store_call::floors) return;
  for (const auto& each : notes_[what.note]) {
    auto& there = stored_[each.key];
    auto& place = each.soft ? (each.floor ? there.soft_floor : there.soft)
                            : (each.floor ? there.hard_floor : there.hard);
    place.raise(each.at);
    if (each.write) there.written.raise(each.at);
  }
}

void oracle::answered(const subject& what, const std::optional<error>& failure) {
  const auto k = what.keys.empty() ? std::nullopt : key_of(what.keys.front());
  log_.note(what.process, k ? *k : every_key, "request {} ({}) is answered{}", what.id,
            testing::name(what.call), failure ? ": " + failure->detail : "");
  // The invalidating process repeats it after the store has confirmed, and voids flights again.
  const bool invalidates = what.call == store_call::invalidate || what.call == store_call::expire ||
                           what.call == store_call::apply;
  for (const auto& name : what.keys) {
    const auto each = key_of(name);
    if (!invalidates || !each) continue;
    disturb(what.process, *each, true);
    --at(what.process, *each).invalidating;
  }
  for (const auto& floor : what.floors) {
    for (unsigned each = 0; each < keys_.size(); ++each) {
      if (keys_[each].buckets.contains(floor.bucket)) disturb(what.process, each, true);
    }
  }
  if (failure) {
    seen_("store error");
    for (const auto& floor : what.floors) {
      for (unsigned each = 0; each < keys_.size(); ++each) {
        if (keys_[each].buckets.contains(floor.bucket)) at(what.process, each).floor_unheard = step_;
      }
    }
    for (const auto& name : what.keys) {
      if (const auto each = key_of(name)) {
        at(what.process, *each).store_failed = step_;
        disturb(what.process, *each, false);
      }
    }
    return;
  }
  if (what.call == store_call::floors) {
    for (const auto& each : notes_[what.note]) apply(what.process, each);
  }
  const bool reader = what.call == store_call::acquire || what.call == store_call::take_lease ||
                      (what.call == store_call::force_lease && !forced_.contains(what.id));
  if (const auto lease = granted_.find(what.id); reader && k && lease != granted_.end()) {
    at(what.process, *k).leases.insert(lease->second);
  }
}

void oracle::told(unsigned process, const push& what) {
  const auto k = key_of(what.key);
  log_.note(process, k ? *k : every_key, "is told that {}",
            what.what == push::kind::changed    ? what.key + " has changed"
            : what.what == push::kind::replaced ? what.key + " was replaced"
            : what.what == push::kind::floor    ? fmt::format("floor {} was raised", what.floor.bucket)
            : what.what == push::kind::source   ? std::string("it has been told of the source's changes")
                                                : std::string("it may have missed changes"));
  if (what.what == push::kind::source) {
    auto& here = processes_[process];
    if (time_.now() >= here.trusts_until) here.trusts_since = step_;
    here.trusts_until = what.source + *trust_;
  }
  for (const auto& each : notes_[what.note]) {
    // A key may be reported for another reason before the floor is: then it says nothing of the floor.
    if (what.what == push::kind::floor || (k && each.key == *k && !each.floor)) apply(process, each);
  }
  if (k) disturb(process, *k, false);
  if (what.what == push::kind::floor) {
    for (unsigned each = 0; each < keys_.size(); ++each) {
      if (keys_[each].buckets.contains(what.floor.bucket)) disturb(process, each, false);
    }
  }
}

void oracle::told_lost(unsigned process) {
  log_.note(process, every_key, "is connected again, and told that it may have missed changes");
  if (trust_) processes_[process].trusts_until = time_point::min();
  for (unsigned k = 0; k < keys_.size(); ++k) {
    auto& here = at(process, k);
    here.hard.raise(stored_[k].hard);
    here.hard.raise(stored_[k].hard_floor);
    here.soft.raise(stored_[k].soft);
    here.soft.raise(stored_[k].soft_floor);
    disturb(process, k, true);
  }
}

}  // namespace strata::simulator
