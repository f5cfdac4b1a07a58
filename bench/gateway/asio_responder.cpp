#include "bench/gateway/responders.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

namespace bench {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using executor = asio::io_context::executor_type;
using stream = asio::basic_stream_socket<tcp, executor>;
using listener = asio::basic_socket_acceptor<tcp, executor>;

/// One client: read, answer, write, in callbacks.
class session : public std::enable_shared_from_this<session> {
 public:
  session(stream socket, std::string_view body) : socket_(std::move(socket)), body_(body) {}

  void read() {
    socket_.async_read_some(
        asio::buffer(buffer_.data() + filled_, buffer_.size() - filled_),
        [self = shared_from_this()](const boost::system::error_code& failed, std::size_t got) {
          if (!failed) self->answer(got);
        });
  }

 private:
  void answer(std::size_t got) {
    filled_ += got;
    std::size_t at = 0;
    out_.clear();
    while (at < filled_) {
      const auto request = parse_plain({buffer_.data() + at, filled_ - at});
      if (request.length == 0) break;
      answer_plain(request, body_, out_);
      at += request.length;
    }
    std::memmove(buffer_.data(), buffer_.data() + at, filled_ - at);
    filled_ -= at;
    if (out_.empty()) return read();
    asio::async_write(socket_, asio::buffer(out_),
                      [self = shared_from_this()](const boost::system::error_code& failed, std::size_t) {
                        if (!failed) self->read();
                      });
  }

  stream socket_;
  std::string_view body_;
  std::size_t filled_ = 0;
  std::array<char, 8192> buffer_;
  std::string out_;
};

void accept(listener& from, std::string_view body) {
  from.async_accept([&from, body](const boost::system::error_code& failed, auto socket) {
    if (!failed) {
      boost::system::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      std::make_shared<session>(std::move(socket), body)->read();
    }
    accept(from, body);
  });
}

}  // namespace

int serve_asio() {
  const auto body = document(0);
  asio::io_context io(1);
  listener from(io.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  std::printf("%u\n", static_cast<unsigned>(from.local_endpoint().port()));
  std::fflush(stdout);
  accept(from, body);
  io.run();
  return 0;
}

}  // namespace bench
