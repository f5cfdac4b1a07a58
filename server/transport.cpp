#include "server/transport.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace strata::server {

template <class Continue>
void transport::wait_for(tls_session::wanted what, Continue then) {
  const auto how = what == tls_session::wanted::readable ? tcp_socket::wait_read : tcp_socket::wait_write;
  socket_.async_wait(how, std::move(then));
}

void transport::complete(completion_handler done, const tls_session::progress& made, bool waited) {
  const boost::system::error_code result =
      made.ended ? boost::system::error_code(asio::error::eof) : boost::system::error_code();
  if (waited) return done(result, made.bytes);
  asio::post(socket_.get_executor(),
             [done = std::move(done), result, bytes = made.bytes]() mutable { done(result, bytes); });
}

void transport::async_handshake(completion_handler done) {
  const auto made = session_->handshake();
  if (made.wants == tls_session::wanted::nothing) return complete(std::move(done), made, false);
  wait_for(made.wants, [this, done = std::move(done)](const boost::system::error_code& failed) mutable {
    if (failed) return done(failed, 0);
    async_handshake(std::move(done));
  });
}

void transport::read_secure(asio::mutable_buffer into, completion_handler done, bool waited) {
  const auto made = session_->read({static_cast<char*>(into.data()), into.size()});
  if (made.wants == tls_session::wanted::nothing) return complete(std::move(done), made, waited);
  wait_for(made.wants, [this, into, done = std::move(done)](const boost::system::error_code& failed) mutable {
    if (failed) return done(failed, 0);
    read_secure(into, std::move(done), true);
  });
}

void transport::write_secure(asio::const_buffer bytes, completion_handler done, bool waited) {
  const auto made = session_->write({static_cast<const char*>(bytes.data()), bytes.size()});
  if (made.wants == tls_session::wanted::nothing) return complete(std::move(done), made, waited);
  wait_for(made.wants,
           [this, bytes, done = std::move(done)](const boost::system::error_code& failed) mutable {
             if (failed) return done(failed, 0);
             write_secure(bytes, std::move(done), true);
           });
}

std::size_t transport::write_secure_now(asio::const_buffer bytes, boost::system::error_code& failed) {
  const auto made = session_->write({static_cast<const char*>(bytes.data()), bytes.size()});
  failed.clear();
  if (made.ended) failed = asio::error::broken_pipe;
  if (made.wants != tls_session::wanted::nothing) failed = asio::error::would_block;
  return made.bytes;
}

}  // namespace strata::server
