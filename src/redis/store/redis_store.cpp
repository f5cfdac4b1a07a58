/// Long because one class implements the whole store port; its steps share the clock, the leases and the
/// session.

#include "redis/store/redis_store.hpp"

#include "async/gather.hpp"
#include "core/atomic_max.hpp"
#include "core/entry_format.hpp"
#include "core/glob.hpp"
#include "redis/store/inspection.hpp"
#include "redis/store/store_replies.hpp"
#include "redis/topology/cluster.hpp"
#include "redis/topology/single_node.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace strata::redis {

namespace {

script_call release_call(std::string_view key, lease_token lease, std::string_view origin) {
  script_call out{.which = &scripts::release, .keys = {lease_name(key)}, .arguments = {}};
  out.arguments = {hex16(lease), std::string(key), std::string(origin)};
  return out;
}

coherence_options notifying(coherence_options options, std::function<void()> ready) {
  options.ready = std::move(ready);
  return options;
}

/// Whether a script failed because a key and its lease are on two masters while their slot moves.
bool is_split(const reply& answer) {
  return answer.is_error() && answer.error().code == "TRYAGAIN";
}

std::unique_ptr<topology> make_topology(runtime& on, redis_store_options with, coherence_session& session) {
  const auto& time = *with.coherence.time;
  if (with.cluster) {
    return std::make_unique<cluster>(on, std::move(*with.cluster), std::move(with.connection),
                                     session.subscription(), session, time);
  }
  return std::make_unique<single_node>(on, std::move(with.connection), std::move(with.found_by),
                                       session.subscription(), session, time);
}

/// `number` in digits that give it back exactly.
std::string exact(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

/// The text of `glob` before its first special character, and then `*`: the pattern for SCAN. We match the
/// keys it returns ourselves, so that globs mean the same in every store.
std::string scan_pattern(std::string_view glob) {
  const auto end = std::min(glob.find_first_of("*?[\\"), glob.size());
  return std::string(glob.substr(0, end)) + '*';
}

}  // namespace

redis_store::redis_store(std::shared_ptr<runtime> on, redis_store_options with)
    : runtime_(std::move(on)),
      session_(notifying(with.coherence,
                         [this] {
                           if (orphaned_leases_.empty()) return;
                           start(nullptr, release_orphaned_leases(), [](const completion<void>&) {});
                         })),
      topology_(make_topology(*runtime_, std::move(with), session_)) {
  session_.start_on(*topology_);
}

redis_store::~redis_store() {
  session_.stop();
  topology_->stop();
}

result<void> redis_store::may_use(std::string_view key) const {
  if (!is_ours(key)) {
    return fail(errc::invalid_argument, "store: the key does not begin with \"" + session_.names().prefix +
                                            "\", the store's name_space: the store reports no changes of it");
  }
  if (key.size() > longest_key) {
    return fail(errc::invalid_argument, "store: a key has at most " + std::to_string(longest_key) +
                                            " bytes, not " + std::to_string(key.size()));
  }
  return session_.usable();
}

result<void> redis_store::may_use(std::span<const std::string> keys) const {
  for (const auto& each : keys) {
    if (auto may = may_use(each); !may) return may;
  }
  return session_.usable();
}

std::optional<stored_value> redis_store::value_of(resp::value&& reply) const {
  return to_stored_value(std::move(reply), session_.epoch(), session_.server_now());
}

task<result<std::optional<stored_value>>> redis_store::get(std::string_view key) {
  if (auto may = may_use(key); !may) co_return std::unexpected(std::move(may.error()));
  auto answer = co_await topology_->send(key, resp::command("GET").arg(key), idempotent);
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  if (answer->is_error() && !is_of_another_type(*answer)) co_return std::unexpected(to_error(*answer));
  // Again: the reply may come from another server than the one checked above.
  if (auto may = session_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  co_return value_of(std::move(*answer));
}

task<result<std::vector<std::optional<stored_value>>>> redis_store::get_many(
    std::span<const std::string> keys) {
  std::vector<std::optional<stored_value>> out;
  if (keys.empty()) co_return out;
  if (auto may = may_use(keys); !may) co_return std::unexpected(std::move(may.error()));
  auto replies = co_await topology_->send_each("GET", keys, idempotent);
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  if (auto may = session_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  out.reserve(keys.size());
  for (auto& each : *replies) {
    if (each.is_error() && !is_of_another_type(each)) co_return std::unexpected(to_error(each));
    out.push_back(value_of(std::move(each)));
  }
  co_return out;
}

task<result<redis_store::clock_reading>> redis_store::read_clock(commit_time known, bool increment) {
  session_.learn(known);
  auto call = clock_call(scripts::read_clock,
                         {std::to_string(known), increment ? "floor" : "time", topology_->view()});
  co_return co_await run_on_clock(std::move(call));
}

task<result<redis_store::clock_reading>> redis_store::run_on_clock(script_call call) {
  const auto answer = co_await run_one(*topology_, std::move(call), idempotent);
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->is_error()) co_return std::unexpected(to_error(*answer));
  const auto items = answer->items();
  if (items.size() != 2) co_return std::unexpected(unexpected_reply("a script on the clock"));
  const clock_reading out{.now = static_cast<commit_time>(items[0].integer().value_or(0)),
                          .epoch = static_cast<std::uint32_t>(items[1].integer().value_or(0))};
  session_.learn(out.now);
  detail::atomic_max(confirmed_, out.now);
  co_return out;
}

script_call redis_store::key_call(const scripts::of_keys& which, std::vector<std::string> keys) const {
  const bool remote_clock = topology_->has_remote_clock();
  script_call out{.which = &which.select(remote_clock), .keys = std::move(keys), .arguments = {}};
  if (!remote_clock) out.keys.push_back(session_.names().clock);
  return out;
}

script_call redis_store::clock_call(const script& which, std::vector<std::string> arguments) const {
  script_call out{.which = &which, .keys = {session_.names().clock}, .arguments = std::move(arguments)};
  if (which.publishes) out.arguments.emplace_back(session_.origin());
  return out;
}

result<acquire_result> redis_store::to_acquire_result(reply&& answer, const std::string& token) {
  acquire_result out;
  if (is_split(answer)) {
    // No caller can get it now: this one runs its factory, and its fill is refused.
    out.lease = std::stoull(token, nullptr, 16);
  } else if (answer.is_error()) {
    return std::unexpected(to_error(answer));
  } else if (answer.is_text()) {
    out.value = value_of(std::move(answer));
  } else {
    const auto granted = to_lease_grant(answer, token);
    out.lease = granted.lease;
    out.granted_at = session_.learn(granted.granted_at);
  }
  return out;
}

task<result<std::vector<acquire_result>>> redis_store::acquire_leases(std::vector<std::string> keys,
                                                                      duration hold, commit_time known,
                                                                      std::string_view mode) {
  session_.learn(known);
  std::vector<std::string> tokens;
  auto out = co_await try_acquire(keys, hold, known, mode, tokens);
  if (out) co_return out;
  // Some may have been granted, or may be later: the server is slow, or another server failed.
  for (std::size_t i = 0; i < keys.size(); ++i) {
    orphaned_leases_.add(keys[i], std::stoull(tokens[i], nullptr, 16));
  }
  start(nullptr, release_orphaned_leases(), [](const completion<void>&) {});
  co_return std::unexpected(std::move(out.error()));
}

task<result<std::vector<acquire_result>>> redis_store::try_acquire(std::span<const std::string> keys,
                                                                   duration hold, commit_time known,
                                                                   std::string_view mode,
                                                                   std::vector<std::string>& tokens) {
  std::vector<script_call> calls;
  for (const auto& each : keys) {
    tokens.push_back(tokens_.next());
    calls.push_back(key_call(scripts::lease, {each, lease_name(each)}));
    calls.back().arguments = {tokens.back(), in_ms(hold), std::to_string(known), std::string(mode),
                              std::to_string(session_.epoch())};
  }
  batch_options how;
  how.request = idempotent;
  auto replies = co_await topology_->run(std::move(calls), std::move(how));
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  std::vector<acquire_result> out;
  for (std::size_t i = 0; i < replies->size(); ++i) {
    auto got = to_acquire_result(std::move((*replies)[i]), tokens[i]);
    if (!got) {
      refusal_.note(got.error());
      co_return std::unexpected(std::move(got.error()));
    }
    out.push_back(std::move(*got));
  }
  const auto is_value = [](const acquire_result& each) { return each.value.has_value(); };
  if (!topology_->has_remote_clock() || std::ranges::all_of(out, is_value)) co_return out;
  // After the leases: an invalidation that reached a key before its lease has a floor below this time.
  const auto at = co_await read_clock(known);
  if (!at) co_return std::unexpected(at.error());
  for (auto& each : out) {
    if (!is_value(each)) each.granted_at = at->now;
  }
  co_return out;
}

task<result<acquire_result>> redis_store::acquire(std::string_view key, duration hold, commit_time known) {
  auto found = co_await get(key);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (*found) co_return acquire_result{.value = std::move(*found)};
  auto got = co_await acquire_leases({std::string(key)}, hold, known, "miss");
  if (!got) co_return std::unexpected(std::move(got.error()));
  co_return std::move(got->front());
}

task<result<std::vector<acquire_result>>> redis_store::acquire_many(std::span<const std::string> keys,
                                                                    duration hold, commit_time known) {
  auto found = co_await get_many(keys);
  if (!found) co_return std::unexpected(std::move(found.error()));
  std::vector<acquire_result> out(keys.size());
  std::vector<std::size_t> places;
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    out[i].value = std::move((*found)[i]);
    if (out[i].value) continue;
    places.push_back(i);
    missing.push_back(keys[i]);
  }
  if (missing.empty()) co_return out;
  auto got = co_await acquire_leases(std::move(missing), hold, known, "miss");
  if (!got) co_return std::unexpected(std::move(got.error()));
  for (std::size_t m = 0; m < places.size(); ++m) out[places[m]] = std::move((*got)[m]);
  co_return out;
}

task<result<lease_grant>> redis_store::acquire_lease(std::string_view key, duration hold, commit_time known,
                                                     std::string_view mode) {
  if (auto may = may_use(key); !may) co_return std::unexpected(std::move(may.error()));
  const auto got = co_await acquire_leases({std::string(key)}, hold, known, mode);
  if (!got) co_return std::unexpected(got.error());
  co_return lease_grant{.lease = got->front().lease, .granted_at = got->front().granted_at};
}

task<result<lease_grant>> redis_store::take_lease(std::string_view key, duration hold, commit_time known) {
  return acquire_lease(key, hold, known, "take");
}

task<result<lease_grant>> redis_store::force_lease(std::string_view key, duration hold, commit_time known) {
  return acquire_lease(key, hold, known, "force");
}

task<result<std::vector<lease_grant>>> redis_store::force_lease_many(std::span<const std::string> keys,
                                                                     duration hold, commit_time known) {
  std::vector<std::string> all;
  for (const auto& each : keys) {
    if (auto may = may_use(each); !may) co_return std::unexpected(std::move(may.error()));
    all.push_back(each);
  }
  const auto got = co_await acquire_leases(std::move(all), hold, known, "force");
  if (!got) co_return std::unexpected(got.error());
  std::vector<lease_grant> out;
  for (const auto& each : *got) out.push_back({.lease = each.lease, .granted_at = each.granted_at});
  co_return out;
}

script_call redis_store::fill_call(const fill_request& value) const {
  const auto epoch = session_.epoch();
  const auto ttl = in_ms(value.ttl);
  const value_header header{
      .epoch = epoch, .asof = value.asof, .end = session_.server_now() + std::stoull(ttl)};
  auto out = key_call(scripts::fill, {std::string(value.key), lease_name(value.key)});
  out.arguments = {hex16(value.lease),
                   std::to_string(epoch),
                   std::to_string(value.asof),
                   ttl,
                   encode_value(header, value.bytes),
                   session_.only_read() ? "read" : "",
                   std::string(session_.origin())};
  return out;
}

task<result<std::vector<resp::value>>> redis_store::run_fills(std::vector<script_call> calls) {
  batch_options how;
  // A fill is idempotent: the second time the lease is gone.
  how.request = idempotent;
  std::vector<std::string> keys;
  keys.reserve(calls.size());
  for (const auto& each : calls) keys.push_back(each.keys[0]);
  how.on_reply = [this, keys = std::move(keys)](std::size_t i, const reply& answer) {
    if (answer.integer() == 0) session_.filled(keys[i]);
  };
  // Started on no executor, so that on_reply runs on the thread of the pushes, before the push that follows a
  // reply.
  std::vector<task<result<std::vector<resp::value>>>> alone;
  alone.push_back(topology_->run(std::move(calls), std::move(how)));
  auto ended = co_await detail::gather(std::move(alone));
  co_return std::move(ended.front());
}

task<result<std::vector<fill_result>>> redis_store::fill_many(std::span<const fill_request> fills) {
  std::vector<fill_result> out;
  if (fills.empty()) co_return out;
  auto replies = co_await try_fills(fills);
  if (!replies) {
    for (const auto& each : fills) orphaned_leases_.add(each.key, each.lease);
    co_return std::unexpected(std::move(replies.error()));
  }
  bool split = false;
  for (std::size_t i = 0; i < fills.size(); ++i) {
    if (is_split((*replies)[i])) {  // the lease may exist, and no caller should wait for it
      split = true;
      orphaned_leases_.add(fills[i].key, fills[i].lease);
      out.push_back(fill_result::lease_lost);
      continue;
    }
    auto ended = to_fill_result((*replies)[i]);
    if (!ended) {
      refusal_.note(ended.error());
      co_return std::unexpected(std::move(ended.error()));
    }
    refusal_.end();
    out.push_back(*ended);
  }
  if (split) co_await release_orphaned_leases();
  co_return out;
}

task<result<std::vector<resp::value>>> redis_store::try_fills(std::span<const fill_request> fills) {
  commit_time newest = 0;
  std::vector<script_call> calls;
  for (const auto& each : fills) {
    if (auto may = may_use(each.key); !may) co_return std::unexpected(std::move(may.error()));
    newest = std::max(newest, session_.learn(each.asof));
  }
  // No stored value may be newer than the clock.
  if (topology_->has_remote_clock() && newest > confirmed_.load()) {
    if (const auto at = co_await read_clock(newest); !at) co_return std::unexpected(at.error());
  }
  for (const auto& each : fills) calls.push_back(fill_call(each));
  co_return co_await run_fills(std::move(calls));
}

task<result<fill_result>> redis_store::fill(fill_request value) {
  const auto ended = co_await fill_many({&value, 1});
  if (!ended) co_return std::unexpected(ended.error());
  co_return ended->front();
}

task<result<void>> redis_store::release(std::string_view key, lease_token lease) {
  if (auto may = may_use(key); !may) {
    orphaned_leases_.add(key, lease);
    co_return std::unexpected(std::move(may.error()));
  }
  const auto answer = co_await run_one(*topology_, release_call(key, lease, session_.origin()), idempotent);
  if (!answer) {
    orphaned_leases_.add(key, lease);
    co_return std::unexpected(answer.error());
  }
  if (answer->is_error()) co_return std::unexpected(to_error(*answer));
  co_return result<void>();
}

task<result<bool>> redis_store::renew(std::string_view key, lease_token lease, duration hold) {
  if (auto may = may_use(key); !may) co_return std::unexpected(std::move(may.error()));
  script_call call{.which = &scripts::renew, .keys = {lease_name(key)}, .arguments = {}};
  call.arguments = {hex16(lease), in_ms(hold)};
  const auto reply = co_await run_one(*topology_, std::move(call), idempotent);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  co_return reply->integer() == 1;
}

task<> redis_store::release_orphaned_leases() {
  const auto orphans = orphaned_leases_.take();
  if (orphans.empty()) co_return;
  // Under no process's origin, so that waiters of this process are notified as well.
  const auto no_origin = hex16(0);
  std::vector<script_call> calls;
  for (const auto& each : orphans) calls.push_back(release_call(each.key, each.lease, no_origin));
  batch_options how;
  how.request = idempotent;
  const auto done = co_await topology_->run(std::move(calls), std::move(how));
  if (done) co_return;
  for (const auto& each : orphans) orphaned_leases_.add(each.key, each.lease);
}

std::vector<script_call> redis_store::invalidate_calls(std::span<const std::string> keys,
                                                       const clock_reading& at, std::string_view mode) const {
  std::vector<script_call> calls;
  const auto add = [&](std::vector<std::string> names) {
    calls.push_back(key_call(scripts::invalidate, std::move(names)));
    calls.back().arguments = {std::to_string(at.now), std::string(mode), std::to_string(at.epoch),
                              std::string(session_.origin())};
  };
  if (topology_->has_remote_clock()) {
    // One name each, since a moving slot would split a script; the lease first, see
    // `batch_options::in_order`.
    for (const auto& each : keys) {
      add({lease_name(each)});
      add({each});
    }
    return calls;
  }
  for (std::size_t i = 0; i < keys.size() || calls.empty(); i += batch_size) {
    std::vector<std::string> names;
    for (const auto& each : keys.subspan(i, std::min(batch_size, keys.size() - i))) {
      names.push_back(lease_name(each));
      names.push_back(each);
    }
    add(std::move(names));
  }
  return calls;
}

task<result<commit_time>> redis_store::change(std::span<const std::string> keys, commit_time at_least,
                                              std::string_view mode, std::size_t* removed) {
  if (auto may = may_use(keys); !may) co_return std::unexpected(std::move(may.error()));
  clock_reading at{.now = at_least, .epoch = session_.epoch()};
  if (topology_->has_remote_clock() && mode != "sweep") {
    const auto floor = co_await read_clock(at_least, true);
    if (!floor) co_return std::unexpected(floor.error());
    at = *floor;
  }
  auto calls = invalidate_calls(keys, at, mode);
  if (calls.empty()) co_return at.now;
  co_return co_await run_changes(std::move(calls), removed);
}

task<result<commit_time>> redis_store::run_changes(std::vector<script_call> calls, std::size_t* removed) {
  batch_options how;
  how.request = idempotent;
  how.in_order = true;
  const auto replies = co_await topology_->run(std::move(calls), std::move(how));
  if (!replies) co_return std::unexpected(replies.error());
  commit_time floor = 0;
  for (const auto& each : *replies) {
    if (each.is_error()) co_return std::unexpected(to_error(each));
    const auto items = each.items();
    if (items.size() != 2) co_return std::unexpected(unexpected_reply("script invalidate"));
    floor = std::max(floor, static_cast<commit_time>(items[0].integer().value_or(0)));
    if (removed != nullptr) *removed += static_cast<std::size_t>(items[1].integer().value_or(0));
  }
  co_return session_.learn(floor);
}

task<result<commit_time>> redis_store::invalidate(std::span<const std::string> keys, commit_time at_least) {
  return change(keys, at_least, "remove", nullptr);
}

task<result<commit_time>> redis_store::expire(std::span<const std::string> keys, commit_time at_least) {
  return change(keys, at_least, "expire", nullptr);
}

task<result<taken_value>> redis_store::take(std::string_view key, commit_time at_least) {
  if (auto may = may_use(key); !may) co_return std::unexpected(std::move(may.error()));
  clock_reading at{.now = at_least, .epoch = session_.epoch()};
  if (topology_->has_remote_clock()) {
    const auto floor = co_await read_clock(at_least, true);
    if (!floor) co_return std::unexpected(floor.error());
    at = *floor;
  }
  const std::array names{std::string(key)};
  batch_options how;
  how.in_order = true;  // and not idempotent: a repeated call would find nothing, and the value would be lost
  auto replies = co_await topology_->run(invalidate_calls(names, at, "take"), std::move(how));
  if (!replies) co_return std::unexpected(replies.error());
  taken_value out;
  for (auto& each : *replies) {
    if (each.is_error()) co_return std::unexpected(to_error(each));
    const auto items = each.items();
    if (items.size() < 2) co_return std::unexpected(unexpected_reply("script invalidate"));
    out.floor = std::max(out.floor, static_cast<commit_time>(items[0].integer().value_or(0)));
    if (items.size() > 2 && items[2].is_text()) {
      out.value = value_of(resp::value::text(resp::kind::bulk_string, std::string(items[2].text())));
    }
  }
  session_.learn(out.floor);
  co_return out;
}

task<result<void>> redis_store::sweep(std::string pattern, std::string_view glob, bool leases,
                                      sweep_result& done) {
  co_return co_await topology_->scan(
      std::move(pattern), [&](std::vector<std::string> names) -> task<result<void>> {
        std::vector<std::string> keys;
        for (const auto& each : names) {
          const auto key = leases ? key_of_lease(each) : std::optional<std::string_view>(each);
          if (key && is_ours(*key) && glob_matches(glob, *key)) keys.emplace_back(*key);
        }
        if (keys.empty()) co_return result<void>();
        const auto swept = co_await change(keys, done.floor, "sweep", &done.removed);
        if (!swept) co_return std::unexpected(swept.error());
        co_return result<void>();
      });
}

task<result<sweep_result>> redis_store::invalidate_matching(std::string_view glob, commit_time at_least) {
  // The floor first, then the leases, then the values. A fill after we passed its lease is refused; a fill
  // before that left a value for the second pass.
  const auto floor = co_await change({}, at_least, "remove", nullptr);
  if (!floor) co_return std::unexpected(floor.error());
  sweep_result done{.removed = 0, .floor = *floor};
  const auto fenced = co_await sweep(session_.names().lease_pattern, glob, true, done);
  if (!fenced) co_return std::unexpected(fenced.error());
  const auto removed = co_await sweep(scan_pattern(glob), glob, false, done);
  if (!removed) co_return std::unexpected(removed.error());
  co_return done;
}

task<result<bool>> redis_store::touch(std::string_view key, duration ttl) {
  if (auto may = may_use(key); !may) co_return std::unexpected(std::move(may.error()));
  auto call = key_call(scripts::touch, {std::string(key)});
  const auto longer = in_ms(ttl);
  call.arguments = {longer, encode_end(session_.server_now() + std::stoull(longer)),
                    std::to_string(session_.epoch())};
  const auto reply = co_await run_one(*topology_, std::move(call), idempotent);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  co_return reply->integer() == 1;
}

task<result<commit_time>> redis_store::counter_after(script_call call) {
  if (auto may = session_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  const auto reply = co_await run_one(*topology_, std::move(call), idempotent);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  const auto counter = reply->integer();
  if (!counter) co_return std::unexpected(unexpected_reply("a script on floors"));
  co_return session_.learn(static_cast<commit_time>(*counter));
}

script_call redis_store::raise_call(std::span<const floor_entry> floors, commit_time at_least) const {
  for (const auto& each : floors) at_least = std::max(at_least, each.asof);
  std::vector<std::string> arguments{std::to_string(at_least), topology_->view()};
  for (const auto& each : floors) arguments.push_back(floor_field(each));
  auto call = clock_call(scripts::raise, std::move(arguments));
  call.keys.push_back(session_.names().floors);
  return call;
}

task<result<commit_time>> redis_store::raise(std::span<const floor_entry> floors) {
  if (auto may = session_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  const auto raised = co_await run_on_clock(raise_call(floors, 0));
  if (!raised) co_return std::unexpected(raised.error());
  co_return raised->now;
}

task<result<commit_time>> redis_store::apply(store_invalidation what) {
  if (what.keys.empty() || what.floors.empty()) co_return co_await store::apply(what);
  if (auto may = may_use(what.keys); !may) co_return std::unexpected(std::move(may.error()));
  const std::string_view mode = what.soft ? "expire" : "remove";
  auto raising = raise_call(what.floors, what.at_least);
  if (topology_->has_remote_clock()) {
    // The keys get the floor of the floors, which saves the request for one.
    const auto at = co_await run_on_clock(std::move(raising));
    if (!at) co_return std::unexpected(at.error());
    co_return co_await run_changes(invalidate_calls(what.keys, *at, mode));
  }
  auto calls = invalidate_calls(what.keys, {.now = what.at_least, .epoch = session_.epoch()}, mode);
  calls.push_back(std::move(raising));
  co_return co_await run_changes(std::move(calls));
}

task<result<void>> redis_store::restore(std::span<const floor_entry> floors) {
  for (std::size_t i = 0; i < floors.size(); i += batch_size) {
    std::vector<std::string> arguments{topology_->view()};
    for (const auto& each : floors.subspan(i, std::min(batch_size, floors.size() - i))) {
      arguments.push_back(floor_field(each));
      arguments.push_back(std::to_string(session_.learn(each.asof)));
    }
    auto call = clock_call(scripts::restore, std::move(arguments));
    call.keys.push_back(session_.names().floors);
    const auto done = co_await counter_after(std::move(call));
    if (!done) co_return std::unexpected(done.error());
  }
  co_return result<void>();
}

task<result<std::vector<floor_entry>>> redis_store::floors() {
  if (auto may = session_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  co_return co_await session_.read_floors();
}

task<result<void>> redis_store::put(std::string_view key, std::string_view bytes, duration ttl) {
  if (auto may = may_use(key); !may) co_return std::unexpected(std::move(may.error()));
  const auto life = in_ms(ttl);
  const value_header header{.record = true, .end = session_.server_now() + std::stoull(life)};
  auto set = resp::command("SET").arg(key).arg(encode_value(header, bytes)).arg("PX").arg(life);
  const auto reply = co_await topology_->send(key, std::move(set), idempotent);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  co_return result<void>();
}

task<result<bool>> redis_store::remove(std::string_view key) {
  if (auto may = may_use(key); !may) co_return std::unexpected(std::move(may.error()));
  const auto reply = co_await topology_->send(key, resp::command("UNLINK").arg(key), idempotent);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  co_return reply->integer() == 1;
}

task<result<void>> redis_store::unlink_all(std::string pattern, bool leases) {
  co_return co_await topology_->scan(
      std::move(pattern), [&](std::vector<std::string> names) -> task<result<void>> {
        std::erase_if(names, [&](const std::string& each) {
          const auto key = leases ? key_of_lease(each) : std::optional<std::string_view>(each);
          return !key || !is_ours(*key);
        });
        if (names.empty()) co_return result<void>();
        const auto done = co_await topology_->send_each("UNLINK", names, idempotent);
        if (!done) co_return std::unexpected(done.error());
        co_return result<void>();
      });
}

task<result<commit_time>> redis_store::clear(commit_time at_least) {
  if (auto may = session_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  const auto& names = session_.names();
  auto call = clock_call(scripts::clear, {std::to_string(at_least), topology_->view()});
  const auto reply = co_await run_one(*topology_, std::move(call), idempotent);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  const auto items = reply->items();
  if (items.size() != 2) co_return std::unexpected(unexpected_reply("script clear"));
  const auto floor = static_cast<commit_time>(items[0].integer().value_or(0));
  session_.learn(floor);
  session_.cleared(static_cast<std::uint32_t>(items[1].integer().value_or(0)));
  // The new epoch has voided every value; the rest frees the memory.
  const auto leases = co_await unlink_all(names.lease_pattern, true);
  if (!leases) co_return std::unexpected(leases.error());
  const auto values = co_await unlink_all(names.prefix + '*', false);
  if (!values) co_return std::unexpected(values.error());
  co_return floor;
}

task<result<std::optional<relay_watermark>>> redis_store::call_watermark(std::string seen, std::string life,
                                                                         request_options how) {
  if (auto may = session_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  auto call = clock_call(scripts::watermark, {std::move(seen), std::move(life)});
  const auto reply = co_await run_one(*topology_, std::move(call), how);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  const auto items = reply->items();
  if (items.size() != 3) co_return std::unexpected(unexpected_reply("script watermark"));
  std::optional<relay_watermark> out;
  if (items[0].integer() == 1) {
    out = relay_watermark{.value = static_cast<std::uint64_t>(items[1].integer().value_or(0)),
                          .life = std::string(items[2].text())};
  }
  co_return out;
}

task<result<relay_watermark>> redis_store::read_watermark() {
  auto found = co_await call_watermark("", "", idempotent);
  if (!found) co_return std::unexpected(std::move(found.error()));
  co_return std::move(**found);
}

// Not retryable: the second time it would find its own watermark and report it as another relay's.
task<result<std::optional<relay_watermark>>> redis_store::advance_watermark(relay_watermark seen) {
  return call_watermark(std::to_string(seen.value), std::move(seen.life), {});
}

task<result<std::map<std::uint32_t, std::uint64_t>>> redis_store::count_keys() {
  using counts = std::map<std::uint32_t, std::uint64_t>;
  if (auto may = session_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  counts found;
  const auto visit = [this, &found](std::vector<std::string> names) -> task<result<void>> {
    std::erase_if(names, [&](const auto& each) { return !is_ours(each); });
    if (names.empty()) co_return result<void>();
    auto replies = co_await topology_->send_each("GET", names, idempotent);
    if (!replies) co_return std::unexpected(std::move(replies.error()));
    for (auto& each : *replies) {
      if (!each.is_text()) continue;  // it has ended meanwhile, or is of another type
      const auto value = value_of(std::move(each));
      if (!value) continue;
      const auto entry = parse_entry(value->bytes);
      ++found[entry ? entry->wrapping.key_id : 0];
    }
    co_return result<void>();
  };
  auto scanned = topology_->scan(session_.names().prefix + "*", visit);
  const auto done = co_await std::move(scanned);
  if (!done) co_return std::unexpected(done.error());
  co_return found;
}

task<result<store_inspection>> redis_store::inspect(std::size_t most_values) {
  return inspect_servers(*topology_, session_.names().prefix, most_values);
}

task<result<rate_standing>> redis_store::charge(rate_charge what) {
  if (auto may = session_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  const auto interval =
      std::chrono::duration<double, std::micro>(what.window).count() / static_cast<double>(what.limit);
  const auto age = std::chrono::ceil<std::chrono::microseconds>(what.age).count();
  script_call call{.which = &scripts::charge,
                   .keys = {session_.names().buckets + std::string(what.bucket)},
                   .arguments = {}};
  call.arguments = {exact(interval), std::to_string(what.burst), std::to_string(what.taken),
                    std::to_string(age), std::to_string(what.wanted)};
  // Never repeated: a charge counts each time.
  const auto answer = co_await run_one(*topology_, std::move(call), {});
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->is_error()) co_return std::unexpected(to_error(*answer));
  const auto items = answer->items();
  if (items.size() != 2) co_return std::unexpected(unexpected_reply("a charge"));
  co_return rate_standing{.allowed = items[0].integer() == 1,
                          .ahead = std::chrono::microseconds(items[1].integer().value_or(0))};
}

void redis_store::observe(store_observer& observer) {
  session_.observe(observer);
}

void redis_store::unobserve(store_observer& observer) {
  session_.unobserve(observer);
}

store_health redis_store::health() const {
  store_health out;
  out.address = topology_->address_text();
  if (auto may = session_.usable(); !may) {
    out.trouble = std::move(may.error().detail);
  } else {
    out.usable = true;
    out.refusal = refusal_.why();
  }
  out.trusted_until = session_.trusted_until();
  out.event_lag = session_.event_lag();
  out.losses = session_.losses();
  topology_->add_counts(out);
  return out;
}

}  // namespace strata::redis
