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
constexpr std::string_view too_many = "too many refused requests; wait as long as Retry-After says";

/// Rounded up, so that a client that waits this long is admitted.
std::chrono::seconds whole_seconds(duration time) {
  return std::max(std::chrono::seconds(1), std::chrono::ceil<std::chrono::seconds>(time));
}

time_point steady_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

connection::connection(loop& on, tcp_socket socket, const asio::ip::address& peer, bool behind_proxy)
    : loop_(on),
      socket_(std::move(socket)),
      peer_(http::to_text({whole_of(peer)})),
      from_(key_of(peer)),
      address_(whole_of(peer)),
      behind_proxy_(behind_proxy),
      expects_proxy_header_(behind_proxy && on.core().options.client_from == client_source::proxy_protocol),
      reader_(on.core().options, on.core().bodies) {
}

void connection::start() {
  deadline_ = steady_now() + loop_.core().options.head_timeout;
  read();
}

connection_facts connection::facts(bool close, bool http_1_0) {
  const auto date = loop_.date();
  return {.date = date, .now = loop_.date_seconds(), .close = close, .http_1_0 = http_1_0};
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
  if (header.client) peer_ = http::to_text(*header.client);
  return true;
}

std::string_view connection::find_client() {
  const auto& options = loop_.core().options;
  const auto& incoming = exchange_->incoming;
  const auto which = options.client_from == client_source::forwarded ? http::forwarded_field::forwarded
                     : options.client_from == client_source::x_forwarded_for
                         ? http::forwarded_field::x_forwarded_for
                         : http::forwarded_field::either;
  const http::ip_address peer{address_};
  const auto client = http::find_client(peer, incoming.field_list("forwarded"),
                                        incoming.field_list("x-forwarded-for"), loop_.core().trusted, which);
  if (client == peer) return peer_;
  client_ = http::to_text(client);
  return client_;
}

std::optional<rate_limit_state> connection::count_refused(const request* from, int status) {
  const auto& count = loop_.core().options.count_refused;
  if (!count || status < 400 || status > 499 || (from != nullptr && from->rate_limit)) return {};
  return count(from != nullptr ? from->peer() : std::string_view(peer_), from);
}

void connection::refuse(int status, std::string_view reason) {
  char id[17];
  auto number = loop_.next_id();
  for (int i = 15; i >= 0; --i, number >>= 4) id[i] = "0123456789abcdef"[number & 15];
  const auto counted = count_refused(nullptr, status);
  if (counted && counted->exceeded) {
    status = 429;
    reason = too_many;
  }
  auto told = problem(status, reason);
  if (status == 429) told.add("Retry-After", std::to_string(whole_seconds(counted->retry_after).count()));
  if (status == 503) told.add("Retry-After", "1");
  const auto out = write_unparsed_response(std::move(told), facts(true, false), {id, 16}, loop_.out());
  loop_.out() += out.body();
  loop_.count().responses[static_cast<std::size_t>(status / 100)].add();
  if (const auto& log = loop_.core().options.access_log) {
    log({.request_id = {id, 16}, .peer = peer_, .status = status, .bytes = out.bytes});
  }
}

// Answering

namespace {

/// A step's decision about a body as a response: 100 lets the client send it.
task<response> as_response(task<std::optional<response>> pending) {
  auto early = co_await std::move(pending);
  if (early) co_return std::move(*early);
  response go_on;
  go_on.status = 100;
  co_return go_on;
}

}  // namespace

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
  auto& [head, incoming] = *exchange_;
  const auto refused = request_internals::fill(incoming, head,
                                               {.body = body,
                                                .peer = peer_,
                                                .generated_id = loop_.next_id(),
                                                .now = now_,
                                                .deadline = now_ + loop_.core().options.request_timeout,
                                                .memory = &memory_});
  if (behind_proxy_ && loop_.core().options.client_from != client_source::proxy_protocol) {
    request_internals::set_peer(incoming, find_client());
  }
  if (refused) {
    respond(problem(refused->status, refused->reason));
    return false;
  }
  if (auto early = loop_.core().routes.match(incoming)) {
    respond(std::move(*early));
    return false;
  }
  const auto limit = loop_.core().body_limit(incoming);
  if (head.content_length > limit || body.size() > limit) {
    respond(problem(413, "the body is larger than " + std::to_string(limit) + " bytes"));
    return false;
  }
  return true;
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
  const auto& failed = exchange_->incoming;
  std::string why = "an exception that is not a std::exception";
  try {
    std::rethrow_exception(outcome.error());
  } catch (const std::exception& thrown) {
    why = thrown.what();
  } catch (...) {  // NOLINT: `why` says so
  }
  if (const auto& log = loop_.core().options.error_log) {
    std::string line(exchange_->head.method);
    line.append(" ").append(failed.path()).append(" [").append(failed.request_id()).append("]: ").append(why);
    log(line);
  }
  respond(problem(500, "the server failed to answer; its log has the reason under this request id"));
}

void connection::respond(response answer) {
  auto& [head, incoming] = *exchange_;
  const bool unread = std::exchange(body_undecided_, false);
  const bool close = !head.keep_alive || loop_.draining() || answer.stream != nullptr ||
                     (unread && !reader_.can_skip_body());
  const auto known_facts = facts(close, head.http_1_0);
  if (answer.status < 200 || answer.status > 599)
    answer = problem(500, "the handler answered with an invalid status");
  if (auto counted = count_refused(&incoming, answer.status)) {
    incoming.rate_limit = counted;
    if (counted->exceeded) answer = problem(429, too_many);
  }
  auto out = write_response(incoming, std::move(answer), known_facts, loop_.out());
  record(out, incoming);
  request_internals::clear(incoming);
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

void connection::record(const wire_response& out, const request& answered) {
  auto& count = loop_.count();
  count.responses[static_cast<std::size_t>(out.status / 100)].add();
  const auto took = steady_now() - answered.now();
  count.latency.record(took);
  if (const auto& log = loop_.core().options.access_log) {
    log({.method = exchange_->head.method,
         .target = answered.target(),
         .route =
             answered.route() != nullptr ? std::string_view(answered.route()->pattern) : std::string_view(),
         .request_id = answered.request_id(),
         .peer = answered.peer(),
         .status = out.status,
         .bytes = out.bytes,
         .duration = took,
         .cache = out.cache ? &*out.cache : nullptr});
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
  socket_.shutdown(tcp_socket::shutdown_send, ignored);
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
