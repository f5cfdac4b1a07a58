#include "redis/connection/asio_connection.hpp"

#include "redis/connection/handshake.hpp"

#include <sys/un.h>

#include <algorithm>
#include <future>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

namespace strata::redis {

namespace {

constexpr unsigned patient_ticks = 25;  // without a deadline, before the timer slows down

void check(const client_options& with) {
  std::vector<std::string> problems;
  const auto positive = [&](std::string_view name, bool is) {
    if (!is) problems.push_back(fmt::format("{} must be more than zero", name));
  };
  positive("request_timeout", with.request_timeout > duration::zero());
  positive("connect_timeout", with.connect_timeout > duration::zero());
  positive("silence", with.silence > duration::zero());
  positive("ping_after", with.ping_after > duration::zero());
  positive("first_retry", with.first_retry > duration::zero());
  positive("max_pending", with.max_pending > 0);
  positive("max_pending_size", with.max_pending_size.count > 0);
  if (with.last_retry < with.first_retry)
    problems.emplace_back("last_retry must not be less than first_retry");
  if (!with.locate && with.at.path.empty() && (with.at.host.empty() || with.at.port == 0))
    problems.emplace_back("at names no server");
  if (std::ranges::any_of(with.name, [](char c) { return c <= ' ' || c > '~'; })) {
    problems.emplace_back("name must have no spaces and be printable ASCII");
  }
  if (with.at.path.size() >= sizeof sockaddr_un{}.sun_path)
    problems.emplace_back("the path of the Unix socket is too long");
  if (with.tls.enabled && !with.at.path.empty()) problems.emplace_back("a Unix socket has no TLS");
  if (with.tls.certificate_file.empty() != with.tls.key_file.empty()) {
    problems.emplace_back("tls needs both of certificate_file and key_file, or neither");
  }
  if (!problems.empty()) throw bad_options(std::move(problems));
}

}  // namespace

std::shared_ptr<connection> make_connection(std::shared_ptr<loop> on, client_options with,
                                            client_observer* observer, const clock& time) {
  check(with);
  std::shared_ptr<const tls_context> tls;
  if (with.tls.enabled) {
    auto made = tls_context::make(with.tls);
    if (!made) throw bad_options({made.error().detail});
    tls = std::move(*made);
  }
  return std::make_shared<asio_connection>(std::move(on), std::move(with), std::move(tls), observer, time);
}

asio_connection::asio_connection(std::shared_ptr<loop> on, client_options with,
                                 std::shared_ptr<const tls_context> tls, client_observer* observer,
                                 const clock& time)
    : loop_(std::move(on)),
      options_(std::move(with)),
      tls_(std::move(tls)),
      observer_(observer),
      time_(time),
      at_(options_.at),
      socket_(loop_->io().get_executor()),
      resolver_(loop_->io().get_executor()),
      timer_(loop_->io().get_executor()),
      requests_(time.now()),
      liveness_(options_.silence, options_.ping_after),
      backoff_(options_.first_retry, options_.last_retry),
      random_(std::random_device{}()),
      parser_(options_.reply_limits) {
}

void asio_connection::open() {
  loop_->post([self = shared_from_this()] {
    self->begin_attempt();
    self->arm_timer();
    self->finish_turn();
  });
}

void asio_connection::close() {
  if (loop_->is_current()) {
    end();
    return;
  }
  std::promise<void> ended;
  loop_->post([&] {
    end();
    ended.set_value();
  });
  ended.get_future().wait();
}

void asio_connection::end() {
  if (phase_ == phase::ended) return;
  const error why{errc::store_unavailable, "the client was closed"};
  request_list late;
  inbox_.close(late);
  while (request* one = late.pop()) requests_.add(one);
  set_trouble(why.detail);
  fail_all(why);
  if (observer_ != nullptr && phase_ == phase::ready) observer_->lost(generation_, why);
  observer_ = nullptr;
  phase_ = phase::ended;
  ++attempt_;
  error_code ignored;
  socket_.close(ignored);
  resolver_.cancel();
  timer_.cancel();
  sort_completed();
  delivery_.flush(loop_.get());
}

/// All that wait or were sent fail.
void asio_connection::fail_all(const error& why) {
  state_.store(client_state::down, std::memory_order_relaxed);
  requests_.lost(why);
  requests_.refuse(why);
}

bool asio_connection::submit(request& one) {
  const auto size = one.what.bytes().size();
  const auto refuse = [&](error why) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    one.failed = std::move(why);
    return false;
  };
  if (state() == client_state::down) return refuse(down_error());
  const auto waiting = pending_.fetch_add(1, std::memory_order_relaxed);
  const auto waiting_size = pending_size_.fetch_add(size, std::memory_order_relaxed);
  const auto take_back = [&] {
    pending_.fetch_sub(1, std::memory_order_relaxed);
    pending_size_.fetch_sub(size, std::memory_order_relaxed);
  };
  if (waiting >= options_.max_pending || waiting_size + size > options_.max_pending_size.count) {
    take_back();
    return refuse({errc::busy, fmt::format("{} requests of {} bytes wait for Redis at {}", waiting,
                                           waiting_size, to_text(at()))});
  }
  one.hold();
  switch (inbox_.push(&one)) {
    case inbox::pushed::closed:
      take_back();
      one.drop();
      return refuse(down_error());
    case inbox::pushed::first:
      if (loop_->is_current() && in_turn_) {
        again_ = true;
      } else {
        asio::post(loop_->io(), [self = shared_from_this()] { self->finish_turn(); });
      }
      break;
    case inbox::pushed::behind:
      break;
  }
  return true;
}

std::string asio_connection::trouble() const {
  detail::scoped_lock lock(trouble_guard_);
  return trouble_;
}

void asio_connection::set_trouble(std::string words) {
  detail::scoped_lock lock(trouble_guard_);
  trouble_ = std::move(words);
}

address asio_connection::at() const {
  detail::scoped_lock lock(trouble_guard_);
  return at_;
}

void asio_connection::renew(error why) {
  loop_->post([self = shared_from_this(), why = std::move(why)]() mutable {
    if (self->phase_ == phase::resting) {
      self->retry_at_ = self->time_.now();
      self->arm_timer();
    } else if (!self->broken_) {
      self->broken_ = std::move(why);
    }
    self->finish_turn();
  });
}

error asio_connection::down_error() const {
  return {errc::store_unavailable, trouble()};
}

client_stats asio_connection::stats() const {
  return {.requests = requests_taken_.get(),
          .refused = refused_.load(std::memory_order_relaxed),
          .timeouts = timeouts_.get(),
          .resent = resent_.get(),
          .unanswered = unanswered_.get(),
          .connections = connections_.get(),
          .failures = failures_.get(),
          .pushes = pushes_.get(),
          .writes = writes_.get(),
          .sent = sent_.get(),
          .received = received_.get(),
          .pending = pending_.load(std::memory_order_relaxed)};
}

/// A request of the link's own: nobody is woken by it.
void asio_connection::add_own(request* one, bool first) {
  pending_.fetch_add(1, std::memory_order_relaxed);
  pending_size_.fetch_add(one->what.bytes().size(), std::memory_order_relaxed);
  if (first) {
    requests_.add_first(one);
  } else {
    requests_.add(one);
  }
}

void asio_connection::send_handshake() {
  phase_ = phase::handshake;
  handshake_ = new request(handshake_commands(options_), give_up_at_, false);
  handshake_sent_ = false;
  add_own(handshake_, true);
}

/// The replies to the greeting are there, or will not come.
void asio_connection::handshake_done() {
  request& done = *std::exchange(handshake_, nullptr);
  if (done.failed) {
    broken_ = error{errc::store_unavailable, fmt::format("Redis at {} does not answer", to_text(at()))};
    return;
  }
  auto about = read_handshake(options_, at(), done.replies);
  if (!about) {
    broken_ = std::move(about.error());
    return;
  }
  about->generation = generation_ + 1;
  // What the observer starts waits for its verdict.
  state_.store(client_state::connecting, std::memory_order_relaxed);
  if (observer_ != nullptr) {
    if (auto accepted = observer_->connected(*about); !accepted) {
      broken_ = std::move(accepted.error());
      return;
    }
  }
  ++generation_;
  connections_.add();
  phase_ = phase::ready;
  ready_since_ = time_.now();
  set_trouble({});
  state_.store(client_state::connected, std::memory_order_relaxed);
  for (auto& each : std::exchange(early_pushes_, {})) on_push(std::move(each));
  arm_timer();
}

void asio_connection::lose(const error& why) {
  const auto now = time_.now();
  const bool was_ready = phase_ == phase::ready;
  ++attempt_;  // no handler of this connection does anything from here on
  error_code ignored;
  socket_.close(ignored);
  resolver_.cancel();
  phase_ = phase::resting;
  handshake_ = nullptr;
  early_pushes_.clear();
  session_.reset();
  tls_done_ = false;
  parser_ = resp::parser(options_.reply_limits);
  in_.clear();
  plain_.clear();
  wire_.clear();
  written_ = 0;
  writing_ = false;
  set_trouble(why.detail);
  requests_.lost(why);
  if (was_ready) {
    state_.store(client_state::connecting, std::memory_order_relaxed);
    // A server that takes connections and drops them is not come back to at once.
    if (now - ready_since_ > options_.last_retry) backoff_.succeeded();
  } else {
    failures_.add();
    state_.store(client_state::down, std::memory_order_relaxed);
    requests_.refuse(why);
  }
  retry_at_ = now + backoff_.next(random_());
  if (was_ready && observer_ != nullptr) observer_->lost(generation_, why);
  arm_timer();
}

time_point asio_connection::next_due(time_point now) const {
  time_point due = now + options_.ping_after;
  switch (phase_) {
    case phase::resting:
      due = retry_at_;
      break;
    case phase::opening:
    case phase::handshake:
      due = give_up_at_;
      break;
    case phase::ready:
      // An answer may come before that, and then the next question is due earlier.
      due = std::min(due, liveness_.due(requests_.oldest()));
      break;
    case phase::ended:
      break;
  }
  return fast_ ? std::min(due, now + deadline_wheel::tick) : due;
}

/// Something has a deadline now.
void asio_connection::wake_timer() {
  idle_ticks_ = 0;
  if (fast_) return;
  fast_ = true;
  arm_timer();
}

void asio_connection::arm_timer() {
  if (phase_ == phase::ended) return;
  const auto now = time_.now();
  timer_.expires_after(std::max<duration>(next_due(now) - now, std::chrono::microseconds(100)));
  timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (!cancelled) self->tick();
  });
}

void asio_connection::tick() {
  if (phase_ == phase::ended) return;
  const auto now = time_.now();
  requests_.expire(now);
  if (requests_.has_deadlines()) {
    idle_ticks_ = 0;
  } else if (++idle_ticks_ > patient_ticks) {
    fast_ = false;
  }
  switch (phase_) {
    case phase::resting:
      if (now >= retry_at_) begin_attempt();
      break;
    case phase::opening:
    case phase::handshake:
      if (now >= give_up_at_) broke("does not answer in time");
      break;
    case phase::ready:
      switch (liveness_.judge(now, requests_.oldest())) {
        case liveness::verdict::alive:
          break;
        case liveness::verdict::ask:
          add_own(new request(resp::command("PING"), time_point::max(), false), false);
          break;
        case liveness::verdict::dead:
          broke("was silent for too long");
          break;
      }
      break;
    case phase::ended:
      break;
  }
  finish_turn();
  arm_timer();
}

}  // namespace strata::redis
