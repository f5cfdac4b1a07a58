#include "server/server.hpp"

#include "core/mutex.hpp"
#include "core/option_problems.hpp"
#include "http/client_address.hpp"
#include "server/loop.hpp"

#include <strata/error.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <system_error>
#include <thread>

#include <sched.h>
#include <boost/asio/ip/address.hpp>

namespace strata::server {

namespace {

/// Keeps `abandoned` until the process ends. A task that still waits when its server stops may be resumed
/// later; its executor must then still exist, although nothing runs on it.
void keep_forever(std::shared_ptr<loop> abandoned) {
  static detail::mutex mutex;
  static auto* kept = new std::vector<std::shared_ptr<loop>>;
  const detail::scoped_lock lock(mutex);
  kept->push_back(std::move(abandoned));
}

void check(const server_options& options) {
  detail::option_problems problems;
  boost::system::error_code failed;
  asio::ip::make_address(options.address, failed);
  problems.require(!failed, "address: must be an IPv4 or IPv6 address");
  problems.require(options.threads <= 1024, "threads: at most 1024");
  problems.require(options.max_head.count >= 1024 && options.max_head.count <= (1u << 20),
                   "max_head: 1 KiB to 1 MiB");
  problems.require(options.max_target.count >= 64 && options.max_target.count <= options.max_head.count,
                   "max_target: 64 bytes to max_head");
  problems.require(options.max_body.count <= (1u << 30), "max_body: at most 1 GiB");
  problems.require(options.max_bodies.count >= options.max_body.count, "max_bodies: at least max_body");
  problems.require(options.max_connections > 0, "max_connections: at least 1");
  for (const auto& [name, value] :
       {std::pair("head_timeout", options.head_timeout), std::pair("body_timeout", options.body_timeout),
        std::pair("idle_timeout", options.idle_timeout), std::pair("write_timeout", options.write_timeout),
        std::pair("request_timeout", options.request_timeout),
        std::pair("stream_idle", options.stream_idle)}) {
    problems.require(value > duration::zero(), std::string(name) + ": must be above 0");
  }
  for (const auto& each : options.trusted_proxies) {
    problems.require(is_network(each), "trusted_proxies: \"" + each +
                                           "\" is neither an IP address nor a network like 10.0.0.0/8");
  }
  for (const auto& each : options.cors.origins) {
    problems.require(each == "*" || is_origin(each), "cors.origins: " + each + " is no origin");
  }
  problems.require(options.drain_timeout >= duration::zero(), "drain_timeout: must not be negative");
  problems.throw_if_any();
}

/// With the defaults that depend on something: half of all connections for one address, and one thread for
/// each core that this process may use, which can be fewer than the machine has.
server_options completed(server_options options) {
  if (options.max_connections_per_address == 0) {
    options.max_connections_per_address = std::max(1u, options.max_connections / 2);
  }
  if (options.threads != 0) return options;
  cpu_set_t usable;
  CPU_ZERO(&usable);
  const bool known = ::sched_getaffinity(0, sizeof usable, &usable) == 0;
  options.threads = known ? static_cast<unsigned>(CPU_COUNT(&usable)) : std::thread::hardware_concurrency();
  options.threads = std::max(1u, options.threads);
  return options;
}

}  // namespace

bool is_network(std::string_view text) {
  return http::parse_network(text).has_value();
}

struct server::state {
  state(server_options options, router routes)
      : core(std::make_shared<server_core>(completed(std::move(options)), std::move(routes))) {}

  const std::shared_ptr<server_core> core;
  detail::mutex mutex;
  std::condition_variable ended;
  std::vector<std::shared_ptr<loop>> loops STRATA_GUARDED_BY(mutex);
  std::vector<std::thread> threads STRATA_GUARDED_BY(mutex);
  std::size_t running STRATA_GUARDED_BY(mutex) = 0;
  std::atomic<std::uint16_t> port{0};
  bool stopped STRATA_GUARDED_BY(mutex) = false;
  bool finished_all STRATA_GUARDED_BY(mutex) = true;

  /// Returns false if a loop still runs after `time`.
  bool wait_for_loops(duration time) {
    const auto end = std::chrono::steady_clock::now() + time;
    detail::scoped_lock lock(mutex);
    while (running != 0) {
      if (!lock.wait_until(ended, end)) return running == 0;
    }
    return true;
  }
  void run(const std::shared_ptr<loop>& each) {
    each->run();
    const detail::scoped_lock lock(mutex);
    --running;
    ended.notify_all();
  }
};

server::server(server_options options, router routes) {
  check(options);
  state_ = std::make_unique<state>(std::move(options), std::move(routes));
}

server::~server() {
  stop();
}

void server::start() {
  auto& self = *state_;
  const auto& options = self.core->options;
  const detail::scoped_lock lock(self.mutex);
  if (!self.loops.empty() || self.stopped) throw std::logic_error("a server starts once");
  asio::ip::tcp::endpoint at(asio::ip::make_address(options.address), options.port);
  const bool shared = options.threads > 1;
  std::vector<std::shared_ptr<loop>> started;
  try {
    // SO_REUSEPORT would let a second server of the same user share the port in silence. Without
    // it, binding fails if the port is in use.
    if (shared && options.port != 0) loop(self.core).listen(at, false);
    for (unsigned i = 0; i < options.threads; ++i) {
      auto each = std::make_shared<loop>(self.core);
      each->listen(at, shared);
      at.port(each->port());
      started.push_back(std::move(each));
    }
  } catch (const boost::system::system_error& failed) {
    throw std::system_error(failed.code(),
                            "cannot listen on " + options.address + ":" + std::to_string(options.port));
  }
  self.port = at.port();
  self.loops = std::move(started);
  self.running = self.loops.size();
  for (const auto& each : self.loops) self.core->loops.push_back(each.get());
  for (const auto& each : self.loops) {
    self.threads.emplace_back([&self, each] { self.run(each); });
  }
}

std::uint16_t server::port() const noexcept {
  return state_->port;
}

void server::reload_tls() {
  if (state_->core->options.tls) state_->core->load_tls();
}

void server::drain() {
  const detail::scoped_lock lock(state_->mutex);
  if (state_->stopped) return;
  for (const auto& each : state_->loops) each->drain();
}

bool server::stop() {
  auto& self = *state_;
  drain();
  std::vector<std::thread> threads;
  {
    const detail::scoped_lock lock(self.mutex);
    if (self.stopped) return self.finished_all;
    threads.swap(self.threads);
    self.stopped = true;
  }
  const bool finished = self.wait_for_loops(self.core->options.drain_timeout);
  {
    const detail::scoped_lock lock(self.mutex);
    self.finished_all = finished;
    if (!finished) {
      for (const auto& each : self.loops) each->cut();
      for (const auto& each : self.loops) each->end();
    }
  }
  for (auto& each : threads) each.join();
  const detail::scoped_lock lock(self.mutex);
  for (const auto& each : self.loops) {
    if (!each->idle()) keep_forever(each);
  }
  return finished;
}

server_stats server::stats() const {
  server_stats sum;
  for (std::size_t i = 0; i < latency_histogram::bounds; ++i) {
    sum.latency_bounds.push_back(latency_histogram::bound(i));
  }
  sum.latency_counts.resize(latency_histogram::bounds + 1);
  const detail::scoped_lock lock(state_->mutex);
  for (const auto& each : state_->loops) each->add_stats(sum);
  return sum;
}

}  // namespace strata::server
