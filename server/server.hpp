#pragma once
/// An HTTP/1.1 server: one thread a core, each with its own listener and connections.
/// Threads: internally locked; every member function from any thread.

#include <server/cors.hpp>
#include <server/router.hpp>

#include <strata/time.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::server {

/// One answered request, for the access log. Views live during the call only.
struct access_record {
  std::string_view method;
  std::string_view target;
  std::string_view route;  ///< the pattern, or empty
  std::string_view request_id;
  std::string_view peer;
  int status = 0;
  std::uint64_t bytes = 0;  ///< head and body
  strata::duration duration{};
  const cache_status* cache = nullptr;
};

/// Whether `text` is an IP address or a network, "10.0.0.0/8": an item of server_options::trusted_proxies.
bool is_network(std::string_view text);

/// How a trusted proxy tells the address of its client.
enum class client_source : std::uint8_t {
  either,           ///< Forwarded or X-Forwarded-For; if both are there and disagree, neither counts
  forwarded,        ///< Forwarded (RFC 7239)
  x_forwarded_for,  ///< X-Forwarded-For
  proxy_protocol,   ///< the PROXY protocol, version 1 or 2, before the first request of every connection
};

/// PEM files of a listener's certificate, with its chain, and of its key.
struct tls_files {
  std::string certificate;
  std::string key;
};

struct server_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;          ///< 0: any free port
  unsigned threads = 0;            ///< 0: one a core
  byte_size max_head{16u << 10};   ///< request line and fields: 431
  byte_size max_target{8u << 10};  ///< 414
  byte_size max_body{1u << 20};    ///< 413
  /// Memory for all bodies that are being received: 503 for a body that does not fit.
  byte_size max_bodies{64u << 20};
  /// When so many are open, a new one closes the one that has been idle longest; without one it gets a 503.
  std::uint32_t max_connections = 10'000;
  /// The same for each client address, except those of trusted proxies. 0: half of max_connections.
  std::uint32_t max_connections_per_address = 0;

  /// Networks of proxies, "10.0.0.0/8" or one address: requests from there count as those of the client that
  /// the proxy reports.
  std::vector<std::string> trusted_proxies;
  client_source client_from = client_source::either;

  duration head_timeout = std::chrono::seconds(10);     ///< to send a whole head: 408
  duration body_timeout = std::chrono::seconds(30);     ///< to send a whole body: 408
  duration idle_timeout = std::chrono::seconds(60);     ///< between requests
  duration write_timeout = std::chrono::seconds(30);    ///< to receive a response
  duration request_timeout = std::chrono::seconds(30);  ///< for the handler to answer: 504
  duration stream_idle = std::chrono::seconds(15);      ///< until a body_stream's `idle` is sent
  duration drain_timeout = std::chrono::seconds(10);    ///< to finish running requests when stopping

  /// Counts a 4xx response that no rate limit has counted, by the client's address. `from` is null if the
  /// request could not be read. If the state it returns is exceeded, the client gets a 429 instead. Called on
  /// a server thread; must neither block nor throw.
  std::function<std::optional<rate_limit_state>(std::string_view peer, const request* from)> count_refused;
  cors_options cors;
  /// If set, the listener speaks TLS 1.2 or newer, and HTTP/2 to clients that ask for it (ALPN).
  std::optional<tls_files> tls;

  /// Called on a server thread for every response; must neither block nor throw.
  std::function<void(const access_record&)> access_log;
  /// Called with one line when a handler throws or accepting fails; must not throw.
  std::function<void(std::string_view)> error_log;
};

/// Counters since the start.
struct server_stats {
  std::array<std::uint64_t, 6> responses{};  ///< by status class; [2] is 2xx
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_open = 0;
  std::uint64_t connections_refused = 0;    ///< over a limit, with no idle one to close
  std::uint64_t connections_displaced = 0;  ///< idle ones, closed to make room for others
  std::uint64_t in_flight = 0;              ///< requests whose handler has not answered yet
  std::uint64_t timeouts = 0;
  std::vector<double> latency_bounds;         ///< seconds, ascending
  std::vector<std::uint64_t> latency_counts;  ///< one more than bounds; not cumulative
  double latency_sum = 0;
};

class server {
 public:
  /// Throws bad_options that names every problem of `options`, and std::runtime_error for a certificate or
  /// key that cannot be used.
  server(server_options options, router routes);
  /// Stops, as `stop`.
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Listens and serves; returns when it accepts connections.
  /// Throws std::system_error if it cannot bind the address.
  void start();

  /// The port listened on. Requires: started.
  std::uint16_t port() const noexcept;

  /// Reads the certificate and the key again, for the connections that follow. Does nothing without TLS.
  /// Throws std::runtime_error if they cannot be used; those in force stay.
  void reload_tls();

  /// Stops accepting and closes idle connections; running requests finish with Connection: close.
  /// Returns at once. Idempotent.
  void drain();

  /// Drains, waits at most drain_timeout for running requests, then cuts the rest. Idempotent.
  /// Returns whether every request finished.
  bool stop();

  server_stats stats() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace strata::server
