#include "server/tls_handshake.hpp"

#include "http/proxy_protocol.hpp"
#include "server/connection.hpp"
#include "server/http2_connection.hpp"

#include <chrono>
#include <utility>

#include <boost/asio/error.hpp>

namespace strata::server {

tls_handshake::tls_handshake(loop& on, transport bytes, client_origin from)
    : client_connection(from), loop_(on), socket_(std::move(bytes)), origin_(std::move(from)) {
}

void tls_handshake::start() {
  idle_since_ = std::chrono::steady_clock::now();
  deadline_ = idle_since_ + loop_.core().options.head_timeout;
  loop_.became_idle(*this);  // a client that has not proved anything makes room for another
  if (origin_.expects_proxy_header(loop_.core().options)) return read_proxy_header();
  shake();
}

void tls_handshake::read_proxy_header() {
  for (;;) {
    char next = 0;
    boost::system::error_code failed;
    socket_.read_plain(next, failed);
    if (failed == asio::error::would_block || failed == asio::error::try_again) {
      return socket_.async_wait_readable([self = ref(this)](const boost::system::error_code& ended) {
        if (self->over_) return;
        if (ended) return self->close();
        self->read_proxy_header();
      });
    }
    if (failed) return close();
    proxy_header_ += next;
    const auto header = http::parse_proxy_header(proxy_header_);
    if (header.state == http::proxy_header::parse_status::incomplete) continue;
    if (header.state == http::proxy_header::parse_status::malformed) return close();
    if (header.client) origin_.text = http::to_text(*header.client);
    return shake();
  }
}

void tls_handshake::shake() {
  socket_.async_handshake(
      [self = ref(this)](const boost::system::error_code& failed, std::size_t) { self->completed(failed); });
}

void tls_handshake::sweep(time_point now) {
  if (now < deadline_) return;
  loop_.count().timeouts.add();
  close();
}

void tls_handshake::completed(const boost::system::error_code& failed) {
  if (over_) return;
  if (failed) return close();
  over_ = true;
  loop_.became_busy(*this);
  boost::intrusive_ptr<client_connection> next;
  if (socket_.speaks_http2()) {
    next.reset(new http2_connection(loop_, std::move(socket_), std::move(origin_)));
  } else {
    next.reset(new connection(loop_, std::move(socket_), std::move(origin_)));
  }
  loop_.hand_over(*this, std::move(next));
}

void tls_handshake::close() {
  if (over_) return;
  const ref self(this);
  over_ = true;
  loop_.became_busy(*this);
  boost::system::error_code ignored;
  socket_.close(ignored);
  loop_.closed(*this);
}

}  // namespace strata::server
