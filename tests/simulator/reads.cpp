/// The oracle's rules for what a read may return.

#include "tests/simulator/oracle.hpp"

#include <algorithm>
#include <charconv>

namespace strata::simulator {

namespace {

constexpr duration rounding = std::chrono::milliseconds(2);

/// The fetch whose number `value` carries: "fetch key padding".
std::optional<std::pair<fetch_number, unsigned>> read_value(std::string_view value) {
  fetch_number number = 0;
  unsigned key = 0;
  const char* const end = value.data() + value.size();
  const auto first = std::from_chars(value.data(), end, number);
  if (first.ec != std::errc() || first.ptr == end) return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, key);
  if (second.ec != std::errc() || second.ptr == end) return std::nullopt;
  if (std::string_view(second.ptr + 1, end).find_first_not_of('.') != std::string_view::npos) {
    return std::nullopt;
  }
  return std::pair(number, key);
}

}  // namespace

read_start oracle::read_begins(unsigned process, unsigned key, bool in_flight) {
  auto& here = at(process, key);
  if (!in_flight || !here.waiting_since) here.waiting_since = time_.now();
  return {.hard = here.hard,
          .soft = here.soft,
          .asof = here.asof,
          .fetched = here.fetched,
          .seen = here.seen,
          .refreshed = here.refreshed,
          .at = time_.now(),
          .waiting_since = *here.waiting_since,
          .disturbances = here.disturbances};
}

bool oracle::excused(const fetch_record& given, const bound& by) const {
  // `set` means "true as of now", which is the time of the lease it then gets. It may overtake another
  // process's invalidation that begins meanwhile. To prevent that, take a ticket before the commit.
  const auto& writer = operations_[given.op];
  return given.set && operations_[by.by].process != writer.process && writer.began <= by.step &&
         (!writer.ended || *writer.ended >= by.step);
}

void oracle::read_ends(unsigned process, unsigned key, op_number op, const read_start& start,
                       const lookup<std::string>& answer, bool refresh) {
  const auto& info = answer.info();
  if (answer.failure() != nullptr) {
    seen_("failure");
    check_failure(process, key, op, answer.failure()->detail);
    return;
  }
  if (info.from == layer::none) {
    log_.note(process, key, "operation {} finds nothing of {}: {}", op, keys_[key].where.key.text(),
              name(info.reason));
    seen_("miss of get");
    return;
  }
  if (info.stale) seen_("stale answer");
  if (info.shared) seen_("shared answer");
  if (info.reason == miss_reason::fenced) seen_("fenced answer");
  seen_(name(info.from));
  if (answer) {
    check_value(process, key, op, start, answer);
  } else {
    log_.note(process, key, "operation {} learns from {} that there is no {}", op, name(info.from),
              keys_[key].where.key.text());
    seen_("known absence");
    check_absent(process, key, start, info.stale);
  }
  if (answer && (info.hit() || info.stored)) check_order(process, key, op, start, answer);
  // It has cleared an older value from the store, which voids flights again once the store has answered.
  if (info.from == layer::source && !info.stored) disturb(process, key, true);
  if (refresh && info.from == layer::source) {
    seen_("refreshed");
    auto& here = at(process, key);
    here.refreshed = std::max(here.refreshed, operations_[op].began);
  }
  if (answer && trust_ && !info.stale) check_seen(process, key, op, start, answer);
}

/// A value from before a change that a reader of the same process has seen.
void oracle::check_seen(unsigned process, unsigned key, op_number op, const read_start& start,
                        const lookup<std::string>& answer) {
  const auto read = read_value(*answer);
  if (!read || fetches_[read->first].set)
    return;  // `set` means "true as of now", and other processes may know a newer value
  const auto fetched = fetches_[read->first].read;
  const bool changed = std::ranges::any_of(
      history_[key], [&](const auto& each) { return each.first > fetched && each.first <= start.seen; });
  if (changed) {
    broken("no fresh read goes back in time", process, key,
           fmt::format("operation {} gets what was read in step {} from {}; what was read in step {} was "
                       "returned before it began",
                       op, fetched, name(answer.info().from), start.seen));
  }
  auto& here = at(process, key);
  here.seen = std::max(here.seen, fetched);
}

/// A value as of an earlier time than a value seen before, with a change of the source in between.
void oracle::check_order(unsigned process, unsigned key, op_number op, const read_start& start,
                         const lookup<std::string>& answer) {
  const auto& info = answer.info();
  const auto read = read_value(*answer);
  if (!read) return;
  const auto fetched = fetches_[read->first].read;
  const bool changed = std::ranges::any_of(
      history_[key], [&](const auto& each) { return each.first > fetched && each.first <= start.fetched; });
  if (info.asof < start.asof && changed) {
    broken("no going back in time", process, key,
           fmt::format("operation {} gets what was read in step {} and is as of {} from {}, after what was "
                       "read in step {} and is as of {}",
                       op, fetched, info.asof, name(info.from), start.fetched, start.asof));
  }
  auto& here = at(process, key);
  if (info.asof > here.asof || (info.asof == here.asof && fetched > here.fetched)) {
    here.asof = info.asof;
    here.fetched = fetched;
  }
}

void oracle::check_value(unsigned process, unsigned key, op_number op, const read_start& start,
                         const lookup<std::string>& answer) {
  const auto& info = answer.info();
  const auto read = read_value(*answer);
  if (!read || read->second != key || read->first >= fetches_.size()) {
    broken("no wrong value", process, key, fmt::format("operation {} gets \"{:.60}\"", op, *answer));
    return;
  }
  const auto& from = fetches_[read->first];
  log_.note(process, key, "operation {} gets fetch {} from {}{}", op, read->first, name(info.from),
            info.stale ? ", stale" : "");
  if (from.unleased) seen_(info.stored ? "value kept beside a lease" : "value read without a lease");
  if (!from.done) {
    broken("no wrong value", process, key,
           fmt::format("operation {} gets what fetch {} did not return", op, read->first));
  }
  if (from.skipped && info.hit()) {
    broken("no wrong value", process, key, fmt::format("fetch {} was not to be cached", read->first));
  }
  if (from.read < start.hard.step && !excused(from, start.hard)) {
    broken("no value from before an invalidation", process, key,
           fmt::format("operation {} gets fetch {}, read from the source in step {}; operation {} has since "
                       "invalidated it, in step {}",
                       op, read->first, from.read, start.hard.by, start.hard.step));
  }
  if (!info.stale && from.read < start.soft.step && !excused(from, start.soft)) {
    broken("nothing expired is called fresh", process, key,
           fmt::format("operation {} gets fetch {}, read from the source in step {}; operation {} has since "
                       "expired it, in step {}",
                       op, read->first, from.read, start.soft.by, start.soft.step));
  }
  const auto& writer = operations_[from.op];
  const bool written_since =
      committed_.contains(from.op) && (!writer.ended || *writer.ended >= start.refreshed);
  if (!info.stale && !from.set && !written_since && from.read < start.refreshed) {
    broken("a refresh replaces what was read before it", process, key,
           fmt::format("operation {} gets fetch {}, read from the source in step {}; a refresh that began in "
                       "step {} has returned",
                       op, read->first, from.read, start.refreshed));
  }
  auto created = from.created;
  if (from.open) created = operations_[from.op].ended_at.value_or(time_.now());
  auto fresh_end = std::max(created + from.life + rounding, touched_until_[key]);
  if (touching_[key] != 0) fresh_end = std::max(fresh_end, time_.now() + touch_ttl_[key]);
  if (info.stale) {
    check_stale(process, key, start, fresh_end);
  } else if (start.at >= fresh_end) {
    broken("no value beyond its time", process, key,
           fmt::format("operation {} gets fetch {} as fresh, {} ms after its time", op, read->first,
                       std::chrono::duration_cast<std::chrono::milliseconds>(start.at - fresh_end).count()));
  }
}

void oracle::check_stale(unsigned process, unsigned key, const read_start& start, time_point fresh_end) {
  const auto& rules = *keys_[key].where.policy;
  const auto late = [&](time_point end) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(start.at - end).count();
  };
  if (rules.stale_window() == duration::zero()) {
    broken("no value beyond its stale window", process, key, "it is served stale, and has no stale window");
  }
  const auto end = fresh_end + rules.stale_window();
  if (start.at >= end) {
    broken("no value beyond its stale window", process, key,
           fmt::format("it is served {} ms after the end of its stale window", late(end)));
  }
  if (rules.stale_while_revalidate > duration::zero() &&
      start.at < fresh_end + rules.stale_while_revalidate) {
    return;
  }
  // Longer only while its source fails.
  const auto& trouble = at(process, key).trouble;
  const bool failed = trouble && start.at <= *trouble + rules.throttle + rules.stale_while_revalidate;
  const auto waited = time_.now() - start.waiting_since;
  const bool slow =
      rules.has_timeouts() &&
      waited >= (rules.soft_timeout > duration::zero() ? rules.soft_timeout : rules.hard_timeout);
  // A hard timeout is a failure, after which the value is served for the throttle.
  if (rules.hard_timeout > duration::zero() && waited >= rules.hard_timeout)
    at(process, key).trouble = time_.now();
  if (!failed && !slow && !limited_) {
    broken(
        "no stale value without need", process, key,
        fmt::format("it is served {} ms after its time, and its source is not in trouble", late(fresh_end)));
  }
}

void oracle::check_absent(unsigned process, unsigned key, const read_start& start, bool stale) {
  const auto since = stale ? start.hard.step : std::max(start.hard.step, start.soft.step);
  bool absent = history_[key].empty() || history_[key].front().first > since;
  for (std::size_t i = 0; i < history_[key].size(); ++i) {
    const bool over = i + 1 < history_[key].size() && history_[key][i + 1].first <= since;
    if (!history_[key][i].second && !over) absent = true;
  }
  if (!absent) {
    broken("no value from before an invalidation", process, key,
           fmt::format("it is said not to exist, but it did ever since step {}", since));
  }
  auto end = std::max(absent_until_[key], touched_until_[key]);
  if (touching_[key] != 0) end = std::max(end, time_.now() + touch_ttl_[key]);
  if (start.at >= end && absences_[key] == 0)
    broken("no value beyond its time", process, key, "its absence is remembered for too long");
}

void oracle::check_failure(unsigned process, unsigned key, op_number op, const std::string& what) {
  const auto& rules = *keys_[key].where.policy;
  const auto& began = operations_[op];
  const bool failed = at(process, key).factory_failed >= began.began;
  const bool late = rules.hard_timeout > duration::zero() && time_.now() - began.at >= rules.hard_timeout;
  log_.note(process, key, "operation {} fails: {}", op, what);
  if (failed || late || limited_) return;
  broken("no failure while the source is well", process, key,
         fmt::format("operation {} fails: {}", op, what));
}

void oracle::read_throws(unsigned process, std::span<const unsigned> keys, op_number op,
                         const std::string& what) {
  seen_("exception");
  for (const auto key : keys) {
    if (at(process, key).factory_failed >= operations_[op].began) return;
  }
  check_failure(process, keys.front(), op, what);
}

}  // namespace strata::simulator
