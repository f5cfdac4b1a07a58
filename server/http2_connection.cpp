// Long because a stream's way from its head to the last byte of its response shares nearly every member.

#include "server/http2_connection.hpp"

#include "http/request_head.hpp"
#include "server/body_stream.hpp"
#include "server/request_internals.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

namespace strata::server {

namespace {

constexpr std::uint32_t most_streams = 100;
constexpr std::int32_t connection_window = 1 << 20;
constexpr std::size_t flush_at = 64 << 10;
constexpr duration linger_time = std::chrono::seconds(2);

time_point steady_now() {
  return std::chrono::steady_clock::now();
}

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // nghttp2 copies them
}

}  // namespace

struct http2_connection::stream {
  /// The request's way: each phase has its own time limit.
  enum class phase : std::uint8_t { head, body, running, responding, over };

  explicit stream(std::int32_t number) : id(number) {}

  const std::int32_t id;
  phase at = phase::head;
  time_point deadline = time_point::max();
  http2_request_head collected;
  std::string head_text;
  std::unique_ptr<exchange> request;
  std::string body;
  std::size_t budgeted = 0;  // of all bodies
  std::size_t body_limit = 0;
  std::size_t unread_window = 0;  // bytes that came before the body was wanted
  bool request_ended = false;
  bool deciding = false;      // a step decides whether the body is wanted
  bool admitted = false;      // the steps have run, and the body is being received
  bool lingers = false;       // the response is sent, and the request is not complete
  bool task_running = false;  // it uses `request`, whatever became of the stream
  wire_response out;
  std::size_t sent = 0;
  std::string piece;  // of out.stream
};

/// What nghttp2 calls while it takes bytes or makes them. An exception must not pass it.
struct http2_connection::callbacks {
  template <class F>
  static int guarded(F body) noexcept {
    try {
      return body();
    } catch (...) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }
  static http2_connection& self(void* user) { return *static_cast<http2_connection*>(user); }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded([&] {
      if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        self(user).begin_request(frame->hd.stream_id);
      }
      return 0;
    });
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t /*flags*/, void* user) {
    return guarded([&] {
      if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;  // a trailer
      const bool good =
          self(user).add_field(frame->hd.stream_id, text_of(name, name_size), text_of(value, value_size));
      return good ? 0 : static_cast<int>(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE);
    });
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded([&] {
      auto& here = self(user);
      const bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
      if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        here.head_complete(frame->hd.stream_id, ended);
      } else if (ended && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
        here.request_complete(frame->hd.stream_id);
      }
      return 0;
    });
  }
  static int on_data(nghttp2_session*, std::uint8_t /*flags*/, std::int32_t id, const std::uint8_t* data,
                     std::size_t size, void* user) {
    return guarded([&] {
      self(user).add_body(id, text_of(data, size));
      return 0;
    });
  }
  /// A response may be complete before its request. The client may end the request, as far as its window lets
  /// it: some clients drop a response whose stream is reset while they send.
  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded([&] {
      const bool carries = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
      if (!carries || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
      const auto of = self(user).find(frame->hd.stream_id);
      if (of == nullptr || of->request_ended) return 0;
      of->lingers = true;
      of->deadline = steady_now() + linger_time;
      return 0;
    });
  }
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t /*code*/, void* user) {
    return guarded([&] {
      self(user).forget(id);
      return 0;
    });
  }
  static ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t* into, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source*, void* user) {
    auto& here = self(user);
    const auto of = here.find(id);
    if (of == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const auto body = of->out.stream ? std::string_view(of->piece) : of->out.body();
    const auto count = std::min(size, body.size() - of->sent);
    std::copy_n(body.data() + of->sent, count, reinterpret_cast<char*>(into));
    of->sent += count;
    if (of->sent < body.size()) return static_cast<ssize_t>(count);
    if (of->out.stream == nullptr) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(count);
    }
    if (count != 0) return static_cast<ssize_t>(count);
    return here.next_piece(of, flags);
  }

  static nghttp2_session* open(http2_connection* for_whom) {
    nghttp2_session_callbacks* all = nullptr;
    nghttp2_option* options = nullptr;
    nghttp2_session* made = nullptr;
    const bool good = nghttp2_session_callbacks_new(&all) == 0 && nghttp2_option_new(&options) == 0;
    if (good) {
      nghttp2_session_callbacks_set_on_begin_headers_callback(all, on_begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(all, on_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(all, on_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, on_data);
      nghttp2_session_callbacks_set_on_frame_send_callback(all, on_sent);
      nghttp2_session_callbacks_set_on_stream_close_callback(all, on_close);
      nghttp2_option_set_no_auto_window_update(options,
                                               1);  // a body that is not wanted yet gets no more room
      nghttp2_option_set_no_closed_streams(options, 1);
      if (nghttp2_session_server_new2(&made, all, for_whom, options) != 0) made = nullptr;
    }
    nghttp2_session_callbacks_del(all);
    nghttp2_option_del(options);
    if (made == nullptr) throw std::bad_alloc();
    return made;
  }
};

http2_connection::http2_connection(loop& on, transport bytes, client_origin from)
    : client_connection(from),
      loop_(on),
      socket_(std::move(bytes)),
      steps_(on, std::move(from)),
      session_(callbacks::open(this)) {
}

http2_connection::~http2_connection() {
  nghttp2_session_del(session_);
}

void http2_connection::start() {
  const std::array settings{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, most_streams},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                             static_cast<std::uint32_t>(loop_.core().options.max_head.count)}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
  go_on();
}

// Requests

http2_connection::stream_ref http2_connection::find(std::int32_t id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second;
}

void http2_connection::begin_request(std::int32_t id) {
  streams_.emplace(id, std::make_shared<stream>(id));
  head_of_ = id;
  head_deadline_ = steady_now() + loop_.core().options.head_timeout;
}

bool http2_connection::add_field(std::int32_t id, std::string_view name, std::string_view value) {
  const auto of = find(id);
  if (of == nullptr) return false;
  // What is too large is not kept; `head_complete` answers it.
  const bool too_large = of->collected.size() > loop_.core().options.max_head.count;
  return too_large || of->collected.add(name, value);
}

void http2_connection::head_complete(std::int32_t id, bool ended) {
  head_of_ = 0;
  const auto of = find(id);
  if (of == nullptr) return;
  of->request_ended = ended;
  const auto& options = loop_.core().options;
  if (of->collected.size() > options.max_head.count)
    return refuse(of, 431, "the request's head is too large");
  auto text = of->collected.text();
  if (!text) return reset(id, NGHTTP2_PROTOCOL_ERROR);
  of->collected = {};
  of->head_text = std::move(*text);
  of->request = loop_.take_exchange();
  auto& head = of->request->head;
  // The text may be a little longer than what was counted; the count decided.
  const auto parsed = http::parse_head(
      of->head_text, {.max_head = of->head_text.size(), .max_target = options.max_target.count}, head);
  if (parsed.state != http::head_result::parse_status::complete) return refuse(of, parsed.status, parsed.why);
  if (!ended && head.content_length == 0) head.chunked = true;  // a body of unknown length
  if (auto early = steps_.route(*of->request, {}, steady_now(), nullptr))
    return respond(of, std::move(*early));
  of->body_limit = loop_.core().body_limit(of->request->incoming);
  if (ended) return answer(of);
  admit(of);
}

void http2_connection::admit(const stream_ref& of) {
  try {
    auto pending = loop_.core().routes.admit(of->request->incoming);
    if (!pending.is_ready()) {
      of->deciding = true;
      return run(of, as_response(std::move(pending)));
    }
    if (auto early = pending.take_ready()) return respond(of, std::move(*early));
  } catch (...) {
    return respond(of, steps_.failure(*of->request, std::current_exception()));
  }
  receive_body(of);
}

void http2_connection::receive_body(const stream_ref& of) {
  of->admitted = true;
  of->at = stream::phase::body;
  of->deadline = steady_now() + loop_.core().options.body_timeout;
  nghttp2_session_consume_stream(session_, of->id, std::exchange(of->unread_window, 0));
  if (of->request_ended) return answer(of);
  if (of->request->head.expect_continue && of->body.empty()) {
    const nghttp2_nv go_on{bytes_of(":status"), bytes_of("100"), 7, 3, NGHTTP2_NV_FLAG_NONE};
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, of->id, nullptr, &go_on, 1, nullptr);
  }
}

void http2_connection::add_body(std::int32_t id, std::string_view bytes) {
  nghttp2_session_consume_connection(session_, bytes.size());
  const auto of = find(id);
  const bool wanted = of != nullptr && (of->at == stream::phase::head || of->at == stream::phase::body ||
                                        (of->at == stream::phase::running && of->deciding));
  if (!wanted) return;  // it was answered before its body came
  if (of->body.size() + bytes.size() > of->body_limit) {
    if (of->deciding) return reset(id, NGHTTP2_ENHANCE_YOUR_CALM);
    return respond(of, problem(413, "the body is larger than " + std::to_string(of->body_limit) + " bytes"));
  }
  if (!loop_.core().bodies.take(bytes.size())) {
    if (of->deciding) return reset(id, NGHTTP2_ENHANCE_YOUR_CALM);
    auto busy = problem(503, "the server receives too many bodies at once; try again shortly");
    busy.add("Retry-After", "1");
    return respond(of, std::move(busy));
  }
  of->budgeted += bytes.size();
  of->body += bytes;
  if (of->admitted) {
    nghttp2_session_consume_stream(session_, id, bytes.size());
  } else {
    of->unread_window += bytes.size();
  }
}

void http2_connection::request_complete(std::int32_t id) {
  const auto of = find(id);
  if (of == nullptr) return;
  of->request_ended = true;
  if (of->at == stream::phase::body) answer(of);
}

void http2_connection::answer(const stream_ref& of) {
  auto& incoming = of->request->incoming;
  const auto now = steady_now();
  request_internals::resume(incoming, of->body, now, now + loop_.core().options.request_timeout);
  try {
    const auto& routes = loop_.core().routes;
    auto pending = of->admitted ? routes.answer(incoming) : routes.run(incoming);
    if (pending.is_ready()) return respond(of, pending.take_ready());
    run(of, std::move(pending));
  } catch (...) {
    respond(of, steps_.failure(*of->request, std::current_exception()));
  }
}

void http2_connection::run(const stream_ref& of, task<response> work) {
  of->at = stream::phase::running;
  of->deadline = of->request->incoming.deadline();
  of->task_running = true;
  loop_.task_started();
  loop_.count().in_flight.add();
  strata::start(&loop_, std::move(work), [self = ref(this), of](completion<response> outcome) mutable {
    // From the loop in any case: a handler may end on another thread, or inside this call.
    auto& home = self->loop_;
    home.post([self = std::move(self), of = std::move(of), outcome = std::move(outcome)]() mutable {
      self->completed(of, std::move(outcome));
      self->loop_.task_ended();
    });
  });
}

void http2_connection::completed(const stream_ref& of, completion<response> outcome) {
  of->task_running = false;
  loop_.count().in_flight.subtract();
  const bool decided = std::exchange(of->deciding, false);
  if (closed_ || of->at != stream::phase::running) return release(*of);  // it timed out or was cut meanwhile
  if (!outcome) {
    respond(of, steps_.failure(*of->request, outcome.error()));
  } else if (decided && outcome->status == 100) {
    receive_body(of);
  } else {
    respond(of, std::move(*outcome));
  }
  go_on();
}

// Responses

void http2_connection::respond(const stream_ref& of, response with) {
  std::string head;
  auto out = steps_.answer(*of->request, std::move(with), false, head);
  submit(of, std::move(head), std::move(out));
}

void http2_connection::refuse(const stream_ref& of, int status, std::string_view reason) {
  std::string head;
  auto out = steps_.refuse(status, reason, head);
  submit(of, std::move(head), std::move(out));
}

void http2_connection::submit(const stream_ref& of, std::string text, wire_response out) {
  of->at = stream::phase::responding;
  of->deadline = steady_now() + loop_.core().options.write_timeout;
  of->out = std::move(out);
  const http2_response_head head(std::move(text));
  std::vector<nghttp2_nv> fields;
  fields.reserve(head.fields().size());
  for (const auto& [name, value] : head.fields()) {
    fields.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  nghttp2_data_provider body{};
  body.read_callback = callbacks::read_body;
  const bool has_body = of->out.stream != nullptr || !of->out.body().empty();
  nghttp2_submit_response(session_, of->id, fields.data(), fields.size(), has_body ? &body : nullptr);
}

/// Takes what waits in the stream of a response. Without any it returns "deferred", and continues when more
/// comes.
ssize_t http2_connection::next_piece(const stream_ref& of, std::uint32_t* flags) {
  auto next = of->out.stream->take([self = ref(this), of]() mutable {
    auto& home = self->loop_;
    home.post([self = std::move(self), of = std::move(of)] {
      if (!self->closed_ && of->at == stream::phase::responding) {
        nghttp2_session_resume_data(self->session_, of->id);
        self->go_on();
      }
      self->loop_.task_ended();
    });
  });
  of->sent = 0;
  of->piece = std::move(next.text);
  if (!of->piece.empty()) {
    of->deadline = steady_now() + loop_.core().options.write_timeout;
    return 0;
  }
  if (next.ended) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return 0;
  }
  loop_.task_started();  // so that the loop still runs when a piece arrives
  of->deadline = steady_now() + loop_.core().options.stream_idle;
  return NGHTTP2_ERR_DEFERRED;
}

void http2_connection::reset(std::int32_t id, std::uint32_t code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, code);
}

/// The stream is closed: nothing more is received or sent.
void http2_connection::forget(std::int32_t id) {
  if (id == head_of_) head_of_ = 0;
  const auto of = find(id);
  if (of == nullptr) return;
  of->at = stream::phase::over;
  streams_.erase(id);
  release(*of);
}

void http2_connection::release(stream& of) {
  if (const auto gone = std::exchange(of.out.stream, nullptr)) {
    if (gone->abandon()) loop_.task_ended();
  }
  if (of.task_running) return;  // it still reads the request
  loop_.core().bodies.give_back(std::exchange(of.budgeted, 0));
  if (!of.request) return;
  request_internals::clear(of.request->incoming);
  loop_.give_exchange(std::move(of.request));
}

// Bytes

void http2_connection::read() {
  if (writing_ || closed_) return;
  if (streams_.empty() && !idle_place.is_linked()) {
    idle_since_ = steady_now();
    loop_.became_idle(*this);
    out_ = {};  // an idle connection keeps no memory for responses
  }
  if (reading_) return;
  reading_ = true;
  socket_.async_read_some(asio::buffer(input_),
                          [self = ref(this)](const boost::system::error_code& failed, std::size_t count) {
                            self->on_read(failed, count);
                          });
}

void http2_connection::on_read(const boost::system::error_code& failed, std::size_t count) {
  reading_ = false;
  if (closed_) return;
  if (failed) return close();
  loop_.became_busy(*this);
  const ref self(this);
  const auto taken =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(input_.data()), count);
  if (taken < 0) {
    nghttp2_session_terminate_session(session_, NGHTTP2_PROTOCOL_ERROR);
    if (write_pending()) close();
    return;
  }
  go_on();
}

void http2_connection::go_on() {
  const ref self(this);
  if (closed_ || writing_ || !write_pending()) return;
  const bool wants = nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0;
  if (!wants || (loop_.draining() && streams_.empty())) return close();
  read();
}

/// Returns whether all was written; if not, the connection is closed, or `on_written` continues.
bool http2_connection::write_pending() {
  for (;;) {
    while (out_.size() < flush_at) {
      const std::uint8_t* bytes = nullptr;
      const auto size = nghttp2_session_mem_send(session_, &bytes);
      if (size < 0) {
        close();
        return false;
      }
      if (size == 0) break;
      out_ += text_of(bytes, static_cast<std::size_t>(size));
    }
    if (out_.empty()) return true;
    boost::system::error_code failed;
    while (out_at_ < out_.size() && !failed) {
      out_at_ += socket_.write_some(asio::buffer(out_.data() + out_at_, out_.size() - out_at_), failed);
    }
    if (failed && failed != asio::error::would_block && failed != asio::error::try_again) {
      close();
      return false;
    }
    if (failed) break;
    out_.clear();
    out_at_ = 0;
  }
  writing_ = true;
  write_deadline_ = steady_now() + loop_.core().options.write_timeout;
  socket_.async_write_some(asio::const_buffer(out_.data() + out_at_, out_.size() - out_at_),
                           [self = ref(this)](const boost::system::error_code& failed, std::size_t count) {
                             self->on_written(failed, count);
                           });
  return false;
}

void http2_connection::on_written(const boost::system::error_code& failed, std::size_t count) {
  writing_ = false;
  if (closed_) return;
  if (failed) return close();
  out_at_ += count;
  if (out_at_ == out_.size()) {
    out_.clear();
    out_at_ = 0;
  }
  go_on();
}

// Ending

void http2_connection::sweep(time_point now) {
  const ref self(this);
  const auto& options = loop_.core().options;
  if (streams_.empty() && !writing_) {
    if (now - idle_since_ < options.idle_timeout) return;
    nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
    if (write_pending()) close();
    return;
  }
  if ((writing_ && now >= write_deadline_) || (head_of_ != 0 && now >= head_deadline_)) {
    loop_.count().timeouts.add();
    return close();
  }
  std::vector<stream_ref> late;
  for (const auto& [id, of] : streams_) {
    if (now >= of->deadline) late.push_back(of);
  }
  for (const auto& of : late) {
    if (of->at == stream::phase::responding && of->out.stream != nullptr && of->piece.empty()) {
      of->deadline = now + options.stream_idle;
      of->out.stream->send(of->out.stream->idle());
      continue;
    }
    if (of->lingers) {
      reset(of->id, NGHTTP2_NO_ERROR);
      continue;
    }
    loop_.count().timeouts.add();
    if (of->at == stream::phase::body) {
      refuse(of, 408, "the request's body did not arrive in time");
    } else if (of->at == stream::phase::running) {
      refuse(of, 504, "the handler took too long to answer");
    } else {
      reset(of->id, NGHTTP2_CANCEL);
    }
  }
  if (!late.empty()) go_on();
}

void http2_connection::drain() {
  const ref self(this);
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  for (const auto& [id, of] : streams_) {
    if (of->out.stream != nullptr) of->out.stream->end();
  }
  go_on();
}

void http2_connection::close() {
  if (closed_) return;
  const ref self(this);
  closed_ = true;
  loop_.became_busy(*this);
  boost::system::error_code ignored;
  socket_.close(ignored);
  for (const auto& [id, of] : std::exchange(streams_, {})) {
    of->at = stream::phase::over;
    release(*of);
  }
  loop_.closed(*this);
}

}  // namespace strata::server
