#pragma once
/// A connection during its TLS handshake, which decides the protocol of the connection that follows it.
/// Threads: its loop's.

#include "server/client_connection.hpp"
#include "server/loop.hpp"
#include "server/transport.hpp"

#include <string>

namespace strata::server {

class tls_handshake final : public client_connection {
 public:
  tls_handshake(loop& on, transport bytes, client_origin from);

  void start() override;
  void sweep(time_point now) override;
  void drain() override { close(); }
  void cut() override { close(); }

 private:
  using ref = boost::intrusive_ptr<tls_handshake>;

  /// Reads the PROXY protocol's header, which comes before the handshake, and not a byte more.
  void read_proxy_header();
  void shake();
  void completed(const boost::system::error_code& failed);
  void close();

  loop& loop_;
  transport socket_;
  client_origin origin_;
  std::string proxy_header_;  // what has arrived of it
  time_point deadline_{};
  bool over_ = false;
};

}  // namespace strata::server
