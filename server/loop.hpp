#pragma once
/// One thread of the server: an event loop with its listener, its connections and its counters.
/// Nothing is shared between loops but the options, the router (immutable) and a few atomics.
/// Threads: `post`, `drain`, `cut`, `add_stats` any; the rest on the loop's own thread.

#include "core/counter.hpp"
#include "core/mutex.hpp"
#include "http/client_address.hpp"
#include "http/request_head.hpp"
#include "server/address_counts.hpp"
#include "server/body_budget.hpp"
#include "server/loop_types.hpp"
#include "server/tls.hpp"

#include <server/server.hpp>

#include <strata/task.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

namespace strata::server {

class loop;

/// Shared by all loops of a server.
struct server_core {
  server_core(server_options from, router with)
      : options(std::move(from)),
        routes(std::move(with)),
        bodies(options.max_bodies.count),
        addresses(options.max_connections_per_address) {
    for (const auto& each : options.trusted_proxies) trusted.push_back(http::parse_network(each).value());
    if (options.tls) load_tls();
  }

  bool trusts(const http::ip_address& peer) const noexcept {
    return std::ranges::any_of(trusted, [&](const auto& each) { return each.contains(peer); });
  }

  /// Reads the certificate again; on an error it throws, and the old one stays in force.
  void load_tls() {
    auto loaded = std::make_shared<const tls_context>(*options.tls);
    const strata::detail::scoped_lock lock(tls_mutex);
    tls = std::move(loaded);
  }
  /// For the next connection; null without TLS.
  std::shared_ptr<const tls_context> current_tls() const {
    if (!options.tls) return nullptr;
    const strata::detail::scoped_lock lock(tls_mutex);
    return tls;
  }

  /// The longest body of `from`. Requires: its route is known.
  std::size_t body_limit(const request& from) const {
    const auto of_route = from.route()->options.max_body.count;
    return of_route == 0 ? options.max_body.count : std::min(of_route, options.max_body.count);
  }

  const server_options options;
  const router routes;
  std::vector<http::ip_network> trusted;  ///< proxies
  std::atomic<std::uint32_t> open{0};
  mutable body_budget bodies;
  address_counts addresses;
  std::vector<loop*> loops;  ///< set before a thread runs
  mutable strata::detail::mutex tls_mutex;
  std::shared_ptr<const tls_context> tls STRATA_GUARDED_BY(tls_mutex);
};

using detail::counter;

/// Latencies in buckets of 16 µs · 2^i.
struct latency_histogram {
  static constexpr std::size_t bounds = 20;
  std::array<counter, bounds + 1> counts;
  counter sum_nanoseconds;

  void record(duration took) noexcept {
    const auto nanoseconds = static_cast<std::uint64_t>(std::max<duration::rep>(0, took.count()));
    const auto bucket = static_cast<std::size_t>(std::bit_width(nanoseconds / 16'000));
    counts[std::min(bucket, bounds)].add();
    sum_nanoseconds.add(nanoseconds);
  }
  static double bound(std::size_t i) noexcept { return 16e-6 * static_cast<double>(std::uint64_t{1} << i); }
};

struct loop_counters {
  std::array<counter, 6> responses;
  counter accepted, refused, displaced, open, in_flight, timeouts;
  latency_histogram latency;
};

/// The memory for a request that is handled: large, so an idle connection has none.
struct exchange {
  http::request_head head;
  request incoming;
  std::string client;  ///< the client's address, if a proxy reports it with the request
};

class client_connection;

class loop final : public executor {
 public:
  explicit loop(std::shared_ptr<server_core> core);
  ~loop() override;

  /// Binds and listens. `shared_port`: other loops listen on it too. Throws std::system_error.
  void listen(const asio::ip::tcp::endpoint& at, bool shared_port);
  std::uint16_t port() const;

  /// Serves until it is drained and every task has ended, or until `end`.
  void run();

  void post(std::move_only_function<void()> work) override;
  void drain();
  void cut();
  /// Ends `run` even while tasks wait.
  void end();
  bool idle() const noexcept { return tasks_.get() == 0; }
  void add_stats(server_stats& into) const;

  // For connections.
  bool is_current() const noexcept;
  bool draining() const noexcept { return draining_; }
  const server_core& core() const noexcept { return *core_; }
  loop_counters& count() noexcept { return counters_; }
  std::unique_ptr<exchange> take_exchange();
  void give_exchange(std::unique_ptr<exchange> used);
  std::string& out() noexcept { return out_; }
  /// The Date field's text, composed once a second.
  std::string_view date();
  std::chrono::sys_seconds date_seconds() const noexcept { return date_seconds_; }
  std::uint64_t next_id() noexcept;
  void task_started() noexcept { tasks_.add(); }
  void task_ended() noexcept;
  void closed(client_connection& gone) noexcept;
  /// Replaces a connection that has found out which protocol its client speaks, and starts the new one.
  void hand_over(client_connection& from, boost::intrusive_ptr<client_connection> to);
  /// The connection has nothing to do but wait for its next request, or has again.
  void became_idle(client_connection& now) noexcept;
  void became_busy(client_connection& now) noexcept;

 private:
  void accept();
  /// Whether one more connection may stay. Closes an idle one for it if that is needed.
  bool make_room();
  bool make_room_for(const address_key& from);
  bool close_longest_idle();
  void note_longest_idle() noexcept;
  void adopt(tcp_socket socket, const asio::ip::tcp::endpoint& from);
  void arm_sweep();
  void sweep();
  void end_if_done();
  void log(const std::string& line) const;

  const std::shared_ptr<server_core> core_;
  asio::io_context io_;
  asio::executor_work_guard<loop_executor> work_;
  tcp_acceptor acceptor_;
  loop_timer sweep_timer_;
  loop_timer accept_timer_;
  duration sweep_every_;
  bool sweeping_ = false;
  bool draining_ = false;
  struct connection_list;
  std::unique_ptr<connection_list> connections_;
  std::atomic<time_point> idle_since_{time_point::max()};  // of the connection that has been idle longest
  std::vector<std::unique_ptr<exchange>> spare_;
  std::string out_;
  std::string date_;
  std::chrono::sys_seconds date_seconds_{};
  std::uint64_t id_state_;
  counter tasks_;
  loop_counters counters_;
};

}  // namespace strata::server
