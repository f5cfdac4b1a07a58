// Long because answering, writing and ending share nearly every member, and a class has one .cpp.

#include "server/connection.hpp"

#include "http/compose.hpp"
#include "http/proxy_protocol.hpp"
#include "server/body_stream.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace strata::server {

namespace {

constexpr std::size_t largest_copied_body = 16 << 10;  // a larger body is gathered, not copied
constexpr std::size_t flush_at = 64 << 10;
constexpr int requests_per_turn = 64;  // of one connection before the others have their turn
constexpr duration linger_time = std::chrono::seconds(2);
constexpr std::size_t most_discarded = 4 << 20;

time_point steady_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

connection::connection(loop& on, transport bytes, client_origin from)
    : client_connection(from),
      loop_(on),
      socket_(std::move(bytes)),
      steps_(on, from),
      expects_proxy_header_(!socket_.is_secure() && from.expects_proxy_header(on.core().options)),
      reader_(on.core().options, on.core().bodies) {
}

void connection::start() {
  deadline_ = steady_now() + loop_.core().options.head_timeout;
  read();
}

// Reading

void connection::read() {
  phase_ = phase::reading;
  if (reader_.empty()) {
    idle_since_ = steady_now();
    loop_.became_idle(*this);
  }
  const auto space = reader_.space();
  socket_.async_read_some(asio::buffer(space.data(), space.size()),
                          [self = ref(this)](const boost::system::error_code& failed, std::size_t count) {
                            self->on_read(failed, count);
                          });
}

void connection::on_read(const boost::system::error_code& failed, std::size_t count) {
  if (phase_ != phase::reading) return;
  if (failed) return close();
  loop_.became_busy(*this);
  reader_.received(count);
  process();
}

void connection::process() {
  const ref self(this);
  now_ = steady_now();
  if (expects_proxy_header_ && !take_proxy_header()) return;
  if (!exchange_) exchange_ = loop_.take_exchange();
  for (int answered = 0;;) {
    const auto next = reader_.next(exchange_->head);
    switch (next.state) {
      case request_reader::state::incomplete:
        if (next.time_limit != duration::zero()) deadline_ = now_ + next.time_limit;
        if (!flush()) return;
        if (!admitted_) loop_.give_exchange(std::move(exchange_));
        return read();
      case request_reader::state::refused:
        refuse(reader_.refusal_status(), reader_.refusal_reason());
        close_after_ = true;
        if (flush()) after_flush();
        return;
      case request_reader::state::head:
      case request_reader::state::complete:
        break;
    }
    const bool done = next.state == request_reader::state::head ? admit() : answer();
    if (!done) {
      if (flush()) begin_task();
      return;
    }
    if (close_after_ || loop_.out().size() >= flush_at || !tail_.body().empty() ||
        ++answered == requests_per_turn) {
      if (!flush()) return;
      if (close_after_) return after_flush();
      if (answered == requests_per_turn) {
        phase_ = phase::writing;
        deadline_ = now_ + loop_.core().options.write_timeout;
        asio::post(socket_.get_executor(), [self] {
          if (self->phase_ == phase::writing) self->process();
        });
        return;
      }
    }
  }
}

bool connection::take_proxy_header() {
  const auto header = http::parse_proxy_header(reader_.unread());
  switch (header.state) {
    case http::proxy_header::parse_status::incomplete:
      read();
      return false;
    case http::proxy_header::parse_status::malformed:
      close();
      return false;
    case http::proxy_header::parse_status::complete:
      break;
  }
  reader_.drop(header.length);
  expects_proxy_header_ = false;
  if (header.client) steps_.set_peer(http::to_text(*header.client));
  return true;
}

void connection::refuse(int status, std::string_view reason) {
  const auto out = steps_.refuse(status, reason, loop_.out());
  loop_.out() += out.body();
}

// Answering

bool connection::admit() {
  body_undecided_ = true;
  if (!routed({})) return true;
  try {
    auto pending = loop_.core().routes.admit(exchange_->incoming);
    if (!pending.is_ready()) {
      waiting_.emplace(as_response(std::move(pending)));
      return false;
    }
    if (auto early = pending.take_ready()) {
      respond(std::move(*early));
    } else {
      receive_body();
    }
  } catch (...) {
    respond(completion<response>(std::unexpected(std::current_exception())));
  }
  return true;
}

void connection::receive_body() {
  body_undecided_ = false;
  admitted_ = true;
  if (reader_.expects_continue()) loop_.out() += "HTTP/1.1 100 Continue\r\n\r\n";
  reader_.read_body(loop_.core().body_limit(exchange_->incoming));
}

bool connection::routed(std::string_view body) {
  auto early = steps_.route(*exchange_, body, now_, &memory_);
  if (early) respond(std::move(*early));
  return !early;
}

bool connection::answer() {
  auto& incoming = exchange_->incoming;
  const bool admitted = std::exchange(admitted_, false);
  if (admitted) {
    request_internals::resume(incoming, reader_.body(), now_, now_ + loop_.core().options.request_timeout);
  } else if (!routed(reader_.body())) {
    return true;
  }
  try {
    const auto& routes = loop_.core().routes;
    auto pending = admitted ? routes.answer(incoming) : routes.run(incoming);
    if (pending.is_ready()) {
      respond(pending.take_ready());
      return true;
    }
    waiting_.emplace(std::move(pending));
    return false;
  } catch (...) {
    respond(completion<response>(std::unexpected(std::current_exception())));
    return true;
  }
}

void connection::begin_task() {
  phase_ = phase::running;
  deadline_ = exchange_->incoming.deadline();
  task_running_ = true;
  loop_.task_started();
  loop_.count().in_flight.add();
  starting_ = true;
  auto work = std::move(*waiting_);
  waiting_.reset();
  strata::start(&loop_, std::move(work), [self = ref(this)](completion<response> outcome) mutable {
    // A handler may end on a thread of another executor.
    auto& home = self->loop_;
    if (home.is_current()) return self->completed(std::move(outcome));
    home.post([self = std::move(self), outcome = std::move(outcome)]() mutable {
      self->completed(std::move(outcome));
    });
  });
  starting_ = false;
  if (outcome_) {
    auto outcome = std::move(*outcome_);
    outcome_.reset();
    completed(std::move(outcome));
  }
}

void connection::completed(completion<response> outcome) {
  if (starting_) {  // it never waited: `begin_task` continues when `start` returns
    outcome_.emplace(std::move(outcome));
    return;
  }
  const ref self(this);
  task_running_ = false;
  loop_.count().in_flight.subtract();
  if (phase_ != phase::running) {  // it timed out or was cut meanwhile
    request_internals::clear(exchange_->incoming);
    loop_.give_exchange(std::move(exchange_));
    loop_.task_ended();
    return;
  }
  if (body_undecided_ && outcome && outcome->status == 100) {
    now_ = steady_now();
    receive_body();
  } else {
    respond(std::move(outcome));
  }
  loop_.task_ended();
  if (close_after_) {
    if (flush()) after_flush();
  } else if (tail_.body().empty() || flush()) {
    process();
  }
}

void connection::respond(completion<response> outcome) {
  if (outcome) return respond(std::move(*outcome));
  respond(steps_.failure(*exchange_, outcome.error()));
}

void connection::respond(response answer) {
  const auto& head = exchange_->head;
  const bool unread = std::exchange(body_undecided_, false);
  const bool close = !head.keep_alive || loop_.draining() || answer.stream != nullptr ||
                     (unread && !reader_.can_skip_body());
  auto out = steps_.answer(*exchange_, std::move(answer), close, loop_.out());
  close_after_ = close;
  if (!unread) {
    reader_.advance();
  } else if (!close) {
    reader_.skip_body();
  }
  stream_ = std::move(out.stream);
  queue(std::move(out));
}

void connection::queue(wire_response out) {
  const auto body = out.body();
  if (body.size() <= largest_copied_body) {
    loop_.out() += body;
  } else {
    tail_ = std::move(out);
    tail_at_ = 0;
  }
}

// Writing

/// Writes the loop's buffer and the tail. Returns whether all was written; if not, the connection is closed,
/// or `on_written` continues.
bool connection::flush() {
  auto& out = loop_.out();
  if (out.empty() && tail_.body().empty()) return true;
  std::size_t at = 0;
  boost::system::error_code failed;
  while (at < out.size() || tail_at_ < tail_.body().size()) {
    const auto tail = tail_.body().substr(tail_at_);
    const auto written =
        tail.empty() ? socket_.write_some(asio::buffer(out.data() + at, out.size() - at), failed)
                     : socket_.write_some(std::array{asio::const_buffer(out.data() + at, out.size() - at),
                                                     asio::const_buffer(tail.data(), tail.size())},
                                          failed);
    if (failed) break;
    const auto of_head = std::min(written, out.size() - at);
    at += of_head;
    tail_at_ += written - of_head;
  }
  if (!failed) {
    out.clear();
    if (tail_at_ != 0) tail_ = {};
    tail_at_ = 0;
    return true;
  }
  if (failed != asio::error::would_block && failed != asio::error::try_again) {
    out.clear();
    close();
    return false;
  }
  out_.assign(out, at);
  out_at_ = 0;
  out.clear();
  phase_ = phase::writing;
  deadline_ = steady_now() + loop_.core().options.write_timeout;
  write_rest();
  return false;
}

void connection::write_rest() {
  const auto tail = tail_.body().substr(tail_at_);
  const std::array rest{asio::const_buffer(out_.data() + out_at_, out_.size() - out_at_),
                        asio::const_buffer(tail.data(), tail.size())};
  socket_.async_write_some(rest, [self = ref(this)](const boost::system::error_code& failed,
                                                    std::size_t count) { self->on_written(failed, count); });
}

void connection::on_written(const boost::system::error_code& failed, std::size_t count) {
  if (phase_ != phase::writing) return;
  if (failed) return close();
  const auto of_head = std::min(count, out_.size() - out_at_);
  out_at_ += of_head;
  tail_at_ += count - of_head;
  if (!write_done()) return write_rest();
  out_ = {};
  out_at_ = 0;
  tail_ = {};
  tail_at_ = 0;
  after_flush();
}

/// Called when all is written: streams, closes, starts a task, or takes the next request.
void connection::after_flush() {
  if (stream_) return stream();
  if (close_after_) {
    if (reader_.empty()) return close();
    return linger();
  }
  if (waiting_) return begin_task();
  process();
}

/// Sends the pieces of the stream that wait. Without one it returns, and continues when the next arrives.
void connection::stream() {
  if (exchange_) {  // the first time
    loop_.give_exchange(std::move(exchange_));
    read_and_discard();
  }
  for (;;) {
    if (loop_.draining()) return close();
    // The wait counts as a task, so that the loop still runs when a piece arrives.
    auto next = stream_->take([self = ref(this)]() mutable {
      auto& home = self->loop_;
      home.post([self = std::move(self)] {
        if (self->phase_ == phase::streaming) self->stream();
        self->loop_.task_ended();
      });
    });
    if (next.text.empty()) {
      if (next.ended) return close();
      loop_.task_started();
      phase_ = phase::streaming;
      deadline_ = steady_now() + loop_.core().options.stream_idle;
      return;
    }
    loop_.out() += next.text;
    if (!flush()) return;
  }
}

// Ending

void connection::sweep(time_point now) {
  if (now < deadline_) return;
  const ref self(this);
  switch (phase_) {
    case phase::reading:
      if (reader_.empty()) return close();
      return time_out(408, reader_.in_body() ? "the request's body did not arrive in time"
                                             : "the request's head did not arrive in time");
    case phase::running:
      return time_out(504, "the handler took too long to answer");
    case phase::writing:
      loop_.count().timeouts.add();
      return close();
    case phase::streaming:
      deadline_ = now + loop_.core().options.stream_idle;
      stream_->send(stream_->idle());
      return;
    case phase::lingering:
      return close();
    case phase::closed:
      return;
  }
}

void connection::time_out(int status, std::string_view reason) {
  loop_.count().timeouts.add();
  now_ = steady_now();
  phase_ = phase::writing;  // what arrives or completes now is ignored
  boost::system::error_code ignored;
  socket_.cancel(ignored);
  refuse(status, reason);
  close_after_ = true;
  if (flush()) after_flush();
}

void connection::drain() {
  const bool idle = phase_ == phase::reading && reader_.empty();
  if (idle || phase_ == phase::streaming) close();
}

void connection::linger() {
  boost::system::error_code ignored;
  socket_.end_sending(ignored);
  if (ignored) return close();
  phase_ = phase::lingering;
  deadline_ = steady_now() + linger_time;
  read_and_discard();
}

void connection::read_and_discard() {
  // Not into the reader's buffer: the task of a timed-out request may still read it.
  auto waste = std::make_shared<std::array<char, 4096>>();
  socket_.async_read_some(
      asio::buffer(*waste),
      [self = ref(this), waste](const boost::system::error_code& failed, std::size_t count) {
        if (self->phase_ != phase::lingering && !self->stream_) return;
        self->discarded_ += count;
        if (failed || self->discarded_ > most_discarded) return self->close();
        self->read_and_discard();
      });
}

void connection::close() {
  if (phase_ == phase::closed) return;
  const ref self(this);
  phase_ = phase::closed;
  loop_.became_busy(*this);
  boost::system::error_code ignored;
  socket_.close(ignored);
  waiting_.reset();
  if (const auto gone = std::exchange(stream_, nullptr)) {
    if (gone->abandon()) loop_.task_ended();
  }
  if (exchange_ && !task_running_) {
    request_internals::clear(exchange_->incoming);
    loop_.give_exchange(std::move(exchange_));
  }
  loop_.closed(*this);
}

}  // namespace strata::server
