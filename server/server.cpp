#include "server/server.hpp"

#include "server/loop.hpp"

#include <strata/error.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include <sched.h>
#include <boost/asio/ip/address.hpp>

namespace strata::server {

namespace {

/// Ends with the process. A task that still waits when its server is stopped may be resumed later
/// by whatever it waits for; its executor must then still be there, though nothing runs on it.
void keep_forever(std::shared_ptr<loop> abandoned) {
  static std::mutex mutex;
  static auto* kept = new std::vector<std::shared_ptr<loop>>;
  const std::lock_guard lock(mutex);
  kept->push_back(std::move(abandoned));
}

void check(const server_options& options) {
  std::vector<std::string> problems;
  const auto require = [&](bool good, std::string_view what) {
    if (!good) problems.emplace_back(what);
  };
  boost::system::error_code failed;
  asio::ip::make_address(options.address, failed);
  require(!failed, "address: must be an IPv4 or IPv6 address");
  require(options.threads <= 1024, "threads: at most 1024");
  require(options.max_head.count >= 1024 && options.max_head.count <= (1u << 20), "max_head: 1 KiB to 1 MiB");
  require(options.max_target.count >= 64 && options.max_target.count <= options.max_head.count,
          "max_target: 64 bytes to max_head");
  require(options.max_body.count <= (1u << 30), "max_body: at most 1 GiB");
  require(options.max_connections > 0, "max_connections: at least 1");
  for (const auto& [name, value] :
       {std::pair("head_timeout", options.head_timeout), std::pair("body_timeout", options.body_timeout),
        std::pair("idle_timeout", options.idle_timeout), std::pair("write_timeout", options.write_timeout),
        std::pair("request_timeout", options.request_timeout),
        std::pair("stream_idle", options.stream_idle)}) {
    require(value > duration::zero(), std::string(name) + ": must be above 0");
  }
  require(options.drain_timeout >= duration::zero(), "drain_timeout: must not be negative");
  if (!problems.empty()) throw bad_options(std::move(problems));
}

/// One thread for each core that this process may use, which can be fewer than the machine has.
server_options with_threads(server_options options) {
  if (options.threads != 0) return options;
  cpu_set_t usable;
  CPU_ZERO(&usable);
  const bool told = ::sched_getaffinity(0, sizeof usable, &usable) == 0;
  options.threads = told ? static_cast<unsigned>(CPU_COUNT(&usable)) : std::thread::hardware_concurrency();
  options.threads = std::max(1u, options.threads);
  return options;
}

}  // namespace

struct server::state {
  state(server_options options, router routes)
      : core(std::make_shared<server_core>(with_threads(std::move(options)), std::move(routes))) {}

  const std::shared_ptr<server_core> core;
  mutable std::mutex mutex;
  std::condition_variable ended;
  std::vector<std::shared_ptr<loop>> loops;
  std::vector<std::thread> threads;
  std::size_t running = 0;
  std::uint16_t port = 0;
  bool stopped = false;
  bool finished_all = true;

  bool wait_for_loops(duration time) {
    std::unique_lock lock(mutex);
    return ended.wait_for(lock, time, [&] { return running == 0; });
  }
  void run(const std::shared_ptr<loop>& each) {
    each->run();
    const std::lock_guard lock(mutex);
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
  const std::lock_guard lock(self.mutex);
  if (!self.loops.empty() || self.stopped) throw std::logic_error("a server starts once");
  asio::ip::tcp::endpoint at(asio::ip::make_address(options.address), options.port);
  const bool shared = options.threads > 1;
  std::vector<std::shared_ptr<loop>> made;
  try {
    // SO_REUSEPORT would let a second server of the same user share the port in silence. Without
    // it, binding fails if anybody listens.
    if (shared && options.port != 0) loop(self.core).listen(at, false);
    for (unsigned i = 0; i < options.threads; ++i) {
      auto each = std::make_shared<loop>(self.core);
      each->listen(at, shared);
      at.port(each->port());
      made.push_back(std::move(each));
    }
  } catch (const boost::system::system_error& failed) {
    throw std::system_error(failed.code(),
                            "cannot listen on " + options.address + ":" + std::to_string(options.port));
  }
  self.port = at.port();
  self.loops = std::move(made);
  self.running = self.loops.size();
  for (const auto& each : self.loops) {
    self.threads.emplace_back([&self, each] { self.run(each); });
  }
}

std::uint16_t server::port() const noexcept {
  return state_->port;
}

void server::drain() {
  const std::lock_guard lock(state_->mutex);
  if (state_->stopped) return;
  for (const auto& each : state_->loops) each->drain();
}

bool server::stop() {
  auto& self = *state_;
  drain();
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(self.mutex);
    if (self.stopped) return self.finished_all;
    threads.swap(self.threads);
    self.stopped = true;
  }
  if (!self.wait_for_loops(self.core->options.drain_timeout)) {
    self.finished_all = false;
    for (const auto& each : self.loops) each->cut();
    for (const auto& each : self.loops) each->end();
  }
  for (auto& each : threads) each.join();
  const std::lock_guard lock(self.mutex);
  for (const auto& each : self.loops) {
    if (!each->idle()) keep_forever(each);
  }
  return self.finished_all;
}

server_stats server::stats() const {
  server_stats sum;
  for (std::size_t i = 0; i < latency_histogram::bounds; ++i) {
    sum.latency_bounds.push_back(latency_histogram::bound(i));
  }
  sum.latency_counts.resize(latency_histogram::bounds + 1);
  const std::lock_guard lock(state_->mutex);
  for (const auto& each : state_->loops) each->add_stats(sum);
  return sum;
}

}  // namespace strata::server
