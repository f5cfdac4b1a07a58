#include "redis/connection/asio_connection.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace strata::redis {

namespace {

constexpr std::size_t enough_to_write = 256u << 10;
constexpr std::size_t cipher_size = 64u << 10;
constexpr std::size_t most_early_pushes = 10'000;

template <int Level, int Name>
using socket_number = asio::detail::socket_option::integer<Level, Name>;

}  // namespace

template <class Work>
auto asio_connection::guarded(Work work) {
  return [self = shared_from_this(), attempt = attempt_, work = std::move(work)](auto&&... results) mutable {
    if (self->attempt_ != attempt) return;
    work(std::forward<decltype(results)>(results)...);
    self->finish_turn();
  };
}

/// The present connection, or the attempt at one, is no good. What follows is done by `finish_turn`.
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
  if (!options_.locate) return reach(options_.at);
  // The answer may come on another thread, and when we have given up.
  auto located = guarded([this](result<address> found) {
    if (found) return reach(*found);
    broken_ = std::move(found.error());
  });
  start(nullptr, options_.locate(),
        [on = loop_, located = std::move(located)](completion<result<address>> done) mutable {
          auto found =
              done ? std::move(*done) : fail(errc::store_unavailable, "who is to locate Redis threw");
          on->post([located = std::move(located), found = std::move(found)]() mutable {
            located(std::move(found));
          });
        });
}

void asio_connection::reach(const address& where) {
  {
    detail::scoped_lock lock(trouble_guard_);
    at_ = where;
  }
  candidates_.clear();
  if (!where.path.empty()) {
    candidates_.emplace_back(asio::local::stream_protocol::endpoint(where.path));
    connect_next();
    return;
  }
  error_code no_address;
  const auto literal = asio::ip::make_address(where.host, no_address);
  if (!no_address) {
    candidates_.emplace_back(asio::ip::tcp::endpoint(literal, where.port));
    connect_next();
    return;
  }
  resolver_.async_resolve(where.host, std::to_string(where.port),
                          guarded([this](const error_code& failed, const auto& found) {
                            if (failed) return broke("is not known", failed);
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
  const auto where = at();
  if (where.path.empty()) {
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.set_option(asio::socket_base::keep_alive(true), ignored);
    // The kernel gives up on data that is not acknowledged for that long, whatever we ask.
    const auto silence = std::chrono::duration_cast<std::chrono::milliseconds>(options_.silence);
    socket_.set_option(socket_number<IPPROTO_TCP, TCP_USER_TIMEOUT>(static_cast<int>(silence.count())),
                       ignored);
  }
  liveness_.heard(time_.now());
  if (tls_) {
    const auto& name = options_.tls.server_name;
    session_ = std::make_unique<tls_session>(tls_, name.empty() ? where.host : name);
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
    // After what was written in this turn: Asio tries to read at once, and there may be more by now.
    if (self->attempt_ == attempt) self->read();
  });
}

void asio_connection::on_read(const error_code& failed, std::size_t size) {
  if (failed == asio::error::eof) return broke("closed the connection");
  if (failed) return broke("cannot be read from", failed);
  liveness_.heard(time_.now());
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
  auto how = resp::progress::complete;
  while (how == resp::progress::complete && !broken_) {
    resp::value message;
    how = parser_.next(bytes, message);
    if (how == resp::progress::complete) {
      if (message.is() == resp::kind::push) {
        requests_.confirm(message);
        if (phase_ == phase::ready) {
          on_push(std::move(message));
        } else if (early_pushes_.size() < most_early_pushes) {
          early_pushes_.push_back(std::move(message));
        } else {
          broke("pushes too much before it is asked for anything");
        }
      } else if (!requests_.answer(std::move(message))) {
        broke("answers what was not asked");
      }
    } else if (how == resp::progress::refused) {
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

/// Writes what waits, as much as the socket takes.
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
                         liveness_.heard(time_.now());  // the peer has made room
                       }));
  } else if (failed) {
    broke("cannot be written to", failed);
  }
}

void asio_connection::take_inbox() {
  request_list taken;
  inbox_.take(taken);
  if (taken.empty()) return;
  while (request* one = taken.pop()) {
    requests_taken_.add();
    requests_.add(one);
  }
  if (state() == client_state::down) {
    requests_.refuse(down_error());
  } else {
    wake_timer();
  }
}

/// Each request that is done goes to its waiter, or to the link itself.
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
    if (phase_ == phase::ended) break;  // by somebody who was just woken
    take_inbox();
    flush();
    sort_completed();
  } while (again_ || broken_);
  in_turn_ = false;
  delivery_.flush(loop_.get());
}

}  // namespace strata::redis
