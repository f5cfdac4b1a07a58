#include "redis/tracking.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <random>
#include <utility>

namespace strata::redis {

namespace {

using std::chrono::milliseconds;

std::string random_origin() {
  std::random_device entropy;
  return hex16(std::uint64_t{entropy()} << 32 | entropy());
}

/// The value of `name` in what INFO answers, or nothing.
std::optional<std::string> info_field(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    const auto line = info.substr(0, info.find("\r\n"));
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
      return std::string(line.substr(name.size() + 1));
    }
    info.remove_prefix(std::min(info.size(), line.size() + 2));
  }
  return std::nullopt;
}

int major_version(std::string_view version) {
  int major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  return major;
}

std::int64_t in_ms(time_point at) {
  return std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count();
}

}  // namespace

/// Stands between the timers, which may be running it now, and a tracking that ends.
struct tracking::ticker {
  detail::mutex mutex;
  tracking* owner STRATA_GUARDED_BY(mutex) = nullptr;
  timers::id next STRATA_GUARDED_BY(mutex) = 0;

  static void schedule(const std::shared_ptr<ticker>& self, timers& on, time_point when)
      STRATA_REQUIRES(self->mutex) {
    self->next = on.at(when, [self] { run(self); });
  }
  static void run(const std::shared_ptr<ticker>& self) {
    detail::scoped_lock lock(self->mutex);
    if (self->owner == nullptr) return;
    const auto& options = self->owner->options_;
    self->owner->tick();
    schedule(self, *options.timer, options.time->now() + options.heartbeat);
  }
};

tracking::tracking(tracking_options with)
    : options_(std::move(with)),
      names_(options_.name_space),
      origin_(random_origin()),
      ticker_(std::make_shared<ticker>()) {
}

tracking::~tracking() {
  stop();
}

resp::pipeline tracking::setup() const {
  resp::pipeline out;
  out.add("CLIENT TRACKING").arg("ON").arg("BCAST");
  if (!names_.prefix.empty()) out.arg("PREFIX").arg(names_.prefix);
  out.add("SUBSCRIBE").arg(names_.channel);
  return out;
}

void tracking::start_on(client& over) {
  client_ = &over;
  client_.notify_all();
  detail::scoped_lock lock(ticker_->mutex);
  ticker_->owner = this;
  ticker::schedule(ticker_, *options_.timer, options_.time->now());
}

void tracking::stop() {
  timers::id next = 0;
  {
    detail::scoped_lock lock(ticker_->mutex);
    ticker_->owner = nullptr;
    next = std::exchange(ticker_->next, 0);
  }
  options_.timer->cancel(next);
}

result<void> tracking::usable() const {
  if (ready_.load(std::memory_order_acquire)) return {};
  auto* const over = client_.load();
  auto words = over != nullptr ? over->trouble() : std::string();
  detail::scoped_lock lock(mutex_);
  if (generation_ != 0 || words.empty()) words = trouble_;
  return fail(errc::store_unavailable, std::move(words));
}

server_time tracking::server_now() const noexcept {
  return static_cast<server_time>(in_ms(options_.time->now()) +
                                  server_ahead_.load(std::memory_order_acquire));
}

commit_time tracking::learn(commit_time heard) noexcept {
  auto seen = known_.load(std::memory_order_relaxed);
  while (seen < heard && !known_.compare_exchange_weak(seen, heard, std::memory_order_acq_rel)) {
  }
  return heard;
}

time_point tracking::trusted_until() const {
  detail::scoped_lock lock(mutex_);
  return trusted_;
}

void tracking::filled(std::string_view key) {
  detail::scoped_lock lock(mutex_);
  echoes_.insert_or_assign(std::string(key), beats_);
}

void tracking::cleared(std::uint32_t epoch) {
  epoch_.store(std::max(epoch, epoch_.load()), std::memory_order_release);
  tell_lost(false);
}

template <class Tell>
void tracking::tell(Tell what) {
  detail::scoped_lock lock(telling_);
  for (auto* each : observers_) what(*each);
}

void tracking::tell_lost(bool may_have_forgotten) {
  losses_.fetch_add(1, std::memory_order_relaxed);
  tell([&](store_observer& each) { each.lost(may_have_forgotten); });
}

void tracking::observe(store_observer& observer) {
  detail::scoped_lock lock(telling_);
  observers_.push_back(&observer);
}

void tracking::unobserve(store_observer& observer) {
  detail::scoped_lock lock(telling_);
  std::erase(observers_, &observer);
}

void tracking::refuse(std::string why) {
  bool news = false;
  {
    detail::scoped_lock lock(mutex_);
    news = trouble_ != why;
    if (news) trouble_ = why;
  }
  if (news) options_.log(why);
}

result<void> tracking::connected(const connection_info& about) {
  client_.wait(nullptr);  // it may be quicker than the constructor that is to give it to us
  const auto refused = [&](std::string why) -> result<void> {
    refuse(why);
    return fail(errc::store_unavailable, std::move(why));
  };
  if (major_version(about.version) < 7) {
    return refused("store: the server is " + about.server + ' ' + about.version +
                   "; Redis 7.0 or Valkey is needed: older ones run no script while memory is full");
  }
  if (about.role != "master" && !about.role.empty()) {
    return refused("store: the server is a " + about.role +
                   ", which takes no writes and may be behind; the store needs the master");
  }
  if (about.mode == "cluster") {
    return refused("store: the server is a node of a cluster; redis:// is for one server");
  }
  {
    detail::scoped_lock lock(mutex_);
    generation_ = about.generation;
    last_sent_ = {};
    echoes_.clear();
    beating_ = false;
    const bool made_up = about.run_id.empty();
    if (made_up && !std::exchange(run_id_made_up_, made_up)) {
      options_.log(
          "store: INFO is not allowed to us, so every new connection counts as a restart of the server "
          "and voids what is stored; allow +info");
    }
    run_id_made_up_ = made_up;
    // Nobody else has that one, so only the first heartbeat of a connection brings it.
    const auto run_id = made_up ? origin_ + '-' + std::to_string(about.generation) : about.run_id;
    forgot_ = !run_id_.empty() && run_id_ != run_id;
    run_id_ = run_id;
  }
  // Not from here: requests are taken when this has returned.
  options_.timer->at(options_.time->now() + milliseconds(1), [self = ticker_] {
    detail::scoped_lock lock(self->mutex);
    if (self->owner != nullptr) self->owner->tick();
  });
  return {};
}

void tracking::lost(std::uint64_t generation, const error& why) {
  ready_.store(false, std::memory_order_release);
  detail::scoped_lock lock(mutex_);
  if (generation_ != generation) return;
  generation_ = 0;
  last_sent_ = {};
  beating_ = false;
  trouble_ = why.detail;
}

bool tracking::is_current(std::uint64_t generation) const {
  detail::scoped_lock lock(mutex_);
  return generation_ == generation;
}

void tracking::tick() {
  std::uint64_t generation = 0;
  if (client_.load()->state() == client_state::down)
    refuse(client_.load()->trouble() + "; going on without it");
  {
    detail::scoped_lock lock(mutex_);
    if (generation_ == 0 || beating_) return;
    beating_ = true;
    generation = generation_;
  }
  const bool ready = ready_.load(std::memory_order_acquire);
  start(nullptr, ready ? beat_once(generation) : open_session(generation), [](const completion<void>&) {});
}

task<> tracking::open_session(std::uint64_t generation) {
  const auto sent = options_.time->now();
  const auto safe = co_await check_memory_policy();
  result<beat_answer> first = fail(errc::store_unavailable, "");
  result<std::vector<floor_entry>> floors = fail(errc::store_unavailable, "");
  if (safe) first = co_await beat(true);
  if (first) floors = co_await read_floors();
  if (!is_current(generation)) co_return;
  if (!floors) {
    refuse(!safe ? safe.error().detail : !first ? first.error().detail : floors.error().detail);
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
  options_.log("store: in use: Redis at " + to_text(client_.load()->at()));
  tell([&](store_observer& each) {
    for (const auto& floor : *floors) each.floor_raised(floor);
  });
  // First ready: who is told of the loss may want to say at once what it could not deliver.
  ready_.store(true, std::memory_order_release);
  tell_lost(forgot);
  options_.ready();
  co_await beat_once(generation);
}

/// Lets the timer open the session once more, but not at the pace of heartbeats.
void tracking::try_again(std::uint64_t generation) {
  options_.timer->at(options_.time->now() + milliseconds(200), [self = ticker_, generation] {
    detail::scoped_lock alive(self->mutex);
    if (self->owner == nullptr) return;
    detail::scoped_lock lock(self->owner->mutex_);
    if (self->owner->generation_ == generation) self->owner->beating_ = false;
  });
}

task<> tracking::beat_once(std::uint64_t generation) {
  const auto sent = options_.time->now();
  const auto answer = co_await beat(false);
  if (!is_current(generation)) co_return;
  bool forgot = false;
  time_point until{};
  if (answer) take(*answer, sent);
  {
    detail::scoped_lock lock(mutex_);
    beating_ = false;
    // An echo is there by the next heartbeat. One that never comes must not hide a change of another's.
    std::erase_if(echoes_, [now = ++beats_](const auto& each) { return each.second + 2 < now; });
    forgot = answer && std::exchange(forgot_, false);
    // Without an answer the next one proves nothing about what came before.
    const auto before = std::exchange(last_sent_, answer && !forgot ? sent : time_point{});
    if (answer && !forgot && before != time_point{}) trusted_ = until = before + options_.lease;
  }
  if (forgot) tell_lost(true);
  if (until == time_point{}) co_return;
  later([this, until] { tell([&](store_observer& each) { each.coherent_until(until); }); });
}

void tracking::take(const beat_answer& answer, time_point sent) {
  server_ahead_.store(static_cast<std::int64_t>(answer.at) - in_ms(sent), std::memory_order_release);
  const bool went_back = answer.before < counted_.exchange(answer.now);
  const bool new_epoch = answer.epoch != epoch_.exchange(answer.epoch, std::memory_order_acq_rel);
  learn(answer.now);
  if (!answer.adopted && !went_back && !new_epoch) return;
  detail::scoped_lock lock(mutex_);
  forgot_ = true;
}

task<result<tracking::beat_answer>> tracking::beat(bool opening) {
  script_call what{.which = &scripts::beat, .keys = {names_.clock}, .arguments = {}};
  what.arguments = {std::to_string(known()), std::to_string(epoch()), {}, names_.channel, origin_};
  {
    detail::scoped_lock lock(mutex_);
    if (opening || !run_id_made_up_) what.arguments[2] = run_id_;
  }
  const auto reply = co_await run(*client_.load(), std::move(what));
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) {
    // It has become a replica, and a new connection finds that out, or the master.
    if (reply->error().code == "READONLY") client_.load()->renew(to_error(*reply));
    co_return std::unexpected(to_error(*reply));
  }
  const auto items = reply->items();
  const auto number = [&](std::size_t i) {
    return static_cast<std::uint64_t>(items[i].integer().value_or(0));
  };
  if (items.size() != 5) co_return fail(errc::store_unavailable, "store: a heartbeat was answered strangely");
  co_return beat_answer{.epoch = static_cast<std::uint32_t>(number(0)),
                        .now = number(1),
                        .before = number(2),
                        .at = number(3),
                        .adopted = number(4) != 0};
}

task<result<void>> tracking::check_memory_policy() {
  const auto reply = co_await client_.load()->execute(resp::command("INFO").arg("memory"));
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return result<void>();  // told once, in connected()
  const auto policy = info_field(reply->text(), "maxmemory_policy");
  if (policy && policy->starts_with("allkeys-")) {
    co_return fail(errc::store_unavailable,
                   "store: the server's maxmemory-policy is " + *policy +
                       ", which may evict the floors and the clock, and with them invalidations; set "
                       "maxmemory-policy to volatile-lru (everything that may go has a time to live)");
  }
  co_return result<void>();
}

task<result<std::vector<floor_entry>>> tracking::read_floors() {
  std::vector<floor_entry> floors;
  std::string cursor = "0";
  do {
    auto page = resp::command("HSCAN").arg(names_.floors).arg(cursor).arg("COUNT").arg("1000");
    const auto reply = co_await client_.load()->execute(std::move(page));
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

void tracking::later(std::move_only_function<void()> work) {
  detail::scoped_lock lock(mutex_);
  later_.push_back(std::move(work));
  if (later_.size() > 1) return;
  client_.load()->where().post([self = ticker_] {
    tracking* owner = nullptr;
    {
      detail::scoped_lock alive(self->mutex);
      owner = self->owner;
    }
    // It stays for as long as this runs: a client ends on its own thread, which is this one.
    if (owner != nullptr) owner->do_later();
  });
}

void tracking::do_later() {
  std::vector<std::move_only_function<void()>> now;
  {
    detail::scoped_lock lock(mutex_);
    now.swap(later_);
  }
  for (auto& each : now) each();
}

void tracking::pushed(resp::value message) {
  const auto items = message.items();
  if (items.size() == 2 && items[0].text() == "invalidate") {
    if (items[1].is_null()) {  // FLUSHALL or FLUSHDB: no heartbeat that was sent before proves anything
      detail::scoped_lock lock(mutex_);
      last_sent_ = {};
    }
    later([this, keys = std::move(message.items()[1])] { on_invalidated(keys); });
  } else if (items.size() == 3 && items[0].text() == "message") {
    later([this, text = std::move(message.items()[2]).take_text()] { on_message(text); });
  }
}

void tracking::on_invalidated(const resp::value& keys) {
  if (keys.is_null()) {
    {
      detail::scoped_lock lock(mutex_);
      echoes_.clear();
    }
    tell_lost(true);
    return;
  }
  std::vector<std::string_view> changed;
  {
    detail::scoped_lock lock(mutex_);
    for (const auto& each : keys.items()) {
      const auto key = each.text();
      if (is_beside(key)) continue;
      if (const auto echo = echoes_.find(key); echo != echoes_.end()) {
        echoes_.erase(echo);
      } else {
        changed.push_back(key);
      }
    }
  }
  tell([&](store_observer& observer) {
    for (const auto key : changed) observer.changed(key);
  });
}

void tracking::on_message(std::string_view text) {
  const auto heard = parse_news(text);
  if (!heard) {
    tell_lost(false);  // of another version, perhaps: something was changed
  } else if (heard->origin != origin_) {
    hear(*heard);
  }
}

void tracking::hear(const news& what) {
  if (const auto* keys = std::get_if<news::changed>(&what.what)) {
    tell([&](store_observer& each) {
      for (const auto key : *keys) each.changed(key);
    });
  } else if (const auto* floors = std::get_if<news::floors>(&what.what)) {
    for (const auto& floor : *floors) {
      learn(floor.asof);
      tell([&](store_observer& each) { each.floor_raised(floor); });
    }
  } else if (const auto* cleared = std::get_if<news::cleared>(&what.what)) {
    epoch_.store(std::max(cleared->epoch, epoch()), std::memory_order_release);
    tell_lost(false);
  } else if (const auto* begun = std::get_if<news::new_epoch>(&what.what); begun->epoch > epoch()) {
    epoch_.store(begun->epoch, std::memory_order_release);
    tell_lost(true);
  }
}

}  // namespace strata::redis
