#include "server/connection.hpp"

#include "http/compose.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace strata::server {

namespace {

constexpr std::size_t initial_buffer = 4096;
constexpr std::size_t largest_copied_body = 16 << 10;  // above, the body is gathered, not copied
constexpr std::size_t flush_at = 64 << 10;
constexpr int requests_per_turn = 64;  // of one connection before the others have theirs

time_point steady_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

connection::connection(loop& on, tcp_socket socket, std::string peer)
    : loop_(on),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      buffer_(std::make_unique_for_overwrite<char[]>(initial_buffer)),
      capacity_(initial_buffer) {
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
  socket_.async_read_some(asio::buffer(buffer_.get() + filled_, capacity_ - filled_),
                          [self = ref(this)](const boost::system::error_code& failed, std::size_t count) {
                            self->on_read(failed, count);
                          });
}

void connection::on_read(const boost::system::error_code& failed, std::size_t count) {
  if (phase_ != phase::reading) return;
  if (failed) return close();
  filled_ += count;
  process();
}

void connection::process() {
  const ref self(this);
  now_ = steady_now();
  if (!exchange_) exchange_ = loop_.take_exchange();
  for (int served = 0;;) {
    switch (next_request()) {
      case progress::needs_more:
        if (!flush()) return;
        loop_.give_exchange(std::move(exchange_));
        return read();
      case progress::refused:
        close_after_ = true;
        if (flush()) after_flush();
        return;
      case progress::ready:
        break;
    }
    if (!answer()) {
      if (flush()) begin_task();
      return;
    }
    if (close_after_ || loop_.out().size() >= flush_at || !tail_.body().empty() ||
        ++served == requests_per_turn) {
      if (!flush()) return;
      if (close_after_) return after_flush();
      if (served == requests_per_turn) {
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

connection::progress connection::next_request() {
  switch (stage_) {
    case stage::head:
      return next_head();
    case stage::sized_body:
      return next_sized_body();
    case stage::chunked_body:
      return next_chunked_body();
  }
  std::unreachable();
}

connection::progress connection::next_head() {
  const auto& options = loop_.core().options;
  if (begin_ == filled_) {
    begin_ = filled_ = 0;
    deadline_ = now_ + options.idle_timeout;
    if (capacity_ > initial_buffer) {
      buffer_ = std::make_unique_for_overwrite<char[]>(initial_buffer);
      capacity_ = initial_buffer;
    }
    return progress::needs_more;
  }
  const auto bytes = received();
  if (scanned_ != 0 && bytes.size() <= options.max_head.count) {
    // Looked at before: parse again only when its end has come, so that a client that sends byte
    // by byte costs no more than one that does not.
    const auto from = scanned_ < 3 ? 0 : scanned_ - 3;
    if (!bytes.substr(from).contains("\r\n\r\n")) {
      scanned_ = bytes.size();
      make_room(bytes.size() + 1);
      return progress::needs_more;
    }
  }
  const http::head_limits limits{.max_head = options.max_head.count, .max_target = options.max_target.count};
  const auto parsed = http::parse_head(bytes, limits, exchange_->head);
  switch (parsed.is) {
    case http::head_result::state::incomplete: {
      const bool began = scanned_ == 0;
      scanned_ = bytes.size();
      if (began) return needs_more(bytes.size() + 1, options.head_timeout);
      make_room(bytes.size() + 1);
      return progress::needs_more;
    }
    case http::head_result::state::refused:
      return refuse(parsed.status, parsed.why);
    case http::head_result::state::complete:
      break;
  }
  scanned_ = 0;
  head_length_ = parsed.length;
  body_length_ = 0;
  next_ = begin_ + head_length_;
  if (!exchange_->head.has_body()) return progress::ready;
  return begin_body();
}

connection::progress connection::begin_body() {
  const auto& head = exchange_->head;
  const auto max_body = loop_.core().options.max_body.count;
  if (head.chunked) {
    chunks_.emplace(max_body);
    stage_ = stage::chunked_body;
  } else {
    if (head.content_length > max_body) {
      return refuse(413, "the body is larger than " + std::to_string(max_body) + " bytes");
    }
    body_length_ = head.content_length;
    stage_ = stage::sized_body;
  }
  if (head.expect_continue && filled_ == next_) loop_.out() += "HTTP/1.1 100 Continue\r\n\r\n";
  deadline_ = now_ + loop_.core().options.body_timeout;
  return next_request();
}

connection::progress connection::next_sized_body() {
  const auto total = head_length_ + body_length_;
  if (filled_ - begin_ < total) {
    reparse_ = true;
    make_room(total);
    return progress::needs_more;
  }
  next_ = begin_ + total;
  return progress::ready;
}

connection::progress connection::next_chunked_body() {
  const auto body_end = begin_ + head_length_ + body_length_;
  const auto raw = filled_ - body_end;
  const auto step = chunks_->feed(buffer_.get() + body_end, raw, buffer_.get() + body_end);
  body_length_ += step.produced;
  switch (chunks_->is()) {
    case http::chunked_decoder::state::refused:
      return refuse(chunks_->status(), chunks_->why());
    case http::chunked_decoder::state::reading:
      filled_ = begin_ + head_length_ + body_length_;
      reparse_ = true;
      make_room(head_length_ + body_length_ + initial_buffer / 2);
      return progress::needs_more;
    case http::chunked_decoder::state::done:
      break;
  }
  next_ = body_end + step.consumed;
  return progress::ready;
}

connection::progress connection::needs_more(std::size_t total, duration within) {
  deadline_ = now_ + within;
  make_room(total);
  return progress::needs_more;
}

/// Room for a request of `total` bytes, or at least for more of it: what a client announces is
/// not believed before it comes.
void connection::make_room(std::size_t total) {
  const auto used = filled_ - begin_;
  if (begin_ != 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, used);
    begin_ = 0;
    filled_ = used;
  }
  if (filled_ < capacity_ && (capacity_ >= total || filled_ < capacity_ / 2)) return;
  const auto bigger = std::max(std::min(total, capacity_ * 2), filled_ + 1024);
  if (bigger <= capacity_) return;
  auto moved = std::make_unique_for_overwrite<char[]>(bigger);
  std::memcpy(moved.get(), buffer_.get(), used);
  buffer_ = std::move(moved);
  capacity_ = bigger;
}

connection::progress connection::refuse(int status, std::string_view why) {
  char id[17];
  auto number = loop_.next_id();
  for (int i = 15; i >= 0; --i, number >>= 4) id[i] = "0123456789abcdef"[number & 15];
  auto done = finish_unparsed(problem(status, why), facts(true, false), {id, 16}, loop_.out());
  loop_.out() += done.own;
  loop_.count().responses[static_cast<std::size_t>(status / 100)].add();
  if (const auto& log = loop_.core().options.access_log) {
    log({.request_id = {id, 16}, .peer = peer_, .status = status, .bytes = done.bytes});
  }
  return progress::refused;
}

// Answering

bool connection::answer() {
  auto& [head, asked] = *exchange_;
  if (reparse_) {
    const auto& options = loop_.core().options;
    const http::head_limits limits{.max_head = options.max_head.count,
                                   .max_target = options.max_target.count};
    http::parse_head(received().substr(0, head_length_), limits, head);
    reparse_ = false;
  }
  stage_ = stage::head;
  const auto refused = request_access::fill(asked, head,
                                            {.body = received().substr(head_length_, body_length_),
                                             .peer = peer_,
                                             .made_id = loop_.next_id(),
                                             .now = now_,
                                             .deadline = now_ + loop_.core().options.request_timeout,
                                             .memory = &memory_});
  if (refused) {
    respond(problem(refused->status, refused->why));
    return true;
  }
  try {
    auto pending = loop_.core().routes.dispatch(asked);
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
  deadline_ = exchange_->asked.deadline();
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
  if (starting_) {  // it never waited: `begin_task` goes on when `start` has returned
    outcome_.emplace(std::move(outcome));
    return;
  }
  const ref self(this);
  task_running_ = false;
  loop_.count().in_flight.subtract();
  if (phase_ != phase::running) {  // timed out or cut meanwhile: nobody waits for it
    request_access::clear(exchange_->asked);
    loop_.give_exchange(std::move(exchange_));
    loop_.task_ended();
    return;
  }
  respond(std::move(outcome));
  loop_.task_ended();
  if (close_after_) {
    if (flush()) after_flush();
  } else if (tail_.body().empty() || flush()) {
    process();
  }
}

void connection::respond(completion<response> outcome) {
  if (outcome) return respond(std::move(*outcome));
  const auto& asked = exchange_->asked;
  std::string why = "something that is no std::exception";
  try {
    std::rethrow_exception(outcome.error());
  } catch (const std::exception& thrown) {
    why = thrown.what();
  } catch (...) {  // NOLINT: said above
  }
  if (const auto& log = loop_.core().options.error_log) {
    std::string line(exchange_->head.method);
    line.append(" ").append(asked.path()).append(" [").append(asked.request_id()).append("]: ").append(why);
    log(line);
  }
  respond(problem(500, "the server failed to answer; its log tells why under this request id"));
}

void connection::respond(response with) {
  auto& [head, asked] = *exchange_;
  const bool close = !head.keep_alive || loop_.draining() || with.stream != nullptr;
  const auto known_facts = facts(close, head.http_1_0);
  if (with.status < 200 || with.status > 599)
    with = problem(500, "the handler answered with no valid status");
  auto done = finish(asked, std::move(with), known_facts, loop_.out());
  record(done, asked);
  request_access::clear(asked);
  close_after_ = close;
  begin_ = next_;
  stream_ = std::move(done.stream);
  queue(std::move(done));
}

void connection::queue(finished done) {
  const auto body = done.body();
  if (body.size() <= largest_copied_body) {
    loop_.out() += body;
  } else {
    tail_ = std::move(done);
    tail_at_ = 0;
  }
}

void connection::record(const finished& done, const request& asked) {
  auto& count = loop_.count();
  count.responses[static_cast<std::size_t>(done.status / 100)].add();
  const auto took = steady_now() - asked.now();
  count.latency.record(took);
  if (const auto& log = loop_.core().options.access_log) {
    log({.method = exchange_->head.method,
         .target = asked.target(),
         .route = asked.route() != nullptr ? std::string_view(asked.route()->pattern) : std::string_view(),
         .request_id = asked.request_id(),
         .peer = peer_,
         .status = done.status,
         .bytes = done.bytes,
         .duration = took,
         .cache = done.cache ? &*done.cache : nullptr});
  }
}

}  // namespace strata::server
