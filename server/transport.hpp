#pragma once
/// The bytes of one connection, plain or through TLS, under the names of a socket's functions.
/// A plain transport adds nothing to its socket's calls. Threads: its connection's loop.

#include "server/loop_types.hpp"
#include "server/tls.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <boost/asio/buffer.hpp>

namespace strata::server {

class transport {
 public:
  using completion_handler = std::move_only_function<void(const boost::system::error_code&, std::size_t)>;

  explicit transport(tcp_socket socket) : socket_(std::move(socket)) {}

  /// Begins TLS: `handshake` comes next.
  void secure(const tls_context& with) {
    session_ = std::make_unique<tls_session>(with, socket_.native_handle());
  }
  bool is_secure() const noexcept { return session_ != nullptr; }
  bool speaks_http2() const noexcept { return session_ != nullptr && session_->speaks_http2(); }

  /// Before the handshake: reads one byte as it came, or fails with would_block.
  void read_plain(char& into, boost::system::error_code& failed) {
    socket_.read_some(asio::buffer(&into, 1), failed);
  }
  template <class Handler>
  void async_wait_readable(Handler done) {
    socket_.async_wait(tcp_socket::wait_read, std::move(done));
  }

  /// Calls `done` when the handshake is complete or has failed. Requires: `secure`.
  void async_handshake(completion_handler done);

  template <class Handler>
  void async_read_some(asio::mutable_buffer into, Handler done) {
    if (session_ == nullptr) return socket_.async_read_some(into, std::move(done));
    read_secure(into, std::move(done), false);
  }

  template <class Buffers, class Handler>
  void async_write_some(const Buffers& bytes, Handler done) {
    if (session_ == nullptr) return socket_.async_write_some(bytes, std::move(done));
    write_secure(first_of(bytes), std::move(done), false);
  }

  /// As the socket's: it fails with would_block if nothing can be written now.
  template <class Buffers>
  std::size_t write_some(const Buffers& bytes, boost::system::error_code& failed) {
    if (session_ == nullptr) return socket_.write_some(bytes, failed);
    return write_secure_now(first_of(bytes), failed);
  }

  auto get_executor() { return socket_.get_executor(); }
  void cancel(boost::system::error_code& failed) { socket_.cancel(failed); }
  /// Sends no more.
  void end_sending(boost::system::error_code& failed) {
    if (session_ != nullptr) session_->end();
    socket_.shutdown(tcp_socket::shutdown_send, failed);
  }
  void close(boost::system::error_code& failed) {
    if (session_ != nullptr) session_->end();
    socket_.close(failed);
  }

 private:
  template <class Buffers>
  static asio::const_buffer first_of(const Buffers& bytes) {
    const auto end = asio::buffer_sequence_end(bytes);
    for (auto each = asio::buffer_sequence_begin(bytes); each != end; ++each) {
      if (asio::const_buffer(*each).size() != 0) return *each;
    }
    return {};
  }

  /// Calls `done` from the loop, and not from the caller, if the bytes are there at once: `waited` is false.
  void read_secure(asio::mutable_buffer into, completion_handler done, bool waited);
  void write_secure(asio::const_buffer bytes, completion_handler done, bool waited);
  std::size_t write_secure_now(asio::const_buffer bytes, boost::system::error_code& failed);
  template <class Continue>
  void wait_for(tls_session::wanted what, Continue then);
  void complete(completion_handler done, const tls_session::progress& made, bool waited);

  tcp_socket socket_;
  std::unique_ptr<tls_session> session_;  // null: plain
};

}  // namespace strata::server
