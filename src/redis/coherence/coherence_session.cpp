#include "redis/coherence/coherence_session.hpp"

#include <algorithm>
#include <utility>

#include "core/atomic_max.hpp"

namespace strata::redis {

namespace {

using std::chrono::milliseconds;

std::int64_t in_ms(time_point at) {
  return std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count();
}

}  // namespace

coherence_session::coherence_session(coherence_options with)
    : options_(std::move(with)),
      names_(options_.name_space),
      push_reader_(*this, random_origin()),
      ticker_(*options_.timer, *options_.time, options_.heartbeat) {
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

void coherence_session::start_on(topology& over) {
  topology_ = &over;
  topology_.notify_all();
  ticker_.start([this] { tick(); });
}

void coherence_session::stop() {
  ticker_.stop();
  push_reader_.stop();
}

result<void> coherence_session::usable() const {
  if (ready_.load(std::memory_order_acquire)) return {};
  auto* const over = topology_.load();
  auto away = over != nullptr ? over->away() : std::nullopt;
  detail::scoped_lock lock(mutex_);
  auto words = generation_ == 0 && away ? std::move(*away) : trouble_;
  return fail(errc::store_unavailable, std::move(words));
}

server_time coherence_session::server_now() const noexcept {
  return static_cast<server_time>(in_ms(options_.time->now()) +
                                  server_ahead_.load(std::memory_order_acquire));
}

commit_time coherence_session::learn(commit_time heard) noexcept {
  detail::atomic_max(known_, heard);
  return heard;
}

time_point coherence_session::trusted_until() const {
  detail::scoped_lock lock(mutex_);
  return trusted_;
}

std::optional<duration> coherence_session::hearing_lag() const {
  detail::scoped_lock lock(mutex_);
  if (proven_ == time_point{}) return std::nullopt;
  return options_.time->now() - proven_;
}

void coherence_session::cleared(std::uint32_t epoch) {
  epoch_.store(std::max(epoch, epoch_.load()), std::memory_order_release);
  tell_lost(false);
}

template <class Tell>
void coherence_session::tell(Tell what) {
  detail::scoped_lock lock(telling_);
  for (auto* each : observers_) what(*each);
}

void coherence_session::tell_lost(bool may_have_forgotten) {
  losses_.fetch_add(1, std::memory_order_relaxed);
  tell([&](store_observer& each) { each.lost(may_have_forgotten); });
}

void coherence_session::observe(store_observer& observer) {
  detail::scoped_lock lock(telling_);
  observers_.push_back(&observer);
}

void coherence_session::unobserve(store_observer& observer) {
  detail::scoped_lock lock(telling_);
  std::erase(observers_, &observer);
}

void coherence_session::refused(std::string why) {
  bool news = false;
  {
    detail::scoped_lock lock(mutex_);
    news = trouble_ != why;
    if (news) trouble_ = why;
  }
  if (news) options_.log(why);
}

void coherence_session::session_began(std::uint64_t generation, const std::string& found) {
  topology_.wait(nullptr);  // they may be quicker than the constructor that is to give them to us
  {
    detail::scoped_lock lock(mutex_);
    generation_ = generation;
    begin_anew();
    beating_ = false;
    not_before_ = {};
    const bool made_up = found.empty();
    if (made_up && !std::exchange(run_id_made_up_, made_up)) {
      options_.log(
          "store: INFO is not allowed to us, so every new connection counts as a restart of the server "
          "and voids what is stored; allow +info");
    }
    run_id_made_up_ = made_up;
    // Nobody else has that one, so only the first heartbeat of a connection brings it.
    const auto run_id = made_up ? std::string(origin()) + '-' + std::to_string(generation) : found;
    forgot_ = !run_id_.empty() && run_id_ != run_id;
    run_id_ = run_id;
  }
  push_reader_.restart();
  ticker_.hurry();  // not from here: requests are taken when this has returned
}

void coherence_session::session_lost(std::uint64_t generation, const error& why) {
  ready_.store(false, std::memory_order_release);
  detail::scoped_lock lock(mutex_);
  if (generation_ != generation) return;
  generation_ = 0;
  begin_anew();
  beating_ = false;
  trouble_ = why.detail;
}

bool coherence_session::is_current(std::uint64_t generation) const {
  detail::scoped_lock lock(mutex_);
  return generation_ == generation;
}

void coherence_session::tick() {
  std::uint64_t generation = 0;
  auto& over = *topology_.load();
  over.tick();
  if (auto away = over.away()) refused(*away + "; going on without it");
  {
    detail::scoped_lock lock(mutex_);
    if (generation_ == 0 || beating_ || options_.time->now() < not_before_) return;
    beating_ = true;
    generation = generation_;
  }
  const bool ready = ready_.load(std::memory_order_acquire);
  start(nullptr, ready ? beat_once(generation) : open_session(generation), [](const completion<void>&) {});
}

task<> coherence_session::open_session(std::uint64_t generation) {
  const auto sent = options_.time->now();
  const auto safe = co_await topology_.load()->are_fit();
  result<beat_answer> first = fail(errc::store_unavailable, "");
  result<std::vector<floor_entry>> floors = fail(errc::store_unavailable, "");
  if (safe) first = co_await beat(true);
  if (first) floors = co_await read_floors();
  if (!is_current(generation)) co_return;
  if (!floors) {
    refused(!safe ? safe.error().detail : !first ? first.error().detail : floors.error().detail);
    try_again(generation);
    co_return;
  }
  take(*first, sent);
  bool forgot = false;
  {
    detail::scoped_lock lock(mutex_);
    forgot = std::exchange(forgot_, false);
    trouble_.clear();
  }
  options_.log("store: in use: Redis at " + topology_.load()->address_text());
  tell([&](store_observer& each) {
    for (const auto& floor : *floors) each.floor_raised(floor);
  });
  // First ready: who is told of the loss may want to say at once what it could not deliver.
  ready_.store(true, std::memory_order_release);
  tell_lost(forgot);
  options_.ready();
  co_await beat_once(generation);
}

/// Lets the ticker open the session once more, but not at the pace of heartbeats.
void coherence_session::try_again(std::uint64_t generation) {
  detail::scoped_lock lock(mutex_);
  if (generation_ != generation) return;
  beating_ = false;
  not_before_ = options_.time->now() + milliseconds(200);
}

task<> coherence_session::beat_once(std::uint64_t generation) {
  const auto sent = options_.time->now();
  auto answer = co_await beat(false);
  if (answer) {
    if (auto others = co_await topology_.load()->all_answer(); !others)
      answer = std::unexpected(others.error());
  }
  if (!is_current(generation)) co_return;
  bool forgot = false;
  time_point until{};
  auto told = time_point::min();
  if (answer) take(*answer, sent);
  push_reader_.beaten();
  {
    detail::scoped_lock lock(mutex_);
    beating_ = false;
    forgot = answer && std::exchange(forgot_, false);
    const auto before = last_sent_;
    if (!answer || forgot) begin_anew();  // without an answer the next one proves nothing about before
    if (answer && !forgot) {
      last_sent_ = sent;
      if (options_.relayed) told = relay_.beaten(sent, answer->mark, answer->mark_before);
      if (before != time_point{}) until = before + options_.trust_for;
      if (before != time_point{}) proven_ = before;
      if (options_.relayed) until = told == time_point::min() ? told : std::min(until, told + options_.bound);
      if (until > time_point{}) trusted_ = until;
    }
  }
  if (forgot) tell_lost(true);
  if (answer) options_.ready();
  if (until <= time_point{}) co_return;
  push_reader_.later(topology_.load()->where(), [this, until, told] {
    tell([&](store_observer& each) { each.trust_until(until, told); });
  });
}

void coherence_session::begin_anew() {
  last_sent_ = {};
  relay_.restart();
}

void coherence_session::take(const beat_answer& answer, time_point sent) {
  server_ahead_.store(static_cast<std::int64_t>(answer.at) - in_ms(sent), std::memory_order_release);
  const bool went_back = answer.before < counted_.exchange(answer.now);
  const bool new_epoch = answer.epoch != epoch_.exchange(answer.epoch, std::memory_order_acq_rel);
  learn(answer.now);
  if (!answer.adopted && !went_back && !new_epoch) return;
  detail::scoped_lock lock(mutex_);
  forgot_ = true;
}

task<result<coherence_session::beat_answer>> coherence_session::beat(bool opening) {
  script_call what{.which = &scripts::beat, .keys = {names_.clock}, .arguments = {}};
  // One server's run id is right whoever says it. A view may be an old one: it is adopted when it is new.
  const bool adopt = opening || !topology_.load()->clock_is_apart();
  what.arguments = {
      std::to_string(known()), std::to_string(epoch()), {}, adopt ? "adopt" : "keep", std::string(origin())};
  {
    detail::scoped_lock lock(mutex_);
    if (opening || !run_id_made_up_) what.arguments[2] = run_id_;
  }
  const auto reply = co_await run_one(*topology_.load(), std::move(what), {});
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return std::unexpected(to_error(*reply));
  const auto items = reply->items();
  const auto number = [&](std::size_t i) {
    return static_cast<std::uint64_t>(items[i].integer().value_or(0));
  };
  if (items.size() != 7) co_return fail(errc::store_unavailable, "store: a heartbeat was answered strangely");
  co_return beat_answer{.epoch = static_cast<std::uint32_t>(number(0)),
                        .now = number(1),
                        .before = number(2),
                        .at = number(3),
                        .adopted = number(4) != 0,
                        .mark = number(5),
                        .mark_before = number(6)};
}

task<result<std::vector<floor_entry>>> coherence_session::read_floors() {
  std::vector<floor_entry> floors;
  std::string cursor = "0";
  do {
    auto page = resp::command("HSCAN").arg(names_.floors).arg(cursor).arg("COUNT").arg("1000");
    const auto reply = co_await topology_.load()->send(names_.floors, std::move(page), {});
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->is_error()) co_return std::unexpected(to_error(*reply));
    if (reply->items().size() != 2)
      co_return fail(errc::store_unavailable, "store: HSCAN was answered strangely");
    cursor = reply->items()[0].text();
    const auto fields = reply->items()[1].items();
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
      if (const auto floor = parse_floor(fields[i].text(), fields[i + 1].text())) floors.push_back(*floor);
    }
  } while (cursor != "0");
  co_return floors;
}

void coherence_session::pushed(resp::value message) {
  if (push_reader::is_flush(message)) {  // no heartbeat that was sent before proves anything
    detail::scoped_lock lock(mutex_);
    begin_anew();
  }
  push_reader_.pushed(topology_.load()->where(), std::move(message));
}

void coherence_session::heard_change(std::string_view key) {
  tell([&](store_observer& each) { each.changed(key); });
}

void coherence_session::heard_floor(floor_entry floor) {
  learn(floor.asof);
  tell([&](store_observer& each) { each.floor_raised(floor); });
}

void coherence_session::heard_clear(std::uint32_t epoch) {
  cleared(epoch);
}

void coherence_session::heard_epoch(std::uint32_t epoch) {
  if (epoch <= epoch_.load()) return;
  epoch_.store(epoch, std::memory_order_release);
  tell_lost(true);
}

}  // namespace strata::redis
