/// The store's changes that are not of one key: invalidations, floors, records, and going through all keys.

#include "core/glob.hpp"
#include "redis/store/redis_store.hpp"
#include "redis/store/store_replies.hpp"

#include <algorithm>
#include <utility>

namespace strata::redis {

namespace {

/// `glob` with all that is special in it escaped, up to its first wildcard, and then `*`: what SCAN is
/// asked for. The keys that come are matched by ourselves, so that globs mean the same in every store.
std::string wider(std::string_view glob) {
  const auto end = std::min(glob.find_first_of("*?[\\"), glob.size());
  return std::string(glob.substr(0, end)) + '*';
}

}  // namespace

std::vector<script_call> redis_store::invalidate_calls(std::span<const std::string> keys, const stamp& at,
                                                       std::string_view mode) const {
  std::vector<script_call> calls;
  const auto add = [&](std::vector<std::string> names) {
    calls.push_back(about(scripts::invalidate, std::move(names)));
    calls.back().arguments = {std::to_string(at.now), std::string(mode), std::to_string(at.epoch),
                              std::string(session_.origin())};
  };
  if (topology_->clock_is_apart()) {
    // One name each, so that a slot that moves tears nothing; the lease first, see `running::in_order`.
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
  stamp at{.now = at_least, .epoch = session_.epoch()};
  if (topology_->clock_is_apart() && mode != "sweep") {
    const auto floor = co_await ask_clock(at_least, true);
    if (!floor) co_return std::unexpected(floor.error());
    at = *floor;
  }
  auto calls = invalidate_calls(keys, at, mode);
  if (calls.empty()) co_return at.now;
  running how;
  how.how = idempotent;
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

task<result<void>> redis_store::sweep(std::string pattern, std::string_view glob, bool leases,
                                      sweep_result& done) {
  co_return co_await topology_->walk(
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
  // The floor first, then the leases, then the values: who fills after we have passed its lease is
  // refused, and who filled before we came to it left a value for the second pass.
  const auto floor = co_await change({}, at_least, "remove", nullptr);
  if (!floor) co_return std::unexpected(floor.error());
  sweep_result done{.removed = 0, .floor = *floor};
  const auto fenced = co_await sweep(session_.names().lease_pattern, glob, true, done);
  if (!fenced) co_return std::unexpected(fenced.error());
  const auto removed = co_await sweep(wider(glob), glob, false, done);
  if (!removed) co_return std::unexpected(removed.error());
  co_return done;
}

task<result<bool>> redis_store::touch(std::string_view key, duration ttl) {
  if (auto may = may_use(key); !may) co_return std::unexpected(std::move(may.error()));
  auto call = about(scripts::touch, {std::string(key)});
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

task<result<commit_time>> redis_store::raise(std::span<const floor_entry> floors) {
  commit_time at_least = 0;
  for (const auto& each : floors) at_least = std::max(at_least, each.asof);
  std::vector<std::string> arguments{std::to_string(at_least), topology_->view()};
  for (const auto& each : floors) arguments.push_back(floor_field(each));
  auto call = clock_call(scripts::raise, std::move(arguments));
  call.keys.push_back(session_.names().floors);
  return counter_after(std::move(call));
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
  co_return co_await topology_->walk(
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
  // By now nothing of before counts any more; what follows frees the memory, and ends records.
  const auto leases = co_await unlink_all(names.lease_pattern, true);
  if (!leases) co_return std::unexpected(leases.error());
  const auto values = co_await unlink_all(names.prefix + '*', false);
  if (!values) co_return std::unexpected(values.error());
  co_return floor;
}

task<result<std::optional<relay_watermark>>> redis_store::mark(std::string seen, std::string life,
                                                               request_options how) {
  if (auto may = session_.usable(); !may) co_return std::unexpected(std::move(may.error()));
  auto call = clock_call(scripts::mark, {std::move(seen), std::move(life)});
  const auto reply = co_await run_one(*topology_, std::move(call), how);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  const auto items = reply->items();
  if (items.size() != 3) co_return std::unexpected(unexpected_reply("script mark"));
  std::optional<relay_watermark> out;
  if (items[0].integer() == 1) {
    out = relay_watermark{.value = static_cast<std::uint64_t>(items[1].integer().value_or(0)),
                          .life = std::string(items[2].text())};
  }
  co_return out;
}

task<result<relay_watermark>> redis_store::read_watermark() {
  auto found = co_await mark("", "", idempotent);
  if (!found) co_return std::unexpected(std::move(found.error()));
  co_return std::move(**found);
}

// Sent twice, it would find its own mark the second time, and take it for another's: no harm, but no mark.
task<result<std::optional<relay_watermark>>> redis_store::advance_watermark(relay_watermark seen) {
  return mark(std::to_string(seen.value), std::move(seen.life), {});
}

}  // namespace strata::redis
