#include "redis/coherence/coherence_session.hpp"

#include "core/atomic_max.hpp"

#include <algorithm>
#include <utility>

namespace strata::redis {

namespace {

using std::chrono::milliseconds;

constexpr auto configuration_check = std::chrono::seconds(1);
/// How often a session is opened again, and the servers are looked after, however rare the heartbeats are.
constexpr duration longest_opening_period = milliseconds(25);

std::int64_t in_ms(time_point at) {
  return std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count();
}

}  // namespace

coherence_session::coherence_session(coherence_options with)
    : options_(std::move(with)),
      names_(options_.name_space),
      push_reader_(random_origin()),
      ticker_(*options_.timer, *options_.time),
      pace_({.heartbeat = options_.heartbeat,
             .trust_for = options_.trust_for,
             .bound = options_.relayed ? std::optional(options_.bound) : std::nullopt}) {
}

coherence_session::~coherence_session() {
  stop();
}

push_subscription coherence_session::subscription() const {
  push_subscription out{.tracking = {}, .channel = names_.channel};
  out.tracking.add("CLIENT TRACKING").arg("ON");
  if (!options_.only_read) out.tracking.arg("BCAST");
  if (!options_.only_read && !names_.prefix.empty()) out.tracking.arg("PREFIX").arg(names_.prefix);
  return out;
}

void coherence_session::start_on(topology& servers) {
  topology_ = &servers;
  topology_.notify_all();
  ticker_.start([this] { return tick(); });
}

void coherence_session::stop() {
  ticker_.stop();
  deferred_.stop();
}

result<void> coherence_session::usable() const {
  if (ready_.load(std::memory_order_acquire)) return {};
  auto* const servers = topology_.load();
  auto unreachable = servers != nullptr ? servers->unreachable_reason() : std::nullopt;
  detail::scoped_lock lock(mutex_);
  auto words = generation_ == 0 && unreachable ? std::move(*unreachable) : trouble_;
  return fail(errc::store_unavailable, std::move(words));
}

server_time coherence_session::server_now() const noexcept {
  return static_cast<server_time>(in_ms(options_.time->now()) +
                                  server_ahead_.load(std::memory_order_acquire));
}

commit_time coherence_session::learn(commit_time seen) noexcept {
  detail::atomic_max(known_, seen);
  return seen;
}

time_point coherence_session::trusted_until() const {
  detail::scoped_lock lock(mutex_);
  return trusted_until_;
}

std::optional<duration> coherence_session::event_lag() const {
  detail::scoped_lock lock(mutex_);
  if (notified_until_ == time_point{}) return std::nullopt;
  return options_.time->now() - notified_until_;
}

void coherence_session::cleared(std::uint32_t epoch) {
  epoch_.store(std::max(epoch, epoch_.load()), std::memory_order_release);
  notify_lost(false);
}

template <class Notify>
void coherence_session::notify(Notify one) {
  detail::scoped_lock lock(observers_mutex_);
  for (auto* each : observers_) one(*each);
}

void coherence_session::notify_lost(bool may_have_forgotten) {
  losses_.fetch_add(1, std::memory_order_relaxed);
  notify([&](store_observer& each) { each.lost(may_have_forgotten); });
}

void coherence_session::observe(store_observer& observer) {
  detail::scoped_lock lock(observers_mutex_);
  observers_.push_back(&observer);
}

void coherence_session::unobserve(store_observer& observer) {
  detail::scoped_lock lock(observers_mutex_);
  std::erase(observers_, &observer);
}

void coherence_session::refused(std::string why) {
  bool is_new = false;
  {
    detail::scoped_lock lock(mutex_);
    is_new = trouble_ != why;
    if (is_new) trouble_ = why;
  }
  if (is_new) options_.log(log_level::warning, why);
}

void coherence_session::session_began(std::uint64_t generation, const std::string& run_id) {
  topology_.wait(nullptr);  // the servers may connect before `start_on` is called
  {
    detail::scoped_lock lock(mutex_);
    generation_ = generation;
    discard_proofs();
    in_heartbeat_ = false;
    reopen_at_ = {};
    pace_.changed(options_.time->now());
    const bool invented = run_id.empty();
    if (invented && !run_id_is_invented_) {
      options_.log(
          log_level::warning,
          "store: INFO is not allowed to this user, so every new connection counts as a restart of the "
          "server and voids what is stored; allow +info");
    }
    run_id_is_invented_ = invented;
    // No other client has an invented one, so only the first heartbeat of a connection carries it.
    const auto current = invented ? std::string(origin()) + '-' + std::to_string(generation) : run_id;
    data_lost_ = !run_id_.empty() && run_id_ != current;
    run_id_ = current;
  }
  push_reader_.restart();
  ticker_.hurry();  // not from here: the client takes requests only after this has returned
}

void coherence_session::session_lost(std::uint64_t generation, const error& why) {
  ready_.store(false, std::memory_order_release);
  detail::scoped_lock lock(mutex_);
  if (generation_ != generation) return;
  generation_ = 0;
  discard_proofs();
  in_heartbeat_ = false;
  trouble_ = why.detail;
}

bool coherence_session::is_current(std::uint64_t generation) const {
  detail::scoped_lock lock(mutex_);
  return generation_ == generation;
}

duration coherence_session::next_period() {
  const auto at = options_.time->now();
  detail::scoped_lock lock(mutex_);
  if (generation_ == 0 || !ready_.load(std::memory_order_acquire)) {
    return std::min(options_.heartbeat, longest_opening_period);
  }
  return pace_.next(at, trusted_until_);
}

void coherence_session::note_change() {
  const auto at = options_.time->now();
  bool was_slow = false;
  {
    detail::scoped_lock lock(mutex_);
    was_slow = pace_.changed(at);
  }
  if (was_slow) ticker_.hurry();
}

duration coherence_session::tick() {
  std::uint64_t generation = 0;
  auto& servers = *topology_.load();
  servers.tick();
  if (auto why = servers.unreachable_reason()) refused(*why + "; continuing without the store");
  {
    detail::scoped_lock lock(mutex_);
    if (generation_ != 0 && !in_heartbeat_ && options_.time->now() >= reopen_at_) {
      in_heartbeat_ = true;
      generation = generation_;
    }
  }
  if (generation != 0) {
    const bool ready = ready_.load(std::memory_order_acquire);
    start(nullptr, ready ? heartbeat(generation) : open_session(generation), [](const completion<void>&) {});
  }
  return next_period();
}

task<> coherence_session::open_session(std::uint64_t generation) {
  const auto sent = options_.time->now();
  const auto fit = co_await topology_.load()->check_configuration();
  result<heartbeat_reply> first = fail(errc::store_unavailable, "");
  result<std::vector<floor_entry>> floors = fail(errc::store_unavailable, "");
  if (fit) first = co_await send_heartbeat(true);
  if (first) floors = co_await read_floors();
  if (!is_current(generation)) co_return;
  if (!floors) {
    refused(!fit ? fit.error().detail : !first ? first.error().detail : floors.error().detail);
    reopen_later(generation);
    co_return;
  }
  apply(*first, sent);
  bool data_lost = false;
  {
    detail::scoped_lock lock(mutex_);
    data_lost = std::exchange(data_lost_, false);
    trouble_.clear();
  }
  options_.log(log_level::info, "store: connected to Redis at " + topology_.load()->address_text());
  notify([&](store_observer& each) {
    for (const auto& floor : *floors) each.floor_raised(floor);
  });
  // Usable first: an observer that learns of the loss may at once send what it could not deliver.
  ready_.store(true, std::memory_order_release);
  notify_lost(data_lost);
  options_.ready();
  co_await heartbeat(generation);
}

/// Lets a tick open the session again, but not at the pace of heartbeats.
void coherence_session::reopen_later(std::uint64_t generation) {
  detail::scoped_lock lock(mutex_);
  if (generation_ != generation) return;
  in_heartbeat_ = false;
  reopen_at_ = options_.time->now() + milliseconds(200);
}

task<> coherence_session::heartbeat(std::uint64_t generation) {
  const auto sent = options_.time->now();
  auto reply = co_await send_heartbeat(false);
  if (reply) {
    if (auto others = co_await topology_.load()->ping_all(); !others) {
      reply = std::unexpected(others.error());
    }
  }
  if (!is_current(generation)) co_return;
  if (reply && co_await found_unsafe(generation)) co_return;
  bool data_lost = false;
  time_point until{};
  auto source_watermark = time_point::min();
  if (reply) apply(*reply, sent);
  push_reader_.heartbeat_answered();
  {
    detail::scoped_lock lock(mutex_);
    in_heartbeat_ = false;
    data_lost = reply && std::exchange(data_lost_, false);
    const auto before = last_sent_;
    if (!reply || data_lost) discard_proofs();  // without a reply, the next one proves nothing about before
    if (reply && !data_lost) {
      last_sent_ = sent;
      if (options_.relayed) {
        source_watermark = relay_.heartbeat_answered(sent, reply->watermark, reply->previous_watermark);
      }
      if (before != time_point{}) until = before + options_.trust_for;
      if (before != time_point{}) notified_until_ = before;
      if (options_.relayed) {
        until = source_watermark == time_point::min() ? source_watermark
                                                      : std::min(until, source_watermark + options_.bound);
      }
      if (until > time_point{}) trusted_until_ = until;
    }
  }
  if (data_lost) notify_lost(true);
  if (reply) options_.ready();
  if (until <= time_point{}) co_return;
  deferred_.add(topology_.load()->get_executor(), [this, until, source_watermark] {
    notify([&](store_observer& each) { each.trust_until(until, source_watermark); });
  });
}

/// Whether the servers may evict floors and the clock since an operator changed their configuration. Then the
/// store is not usable until that is put right, and begins a new epoch: the floors that are left are unknown.
task<bool> coherence_session::found_unsafe(std::uint64_t generation) {
  {
    detail::scoped_lock lock(mutex_);
    const auto now = options_.time->now();
    if (now < check_at_) co_return false;
    check_at_ = now + configuration_check;
  }
  const auto fit = co_await topology_.load()->check_configuration();
  if (fit || fit.error().code != errc::invalid_argument || !is_current(generation)) co_return false;
  least_epoch_.store(epoch() + 1, std::memory_order_release);
  ready_.store(false, std::memory_order_release);
  {
    detail::scoped_lock lock(mutex_);
    discard_proofs();
  }
  refused(fit.error().detail);
  reopen_later(generation);
  co_return true;
}

void coherence_session::discard_proofs() {
  last_sent_ = {};
  relay_.restart();
}

void coherence_session::apply(const heartbeat_reply& reply, time_point sent) {
  server_ahead_.store(static_cast<std::int64_t>(reply.at) - in_ms(sent), std::memory_order_release);
  const bool went_back = reply.counter_before < counter_.exchange(reply.counter);
  const bool new_epoch = reply.epoch != epoch_.exchange(reply.epoch, std::memory_order_acq_rel);
  learn(reply.counter);
  if (!reply.adopted && !went_back && !new_epoch) return;
  detail::scoped_lock lock(mutex_);
  data_lost_ = true;
}

task<result<coherence_session::heartbeat_reply>> coherence_session::send_heartbeat(bool opening) {
  script_call call{.which = &scripts::heartbeat, .keys = {names_.clock}, .arguments = {}};
  // A server's run id is right, whichever process sends it. A view may be outdated: it is adopted when the
  // session is new.
  const bool adopt = opening || !topology_.load()->has_remote_clock();
  const auto least = std::max(epoch(), least_epoch_.load(std::memory_order_acquire));
  call.arguments = {
      std::to_string(known()), std::to_string(least), {}, adopt ? "adopt" : "keep", std::string(origin())};
  {
    detail::scoped_lock lock(mutex_);
    if (opening || !run_id_is_invented_) call.arguments[2] = run_id_;
  }
  const auto reply = co_await run_one(*topology_.load(), std::move(call), {});
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  const auto items = reply->items();
  const auto number = [&](std::size_t i) {
    return static_cast<std::uint64_t>(items[i].integer().value_or(0));
  };
  if (items.size() != 7) co_return std::unexpected(unexpected_reply("script heartbeat"));
  co_return heartbeat_reply{.epoch = static_cast<std::uint32_t>(number(0)),
                            .counter = number(1),
                            .counter_before = number(2),
                            .at = number(3),
                            .adopted = number(4) != 0,
                            .watermark = number(5),
                            .previous_watermark = number(6)};
}

task<result<std::vector<floor_entry>>> coherence_session::read_floors() {
  std::vector<floor_entry> floors;
  std::string cursor = "0";
  do {
    auto page = resp::command("HSCAN").arg(names_.floors).arg(cursor).arg("COUNT").arg("1000");
    const auto reply = co_await topology_.load()->send(names_.floors, std::move(page), {});
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->is_error()) co_return std::unexpected(to_error(*reply));
    if (reply->items().size() != 2) co_return std::unexpected(unexpected_reply("HSCAN"));
    cursor = reply->items()[0].text();
    const auto fields = reply->items()[1].items();
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
      if (const auto floor = parse_floor(fields[i].text(), fields[i + 1].text())) floors.push_back(*floor);
    }
  } while (cursor != "0");
  co_return floors;
}

void coherence_session::pushed(resp::value message) {
  note_change();
  if (push_reader::is_flush(message)) {  // no heartbeat sent before it proves anything
    detail::scoped_lock lock(mutex_);
    discard_proofs();
  }
  deferred_.add(topology_.load()->get_executor(), [this, message = std::move(message)] {
    for (const auto& event : push_reader_.read(message)) apply(event);
  });
}

void coherence_session::apply(const any_push_event& event) {
  if (const auto* changed = std::get_if<push_event::key_changed>(&event)) {
    notify([&](store_observer& each) {
      changed->replaced ? each.replaced(changed->key) : each.changed(changed->key);
    });
  } else if (const auto* raised = std::get_if<push_event::floor_raised>(&event)) {
    learn(raised->floor.asof);
    notify([&](store_observer& each) { each.floor_raised(raised->floor); });
  } else if (const auto* by_other = std::get_if<push_event::cleared>(&event)) {
    cleared(by_other->epoch);
  } else if (const auto* begun = std::get_if<push_event::epoch_begun>(&event)) {
    if (begun->epoch <= epoch_.load()) return;
    epoch_.store(begun->epoch, std::memory_order_release);
    notify_lost(true);
  } else {
    notify_lost(std::holds_alternative<push_event::flushed>(event));
  }
}

}  // namespace strata::redis
