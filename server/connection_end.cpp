// How a connection writes, and how it ends. The rest is in connection.cpp.

#include "server/connection.hpp"

#include <algorithm>
#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

namespace strata::server {

namespace {

constexpr duration linger_time = std::chrono::seconds(2);
constexpr std::size_t most_discarded = 4 << 20;

time_point steady_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

// Writing

/// Writes what is queued in the loop's buffer and the tail. Returns whether all was written; if
/// not, the connection is either closed or goes on in `on_written`.
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

/// All is written: stream, or close, or wait for a task, or go on with the next request.
void connection::after_flush() {
  if (stream_) return stream();
  if (close_after_) {
    if (filled_ == begin_ && stage_ == stage::head) return close();
    return linger();
  }
  if (waiting_) return begin_task();
  process();
}

/// Sends what there is of the stream. When there is nothing it goes on by itself once there is.
void connection::stream() {
  if (exchange_) {  // the first time
    loop_.give_exchange(std::move(exchange_));
    read_and_discard();
  }
  for (;;) {
    if (loop_.draining()) return close();
    // Counted as a task until it has come, so that the loop is there when it does.
    auto next = stream_->take([self = ref(this)]() mutable {
      auto& home = self->loop_;
      home.post([self = std::move(self)] {
        if (self->phase_ == phase::streaming) self->stream();
        self->loop_.task_ended();
      });
    });
    if (next.text.empty()) {
      if (next.over) return close();
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
      if (begin_ == filled_ && stage_ == stage::head) return close();
      return timed_out(408, stage_ == stage::head ? "the request's head did not come in time"
                                                  : "the request's body did not come in time");
    case phase::running:
      return timed_out(504, "the answer took too long to make");
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

void connection::timed_out(int status, std::string_view why) {
  loop_.count().timeouts.add();
  now_ = steady_now();
  phase_ = phase::writing;  // whatever comes in, or ends, comes too late
  boost::system::error_code ignored;
  socket_.cancel(ignored);
  refuse(status, why);
  close_after_ = true;
  if (flush()) after_flush();
}

void connection::drain() {
  const bool idle = phase_ == phase::reading && begin_ == filled_ && stage_ == stage::head;
  if (idle || phase_ == phase::streaming) close();
}

void connection::linger() {
  boost::system::error_code ignored;
  socket_.shutdown(tcp_socket::shutdown_send, ignored);
  if (ignored) return close();
  phase_ = phase::lingering;
  deadline_ = steady_now() + linger_time;
  read_and_discard();
}

void connection::read_and_discard() {
  // The buffer may still be what a task of a timed-out request looks at.
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
  boost::system::error_code ignored;
  socket_.close(ignored);
  waiting_.reset();
  if (const auto gone = std::exchange(stream_, nullptr)) {
    if (gone->forget()) loop_.task_ended();
  }
  if (exchange_ && !task_running_) {
    request_access::clear(exchange_->asked);
    loop_.give_exchange(std::move(exchange_));
  }
  loop_.closed(*this);
}

}  // namespace strata::server
