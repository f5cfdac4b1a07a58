#include "redis/store.hpp"

#include "redis/store_replies.hpp"

#include <utility>

namespace strata::redis {

namespace {

script_call release_call(std::string_view key, lease_token lease, const std::string& channel,
                         std::string_view origin) {
  script_call out{.which = &scripts::release, .keys = {}, .arguments = {}};
  out.keys = {std::string(key), lease_name(key)};
  out.arguments = {hex16(lease), channel, std::string(origin)};
  return out;
}

tracking_options telling(tracking_options options, std::function<void()> ready) {
  options.ready = std::move(ready);
  return options;
}

client_options with_setup(client_options options, const tracking& tracked) {
  options.setup = tracked.setup();
  return options;
}

}  // namespace

redis_store::redis_store(std::shared_ptr<runtime> on, redis_store_options with)
    : runtime_(std::move(on)), tracking_(telling(with.tracked, [this] {
        start(nullptr, end_left_leases(), [](const completion<void>&) {});
      })) {
  if (with.found_by) {
    sentinels_ = std::make_unique<sentinels>(*runtime_, std::move(*with.found_by), *with.tracked.time);
    with.connection.locate = [of = sentinels_.get()] { return of->master(); };
  }
  client_ = std::make_unique<client>(*runtime_, with_setup(std::move(with.connection), tracking_), &tracking_,
                                     *with.tracked.time);
  if (sentinels_) sentinels_->guide(*client_);
  tracking_.start_on(*client_);
}

redis_store::~redis_store() {
  tracking_.stop();
  if (sentinels_) sentinels_->stop();  // before the client, which they guide
}

result<void> redis_store::may_use(std::string_view key) const {
  const auto& prefix = tracking_.names().prefix;
  if (!key.starts_with(prefix) || is_beside(key)) {
    return fail(errc::invalid_argument, "store: the key is not in the store's name space \"" + prefix +
                                            "\", whose changes it is told of; give both the same name_space");
  }
  return tracking_.usable();
}

result<void> redis_store::may_use(std::span<const std::string> keys) const {
  for (const auto& each : keys) {
    if (auto may = may_use(each); !may) return may;
  }
  return tracking_.usable();
}

std::string redis_store::new_token() noexcept {
  return tokens_.next();
}

std::optional<stored_value> redis_store::value_of(resp::value&& reply) const {
  return to_stored_value(std::move(reply), tracking_.epoch(), tracking_.server_now());
}

task<result<std::optional<stored_value>>> redis_store::get(std::string_view key) {
  if (auto may = may_use(key); !may) co_return std::unexpected(std::move(may.error()));
  auto reply = co_await client_->execute(resp::command("GET").arg(key), again);
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  // Once more: it may be the answer of a server that came after the one we had looked at.
  if (auto may = tracking_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  co_return value_of(std::move(*reply));
}

task<result<std::vector<std::optional<stored_value>>>> redis_store::get_many(
    std::span<const std::string> keys) {
  std::vector<std::optional<stored_value>> out;
  if (keys.empty()) co_return out;
  if (auto may = may_use(keys); !may) co_return std::unexpected(std::move(may.error()));
  resp::pipeline gets;
  for (const auto& each : keys) gets.add("GET").arg(each);
  auto replies = co_await client_->execute_many(std::move(gets), again);
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  if (auto may = tracking_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  out.reserve(keys.size());
  for (auto& each : *replies) {
    if (each.is_error()) co_return std::unexpected(to_error(each));
    out.push_back(value_of(std::move(each)));
  }
  co_return out;
}

script_call redis_store::lease_call(std::string_view key, duration hold, commit_time known,
                                    std::string_view mode) {
  script_call out{.which = &scripts::lease, .keys = {}, .arguments = {}};
  out.keys = {std::string(key), lease_name(key), tracking_.names().clock};
  out.arguments = {new_token(), in_ms(hold), std::to_string(tracking_.learn(known)), std::string(mode)};
  return out;
}

task<result<acquired>> redis_store::acquire(std::string_view key, duration hold, commit_time known) {
  auto found = co_await get(key);
  if (!found) co_return std::unexpected(std::move(found.error()));
  acquired out;
  out.value = std::move(*found);
  if (out.value) co_return out;
  auto call = lease_call(key, hold, known, "miss");
  const auto token = call.arguments[0];
  auto reply = co_await run(*client_, std::move(call), again);
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  if (reply->is_text()) {
    out.value = value_of(std::move(*reply));
  } else {
    const auto got = to_granted(*reply, token);
    out.lease = got.lease;
    out.now = tracking_.learn(got.now);
  }
  co_return out;
}

task<result<std::vector<acquired>>> redis_store::acquire_many(std::span<const std::string> keys,
                                                              duration hold, commit_time known) {
  auto found = co_await get_many(keys);
  if (!found) co_return std::unexpected(std::move(found.error()));
  std::vector<acquired> out(keys.size());
  std::vector<std::size_t> missing;
  std::vector<script_call> calls;
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    out[i].value = std::move((*found)[i]);
    if (out[i].value) continue;
    missing.push_back(i);
    calls.push_back(lease_call(keys[i], hold, known, "miss"));
    tokens.push_back(calls.back().arguments[0]);
  }
  if (missing.empty()) co_return out;
  auto replies = co_await run_many(*client_, std::move(calls), again);
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  for (std::size_t m = 0; m < missing.size(); ++m) {
    auto& reply = (*replies)[m];
    if (reply.is_error()) co_return std::unexpected(to_error(reply));
    auto& into = out[missing[m]];
    if (reply.is_text()) {
      into.value = value_of(std::move(reply));
    } else {
      const auto got = to_granted(reply, tokens[m]);
      into.lease = got.lease;
      into.now = tracking_.learn(got.now);
    }
  }
  co_return out;
}

task<result<granted>> redis_store::lease(std::string_view key, duration hold, commit_time known,
                                         std::string_view mode) {
  if (auto may = may_use(key); !may) co_return std::unexpected(std::move(may.error()));
  auto call = lease_call(key, hold, known, mode);
  const auto token = call.arguments[0];
  const auto reply = co_await run(*client_, std::move(call), again);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  auto got = to_granted(*reply, token);
  tracking_.learn(got.now);
  co_return got;
}

task<result<granted>> redis_store::take_lease(std::string_view key, duration hold, commit_time known) {
  return lease(key, hold, known, "take");
}

task<result<granted>> redis_store::force_lease(std::string_view key, duration hold, commit_time known) {
  return lease(key, hold, known, "force");
}

script_call redis_store::fill_call(const fill_request& value) const {
  const auto& names = tracking_.names();
  const auto epoch = tracking_.epoch();
  const auto ttl = in_ms(value.ttl);
  const value_header header{
      .epoch = epoch, .asof = value.asof, .end = tracking_.server_now() + std::stoull(ttl)};
  script_call out{.which = &scripts::fill, .keys = {}, .arguments = {}};
  out.keys = {std::string(value.key), lease_name(value.key), names.clock};
  out.arguments = {hex16(value.lease),
                   std::to_string(epoch),
                   std::to_string(value.asof),
                   ttl,
                   encode_value(header, value.bytes),
                   names.channel,
                   std::string(tracking_.origin())};
  return out;
}

task<result<std::vector<resp::value>>> redis_store::run_fills(std::vector<script_call> calls) {
  struct landing {
    event done;
    result<std::vector<resp::value>> replies = fail(errc::store_unavailable, "");
  };
  auto at = std::make_shared<landing>();
  std::vector<std::string> keys;
  keys.reserve(calls.size());
  for (const auto& each : calls) keys.push_back(each.keys[0]);
  // Started on no executor, it ends on the client's thread, where the pushes come in, and before the
  // push that follows its reply.
  // Sent twice it is harmless: the second time the lease is gone.
  start(nullptr, run_many(*client_, std::move(calls), again),
        [this, at, keys = std::move(keys)](completion<result<std::vector<resp::value>>> ended) {
          if (ended) at->replies = std::move(*ended);
          for (std::size_t i = 0; at->replies && i < keys.size(); ++i) {
            if ((*at->replies)[i].integer() == 0) tracking_.filled(keys[i]);
          }
          at->done.set();
        });
  co_await at->done.wait();
  co_return std::move(at->replies);
}

task<result<std::vector<fill_result>>> redis_store::fill_many(std::span<const fill_request> fills) {
  std::vector<fill_result> out;
  if (fills.empty()) co_return out;
  result<void> may;
  std::vector<script_call> calls;
  for (const auto& each : fills) {
    if (may) may = may_use(each.key);
    tracking_.learn(each.asof);
    calls.push_back(fill_call(each));
  }
  result<std::vector<resp::value>> replies = fail(errc::store_unavailable, "");
  if (may) {
    replies = co_await run_fills(std::move(calls));
  } else {
    replies = std::unexpected(std::move(may.error()));
  }
  if (!replies) {
    for (const auto& each : fills) left_leases_.add(each.key, each.lease);
    co_return std::unexpected(std::move(replies.error()));
  }
  for (const auto& each : *replies) {
    auto ended = to_fill_result(each);
    if (!ended) co_return std::unexpected(std::move(ended.error()));
    out.push_back(*ended);
  }
  co_return out;
}

task<result<fill_result>> redis_store::fill(fill_request value) {
  const auto ended = co_await fill_many({&value, 1});
  if (!ended) co_return std::unexpected(ended.error());
  co_return ended->front();
}

task<result<void>> redis_store::release(std::string_view key, lease_token lease) {
  if (auto may = may_use(key); !may) {
    left_leases_.add(key, lease);
    co_return std::unexpected(std::move(may.error()));
  }
  auto call = release_call(key, lease, tracking_.names().channel, tracking_.origin());
  const auto reply = co_await run(*client_, std::move(call), again);
  if (!reply) {
    left_leases_.add(key, lease);
    co_return std::unexpected(reply.error());
  }
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  co_return result<void>();
}

task<> redis_store::end_left_leases() {
  const auto left = left_leases_.take();
  if (left.empty()) co_return;
  // In nobody's name, so that those of ours who wait for the lease are told as well.
  const auto nobody = hex16(0);
  std::vector<script_call> calls;
  for (const auto& each : left) {
    calls.push_back(release_call(each.key, each.lease, tracking_.names().channel, nobody));
  }
  const auto done = co_await run_many(*client_, std::move(calls), again);
  if (done) co_return;
  for (const auto& each : left) left_leases_.add(each.key, each.lease);
}

void redis_store::observe(store_observer& observer) {
  tracking_.observe(observer);
}

void redis_store::unobserve(store_observer& observer) {
  tracking_.unobserve(observer);
}

store_health redis_store::health() const {
  store_health out;
  out.address = to_text(client_->at());
  if (auto may = tracking_.usable(); !may) {
    out.trouble = std::move(may.error().detail);
  } else {
    out.usable = true;
  }
  out.trusted_until = tracking_.trusted_until();
  out.hearing_lag = tracking_.hearing_lag();
  out.losses = tracking_.losses();
  const auto counts = client_->stats();
  out.requests = counts.requests;
  out.timeouts = counts.timeouts;
  out.connections = counts.connections;
  out.failures = counts.failures;
  out.pending = counts.pending;
  return out;
}

}  // namespace strata::redis
