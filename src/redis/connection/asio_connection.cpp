/// Long because one class drives one socket: connecting, reading, writing and losing it share all state.

#include "redis/connection/asio_connection.hpp"

#include "core/option_problems.hpp"
#include "redis/connection/handshake.hpp"

#include <netinet/tcp.h>
#include <sys/un.h>

#include <algorithm>
#include <future>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

namespace strata::redis {

namespace {

constexpr std::size_t enough_to_write = 256u << 10;
constexpr std::size_t cipher_size = 64u << 10;
constexpr std::size_t max_early_pushes = 10'000;

template <int Level, int Name>
using socket_number = asio::detail::socket_option::integer<Level, Name>;

void check(const client_options& with) {
  detail::option_problems problems;
  const auto positive = [&](std::string_view name, bool good) {
    if (!good) problems.add(fmt::format("{} must be more than zero", name));
  };
  positive("request_timeout", with.request_timeout > duration::zero());
  positive("connect_timeout", with.connect_timeout > duration::zero());
  positive("silence", with.silence > duration::zero());
  positive("ping_after", with.ping_after > duration::zero());
  positive("first_retry", with.first_retry > duration::zero());
  positive("max_pending", with.max_pending > 0);
  positive("max_pending_size", with.max_pending_size.count > 0);
  if (with.last_retry < with.first_retry) problems.add("last_retry must not be less than first_retry");
  if (!with.locate && with.at.path.empty() && (with.at.host.empty() || with.at.port == 0))
    problems.add("at names no server");
  if (std::ranges::any_of(with.name, [](char c) { return c <= ' ' || c > '~'; })) {
    problems.add("name must have no spaces and be printable ASCII");
  }
  if (with.at.path.size() >= sizeof sockaddr_un{}.sun_path)
    problems.add("the path of the Unix socket is too long");
  if (with.tls.enabled && !with.at.path.empty()) problems.add("a Unix socket has no TLS");
  if (with.tls.certificate_file.empty() != with.tls.key_file.empty()) {
    problems.add("tls needs both of certificate_file and key_file, or neither");
  }
  problems.throw_if_any();
}

}  // namespace

std::shared_ptr<connection> make_connection(std::shared_ptr<loop> on, client_options with,
                                            client_observer* observer, const clock& time) {
  check(with);
  std::shared_ptr<const tls_context> tls;
  if (with.tls.enabled) {
    auto context = tls_context::make(with.tls);
    if (!context) throw bad_options({context.error().detail});
    tls = std::move(*context);
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

/// Fails all requests, waiting or sent.
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
    return refuse({errc::busy, fmt::format("{} requests of {} bytes already wait for Redis at {}", waiting,
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

/// Adds a request of the connection's own, which has no waiter.
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

/// The handshake was answered, or never will be.
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
  // Requests that the observer starts wait for its verdict.
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
  ++attempt_;  // from here on the handlers of this connection do nothing
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
    // A server that accepts connections and drops them must not be retried at once.
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
      // A reply may arrive before that, and then the next PING is due earlier.
      due = std::min(due, liveness_.due(requests_.oldest()));
      break;
    case phase::ended:
      break;
  }
  if (ticking_) due = std::min(due, now + deadline_wheel::tick);
  return std::min(due, deadline_);
}

/// A request has this deadline. Most requests are answered long before theirs, so the timer does not tick
/// until the first deadline is reached: an idle connection has few wake-ups.
void asio_connection::expect_deadline(time_point deadline) {
  deadline_ = std::min(deadline_, deadline);
  if (deadline_ < timer_at_) arm_timer();
}

void asio_connection::arm_timer() {
  if (phase_ == phase::ended) return;
  const auto now = time_.now();
  timer_at_ = std::max<time_point>(next_due(now), now + std::chrono::microseconds(100));
  timer_.expires_after(timer_at_ - now);
  timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (!cancelled) self->tick();
  });
}

void asio_connection::tick() {
  if (phase_ == phase::ended) return;
  const auto now = time_.now();
  requests_.expire(now);
  ticking_ = requests_.has_deadlines();
  deadline_ = time_point::max();
  switch (phase_) {
    case phase::resting:
      if (now >= retry_at_) begin_attempt();
      break;
    case phase::opening:
    case phase::handshake:
      if (now >= give_up_at_) broke("did not answer in time");
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

template <class Work>
auto asio_connection::guarded(Work work) {
  return [self = shared_from_this(), attempt = attempt_, work = std::move(work)](auto&&... results) mutable {
    if (self->attempt_ != attempt) return;
    work(std::forward<decltype(results)>(results)...);
    self->finish_turn();
  };
}

/// Marks the connection, or the attempt, as broken; `finish_turn` tears it down.
void asio_connection::broke(std::string_view what, const error_code& failed) {
  if (broken_) return;
  auto words = fmt::format("Redis at {} {}", to_text(at()), what);
  if (failed) words += ": " + failed.message();
  broken_ = error{errc::store_unavailable, std::move(words)};
}

void asio_connection::begin_attempt() {
  ++attempt_;
  phase_ = phase::opening;
  give_up_at_ = time_.now() + options_.connect_timeout;
  if (!options_.locate) return connect_to(options_.at);
  // The answer may arrive on another thread, and after we have given up.
  auto located = guarded([this](result<address> found) {
    if (found) return connect_to(*found);
    broken_ = std::move(found.error());
  });
  start(nullptr, options_.locate(),
        [on = loop_, located = std::move(located)](completion<result<address>> done) mutable {
          auto found = done ? std::move(*done)
                            : fail(errc::store_unavailable, "client_options::locate threw an exception");
          on->post([located = std::move(located), found = std::move(found)]() mutable {
            located(std::move(found));
          });
        });
}

void asio_connection::connect_to(const address& server) {
  {
    detail::scoped_lock lock(trouble_guard_);
    at_ = server;
  }
  candidates_.clear();
  if (!server.path.empty()) {
    candidates_.emplace_back(asio::local::stream_protocol::endpoint(server.path));
    connect_next();
    return;
  }
  error_code no_address;
  const auto literal = asio::ip::make_address(server.host, no_address);
  if (!no_address) {
    candidates_.emplace_back(asio::ip::tcp::endpoint(literal, server.port));
    connect_next();
    return;
  }
  resolver_.async_resolve(server.host, std::to_string(server.port),
                          guarded([this](const error_code& failed, const auto& found) {
                            if (failed) return broke("cannot be resolved", failed);
                            for (const auto& each : found) candidates_.emplace_back(each.endpoint());
                            std::ranges::reverse(candidates_);  // the first is tried first
                            connect_next();
                          }));
}

void asio_connection::connect_next() {
  if (candidates_.empty()) return broke("has no address");
  const auto to = candidates_.back();
  candidates_.pop_back();
  error_code ignored;
  socket_.close(ignored);
  socket_.async_connect(to, guarded([this](const error_code& failed) {
                          if (!failed) return connected();
                          if (candidates_.empty()) return broke("cannot be reached", failed);
                          connect_next();
                        }));
}

void asio_connection::connected() {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  const auto server = at();
  if (server.path.empty()) {
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.set_option(asio::socket_base::keep_alive(true), ignored);
    // The kernel gives up when sent data stays unacknowledged for that long.
    const auto silence = std::chrono::duration_cast<std::chrono::milliseconds>(options_.silence);
    socket_.set_option(socket_number<IPPROTO_TCP, TCP_USER_TIMEOUT>(static_cast<int>(silence.count())),
                       ignored);
  }
  liveness_.bytes_moved(time_.now());
  if (tls_) {
    const auto& name = options_.tls.server_name;
    session_ = std::make_unique<tls_session>(tls_, name.empty() ? server.host : name);
    if (!cipher_) cipher_ = std::make_unique_for_overwrite<char[]>(cipher_size);
    if (auto begun = session_->handshake(); !begun) return broke(begun.error().detail);
    session_->take_output(wire_);
  } else {
    send_handshake();
  }
  read();
}

void asio_connection::read() {
  const auto room = tls_ ? std::span(cipher_.get(), cipher_size) : in_.room(read_size(requests_.depth()));
  const auto size =
      tls_ ? room.size() : std::min(room.size(), std::max(read_size(requests_.depth()), in_.bytes().size()));
  socket_.async_read_some(asio::buffer(room.data(), size), [self = shared_from_this(), attempt = attempt_](
                                                               const error_code& failed, std::size_t got) {
    if (self->attempt_ != attempt) return;
    self->on_read(failed, got);
    self->finish_turn();
    // After this turn's writes: Asio tries to read at once, and more may have arrived by now.
    if (self->attempt_ == attempt) self->read();
  });
}

void asio_connection::on_read(const error_code& failed, std::size_t size) {
  if (failed == asio::error::eof) return broke("closed the connection");
  if (failed) return broke("cannot be read from", failed);
  liveness_.bytes_moved(time_.now());
  if (tls_) {
    const auto took = session_->received({cipher_.get(), size}, in_);
    session_->take_output(wire_);
    if (!took) return broke(took.error().detail);
    if (!tls_done_) {
      const auto ready = session_->handshake();
      if (!ready) return broke(ready.error().detail);
      tls_done_ = *ready;
      if (tls_done_) send_handshake();
    }
  } else {
    in_.filled(size);
  }
  parse();
}

void asio_connection::parse() {
  auto bytes = in_.bytes();
  const auto before = bytes.size();
  auto how = resp::parse_status::complete;
  while (how == resp::parse_status::complete && !broken_) {
    resp::value message;
    how = parser_.next(bytes, message);
    if (how == resp::parse_status::complete) {
      if (message.is() == resp::kind::push) {
        requests_.confirm(message);
        if (phase_ == phase::ready) {
          on_push(std::move(message));
        } else if (early_pushes_.size() < max_early_pushes) {
          early_pushes_.push_back(std::move(message));
        } else {
          broke("sent too many pushes before the handshake ended");
        }
      } else if (!requests_.answer(std::move(message))) {
        broke("sent a reply to no request");
      }
    } else if (how == resp::parse_status::refused) {
      broke(fmt::format("does not speak RESP3: {}", parser_.why()));
    }
  }
  received_.add(before - bytes.size());
  in_.keep_last(bytes.size());
}

void asio_connection::on_push(resp::value message) {
  pushes_.add();
  if (observer_ != nullptr) observer_->pushed(std::move(message));
}

/// Writes waiting requests, as many as the socket takes.
void asio_connection::flush() {
  while (!writing_ && !broken_) {
    if (written_ < wire_.size()) {
      write();
      continue;
    }
    wire_.clear();
    written_ = 0;
    const bool in_handshake = phase_ == phase::handshake;
    if ((phase_ != phase::ready && !in_handshake) || (in_handshake && handshake_sent_)) return;
    auto& into = tls_ ? plain_ : wire_;
    if (requests_.take(into, enough_to_write, time_.now(), in_handshake) == 0) return;
    handshake_sent_ = in_handshake;
    writes_.add();
    sent_.add(into.size());
    if (tls_) {
      const auto encrypted = session_->send(plain_);
      plain_.clear();
      session_->take_output(wire_);
      if (!encrypted) return broke(encrypted.error().detail);
    }
  }
}

void asio_connection::write() {
  error_code failed;
  written_ += socket_.write_some(asio::buffer(wire_.data() + written_, wire_.size() - written_), failed);
  if (failed == asio::error::would_block || failed == asio::error::try_again) {
    writing_ = true;
    socket_.async_wait(socket::wait_write, guarded([this](const error_code& no_wait) {
                         writing_ = false;
                         if (no_wait) return broke("cannot be written to", no_wait);
                         liveness_.bytes_moved(time_.now());  // the peer has made room
                       }));
  } else if (failed) {
    broke("cannot be written to", failed);
  }
}

void asio_connection::take_inbox() {
  request_list taken;
  inbox_.take(taken);
  if (taken.empty()) return;
  auto first = time_point::max();
  while (request* one = taken.pop()) {
    requests_taken_.add();
    first = std::min(first, one->deadline);
    requests_.add(one);
  }
  if (state() == client_state::down) {
    requests_.refuse(down_error());
  } else {
    expect_deadline(first);
  }
}

/// Passes each completed request to its waiter, or to the handshake.
void asio_connection::sort_completed() {
  while (request* one = requests_.next_completed()) {
    if (one == handshake_) handshake_done();
    if (one->waiter) {
      delivery_.add(one);
    } else {
      one->drop();
    }
  }
  const auto gone = requests_.take_gone();
  if (gone.requests == 0) return;
  pending_.fetch_sub(gone.requests, std::memory_order_relaxed);
  pending_size_.fetch_sub(gone.bytes, std::memory_order_relaxed);
  const auto& counted = requests_.counted();
  timeouts_.set(counted.timeouts);
  resent_.set(counted.resent);
  unanswered_.set(counted.unanswered);
}

void asio_connection::finish_turn() {
  if (phase_ == phase::ended) return;
  in_turn_ = true;
  do {
    again_ = false;
    sort_completed();
    if (broken_) {
      lose(*std::exchange(broken_, std::nullopt));
      sort_completed();
    }
    delivery_.flush(loop_.get());
    if (phase_ == phase::ended) break;  // a waiter that was just woken closed the client
    take_inbox();
    flush();
    sort_completed();
  } while (again_ || broken_);
  in_turn_ = false;
  delivery_.flush(loop_.get());
}

}  // namespace strata::redis
