#include "redis/store/redis_store.hpp"

#include "async/gather.hpp"
#include "core/atomic_max.hpp"
#include "redis/store/store_replies.hpp"
#include "redis/topology/cluster.hpp"
#include "redis/topology/single_node.hpp"

#include <algorithm>
#include <utility>

namespace strata::redis {

namespace {

script_call release_call(std::string_view key, lease_token lease, std::string_view origin) {
  script_call out{.which = &scripts::release, .keys = {lease_name(key)}, .arguments = {}};
  out.arguments = {hex16(lease), std::string(key), std::string(origin)};
  return out;
}

coherence_options telling(coherence_options options, std::function<void()> ready) {
  options.ready = std::move(ready);
  return options;
}

/// What the cluster says to a script about a key and its lease that are not in one place at present.
bool is_torn(const reply& said) {
  return said.is_error() && said.error().code == "TRYAGAIN";
}

std::unique_ptr<topology> reach(runtime& on, redis_store_options with, coherence_session& session) {
  const auto& time = *with.tracked.time;
  if (with.cluster) {
    return std::make_unique<cluster>(on, std::move(*with.cluster), std::move(with.connection),
                                     session.subscription(), session, time);
  }
  return std::make_unique<single_node>(on, std::move(with.connection), std::move(with.found_by),
                                       session.subscription(), session, time);
}

}  // namespace

redis_store::redis_store(std::shared_ptr<runtime> on, redis_store_options with)
    : runtime_(std::move(on)),
      session_(telling(with.tracked,
                       [this] {
                         if (orphaned_leases_.empty()) return;
                         start(nullptr, end_orphaned_leases(), [](const completion<void>&) {});
                       })),
      topology_(reach(*runtime_, std::move(with), session_)) {
  session_.start_on(*topology_);
}

redis_store::~redis_store() {
  session_.stop();
  topology_->stop();
}

result<void> redis_store::may_use(std::string_view key) const {
  if (!is_ours(key)) {
    return fail(errc::invalid_argument, "store: the key is not in the store's name space \"" +
                                            session_.names().prefix +
                                            "\", whose changes it is told of; give both the same name_space");
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
  auto said = co_await topology_->send(key, resp::command("GET").arg(key), idempotent);
  if (!said) co_return std::unexpected(std::move(said.error()));
  if (said->is_error()) co_return std::unexpected(to_error(*said));
  // Once more: it may be the answer of a server that came after the one we had looked at.
  if (auto may = session_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  co_return value_of(std::move(*said));
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
    if (each.is_error()) co_return std::unexpected(to_error(each));
    out.push_back(value_of(std::move(each)));
  }
  co_return out;
}

task<result<redis_store::stamp>> redis_store::ask_clock(commit_time known, bool counting) {
  session_.learn(known);
  auto call =
      clock_call(scripts::ask, {std::to_string(known), counting ? "floor" : "time", topology_->view()});
  const auto said = co_await run_one(*topology_, std::move(call), idempotent);
  if (!said) co_return std::unexpected(said.error());
  if (said->is_error()) co_return std::unexpected(to_error(*said));
  const auto items = said->items();
  if (items.size() != 2) co_return std::unexpected(unexpected_reply("script ask"));
  const stamp out{.now = static_cast<commit_time>(items[0].integer().value_or(0)),
                  .epoch = static_cast<std::uint32_t>(items[1].integer().value_or(0))};
  session_.learn(out.now);
  detail::atomic_max(confirmed_, out.now);
  co_return out;
}

script_call redis_store::about(const scripts::of_keys& which, std::vector<std::string> keys) const {
  const bool apart = topology_->clock_is_apart();
  script_call out{.which = &which.when(apart), .keys = std::move(keys), .arguments = {}};
  if (!apart) out.keys.push_back(session_.names().clock);
  return out;
}

script_call redis_store::clock_call(const script& which, std::vector<std::string> arguments) const {
  script_call out{.which = &which, .keys = {session_.names().clock}, .arguments = std::move(arguments)};
  if (which.tells) out.arguments.emplace_back(session_.origin());
  return out;
}

result<acquire_result> redis_store::to_acquired(reply&& said, const std::string& token) {
  acquire_result out;
  if (is_torn(said)) {
    // Nobody has it, and nobody will: who asked computes for himself, and his fill is refused.
    out.lease = std::stoull(token, nullptr, 16);
  } else if (said.is_error()) {
    return std::unexpected(to_error(said));
  } else if (said.is_text()) {
    out.value = value_of(std::move(said));
  } else {
    const auto got = to_granted(said, token);
    out.lease = got.lease;
    out.granted_at = session_.learn(got.granted_at);
  }
  return out;
}

task<result<std::vector<acquire_result>>> redis_store::leases(std::vector<std::string> keys, duration hold,
                                                              commit_time known, std::string_view mode) {
  session_.learn(known);
  std::vector<std::string> tokens;
  auto out = co_await try_leases(keys, hold, known, mode, tokens);
  if (out) co_return out;
  // Some may have been granted, or will be: the server is slow, or it was another's that failed.
  for (std::size_t i = 0; i < keys.size(); ++i) {
    orphaned_leases_.add(keys[i], std::stoull(tokens[i], nullptr, 16));
  }
  start(nullptr, end_orphaned_leases(), [](const completion<void>&) {});
  co_return std::unexpected(std::move(out.error()));
}

task<result<std::vector<acquire_result>>> redis_store::try_leases(std::span<const std::string> keys,
                                                                  duration hold, commit_time known,
                                                                  std::string_view mode,
                                                                  std::vector<std::string>& tokens) {
  std::vector<script_call> calls;
  for (const auto& each : keys) {
    tokens.push_back(tokens_.next());
    calls.push_back(about(scripts::lease, {each, lease_name(each)}));
    calls.back().arguments = {tokens.back(), in_ms(hold), std::to_string(known), std::string(mode),
                              std::to_string(session_.epoch())};
  }
  running how;
  how.how = idempotent;
  auto replies = co_await topology_->run(std::move(calls), std::move(how));
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  std::vector<acquire_result> out;
  for (std::size_t i = 0; i < replies->size(); ++i) {
    auto got = to_acquired(std::move((*replies)[i]), tokens[i]);
    if (!got) co_return std::unexpected(std::move(got.error()));
    out.push_back(std::move(*got));
  }
  const auto is_granted = [](const acquire_result& each) { return each.lease != 0; };
  if (!topology_->clock_is_apart() || std::ranges::none_of(out, is_granted)) co_return out;
  // After the leases: an invalidation that came to a key before its lease has its floor below this time.
  const auto at = co_await ask_clock(known);
  if (!at) co_return std::unexpected(at.error());
  for (auto& each : out) {
    if (is_granted(each)) each.granted_at = at->now;
  }
  co_return out;
}

task<result<acquire_result>> redis_store::acquire(std::string_view key, duration hold, commit_time known) {
  auto found = co_await get(key);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (*found) co_return acquire_result{.value = std::move(*found)};
  auto got = co_await leases({std::string(key)}, hold, known, "miss");
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
  auto got = co_await leases(std::move(missing), hold, known, "miss");
  if (!got) co_return std::unexpected(std::move(got.error()));
  for (std::size_t m = 0; m < places.size(); ++m) out[places[m]] = std::move((*got)[m]);
  co_return out;
}

task<result<lease_grant>> redis_store::lease(std::string_view key, duration hold, commit_time known,
                                             std::string_view mode) {
  if (auto may = may_use(key); !may) co_return std::unexpected(std::move(may.error()));
  const auto got = co_await leases({std::string(key)}, hold, known, mode);
  if (!got) co_return std::unexpected(got.error());
  co_return lease_grant{.lease = got->front().lease, .granted_at = got->front().granted_at};
}

task<result<lease_grant>> redis_store::take_lease(std::string_view key, duration hold, commit_time known) {
  return lease(key, hold, known, "take");
}

task<result<lease_grant>> redis_store::force_lease(std::string_view key, duration hold, commit_time known) {
  return lease(key, hold, known, "force");
}

task<result<std::vector<lease_grant>>> redis_store::force_lease_many(std::span<const std::string> keys,
                                                                     duration hold, commit_time known) {
  std::vector<std::string> all;
  for (const auto& each : keys) {
    if (auto may = may_use(each); !may) co_return std::unexpected(std::move(may.error()));
    all.push_back(each);
  }
  const auto got = co_await leases(std::move(all), hold, known, "force");
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
  auto out = about(scripts::fill, {std::string(value.key), lease_name(value.key)});
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
  running how;
  // Sent twice it is harmless: the second time the lease is gone.
  how.how = idempotent;
  std::vector<std::string> keys;
  keys.reserve(calls.size());
  for (const auto& each : calls) keys.push_back(each.keys[0]);
  how.note = [this, keys = std::move(keys)](std::size_t i, const reply& said) {
    if (said.integer() == 0) session_.filled(keys[i]);
  };
  // Started on no executor, it notes on the servers' thread, where the pushes come in, and before the
  // push that follows a reply.
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
  bool torn = false;
  for (std::size_t i = 0; i < fills.size(); ++i) {
    if (is_torn((*replies)[i])) {  // the lease may be somewhere, and nobody is to wait for it
      torn = true;
      orphaned_leases_.add(fills[i].key, fills[i].lease);
      out.push_back(fill_result::lease_lost);
      continue;
    }
    auto ended = to_fill_result((*replies)[i]);
    if (!ended) co_return std::unexpected(std::move(ended.error()));
    out.push_back(*ended);
  }
  if (torn) co_await end_orphaned_leases();
  co_return out;
}

task<result<std::vector<resp::value>>> redis_store::try_fills(std::span<const fill_request> fills) {
  commit_time newest = 0;
  std::vector<script_call> calls;
  for (const auto& each : fills) {
    if (auto may = may_use(each.key); !may) co_return std::unexpected(std::move(may.error()));
    newest = std::max(newest, session_.learn(each.asof));
  }
  // Nothing is stored that is newer than the clock.
  if (topology_->clock_is_apart() && newest > confirmed_.load()) {
    if (const auto at = co_await ask_clock(newest); !at) co_return std::unexpected(at.error());
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
  const auto said = co_await run_one(*topology_, release_call(key, lease, session_.origin()), idempotent);
  if (!said) {
    orphaned_leases_.add(key, lease);
    co_return std::unexpected(said.error());
  }
  if (said->is_error()) co_return std::unexpected(to_error(*said));
  co_return result<void>();
}

task<> redis_store::end_orphaned_leases() {
  const auto left = orphaned_leases_.take();
  if (left.empty()) co_return;
  // In nobody's name, so that those of ours who wait for the lease are told as well.
  const auto nobody = hex16(0);
  std::vector<script_call> calls;
  for (const auto& each : left) calls.push_back(release_call(each.key, each.lease, nobody));
  running how;
  how.how = idempotent;
  const auto done = co_await topology_->run(std::move(calls), std::move(how));
  if (done) co_return;
  for (const auto& each : left) orphaned_leases_.add(each.key, each.lease);
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
  }
  out.trusted_until = session_.trusted_until();
  out.hearing_lag = session_.hearing_lag();
  out.losses = session_.losses();
  topology_->count(out);
  return out;
}

}  // namespace strata::redis
