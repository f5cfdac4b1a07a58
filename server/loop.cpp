#include "server/loop.hpp"

#include "http/date.hpp"
#include "server/connection.hpp"
#include "server/tls_handshake.hpp"

#include <algorithm>
#include <ctime>
#include <random>

#include <boost/asio/post.hpp>

namespace strata::server {

namespace {

constexpr std::size_t spare_exchanges = 64;
constexpr std::size_t most_searched = 256;  // idle connections, for one of a certain address
constexpr duration accept_pause = std::chrono::milliseconds(100);  // when no descriptor is free

thread_local const loop* current_loop = nullptr;

/// An eighth of the shortest limit, so that none is exceeded by much.
duration sweep_interval(const server_options& options) {
  const auto shortest = std::min({options.head_timeout, options.body_timeout, options.idle_timeout,
                                  options.write_timeout, options.request_timeout, options.stream_idle});
  return std::clamp<duration>(shortest / 8, std::chrono::milliseconds(5), std::chrono::milliseconds(250));
}

std::uint64_t random_seed() {
  std::random_device source;
  return (static_cast<std::uint64_t>(source()) << 32) | source();
}

}  // namespace

struct loop::connection_list {
  boost::intrusive::list<client_connection> all;
  /// In the order in which they became idle.
  boost::intrusive::list<client_connection, boost::intrusive::member_hook<
                                                client_connection, boost::intrusive::list_member_hook<>,
                                                &client_connection::idle_place>>
      idle;
};

loop::loop(std::shared_ptr<server_core> core)
    : core_(std::move(core)),
      // Sockets are used on this loop's thread only, so the reactor need not lock them; `post`
      // comes from any thread, so the scheduler does.
      io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      work_(io_.get_executor()),
      acceptor_(io_.get_executor()),
      sweep_timer_(io_.get_executor()),
      accept_timer_(io_.get_executor()),
      sweep_every_(sweep_interval(core_->options)),
      connections_(std::make_unique<connection_list>()),
      id_state_(random_seed()) {
}

loop::~loop() = default;

void loop::listen(const asio::ip::tcp::endpoint& at, bool shared_port) {
  acceptor_.open(at.protocol());
  acceptor_.set_option(asio::socket_base::reuse_address(true));
  if (shared_port) {
    using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
    acceptor_.set_option(reuse_port(true));
  }
  acceptor_.bind(at);
  acceptor_.listen(asio::socket_base::max_listen_connections);
  acceptor_.non_blocking(true);
}

std::uint16_t loop::port() const {
  return acceptor_.local_endpoint().port();
}

void loop::run() {
  current_loop = this;
  accept();
  io_.run();
  current_loop = nullptr;
}

void loop::post(std::move_only_function<void()> work) {
  asio::post(io_, std::move(work));
}
bool loop::is_current() const noexcept {
  return current_loop == this;
}

void loop::accept() {
  acceptor_.async_accept([this](const boost::system::error_code& failed, auto socket) {
    if (draining_) return;
    if (!failed) {
      boost::system::error_code gone;
      const auto from = socket.remote_endpoint(gone);
      if (!gone) adopt(tcp_socket(std::move(socket)), from);
    } else if (failed != asio::error::connection_aborted) {
      log("cannot accept a connection: " + failed.message());
      accept_timer_.expires_after(accept_pause);
      accept_timer_.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled && !draining_) accept();
      });
      return;
    }
    accept();
  });
}

void loop::adopt(tcp_socket socket, const asio::ip::tcp::endpoint& from) {
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  const auto address = key_of(from.address());
  const bool trusted = core_->trusts({.bytes = whole_of(from.address())});
  const bool admitted = trusted || core_->addresses.add(address) || make_room_for(address);
  if (!admitted || !make_room()) {
    if (admitted && !trusted) core_->addresses.remove(address);
    counters_.refused.add();
    static constexpr std::string_view full =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nCache-Control: "
        "no-store\r\n"
        "Connection: close\r\n\r\n";
    if (!core_->options.tls) socket.write_some(asio::buffer(full), ignored);
    return;
  }
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  counters_.accepted.add();
  counters_.open.add();
  transport bytes(std::move(socket));
  client_origin origin(from.address(), trusted);
  boost::intrusive_ptr<client_connection> adopted;
  if (const auto tls = core_->current_tls()) {
    bytes.secure(*tls);
    adopted.reset(new tls_handshake(*this, std::move(bytes), std::move(origin)));
  } else {
    adopted.reset(new connection(*this, std::move(bytes), std::move(origin)));
  }
  connections_->all.push_back(*adopted);
  arm_sweep();
  auto* kept = adopted.detach();  // the list's reference, until `closed`
  kept->start();
}

bool loop::make_room() {
  if (core_->open.fetch_add(1, std::memory_order_relaxed) < core_->options.max_connections) return true;
  // The one that has been idle longest makes room, whichever thread it belongs to. Another thread closes
  // it a moment later.
  const auto oldest = std::ranges::min_element(
      core_->loops, {}, [](const loop* each) { return each->idle_since_.load(std::memory_order_relaxed); });
  auto* const other = *oldest;
  if (other == this ? close_longest_idle()
                    : other->idle_since_.load(std::memory_order_relaxed) != time_point::max()) {
    if (other != this) other->post([other] { other->close_longest_idle(); });
    return true;
  }
  core_->open.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

bool loop::make_room_for(const address_key& from) {
  std::size_t searched = 0;
  for (auto& each : connections_->idle) {
    if (++searched > most_searched) return false;
    if (each.from() != from) continue;
    counters_.displaced.add();
    each.cut();
    return core_->addresses.add(from);
  }
  return false;
}

bool loop::close_longest_idle() {
  if (connections_->idle.empty()) return false;
  counters_.displaced.add();
  connections_->idle.front().cut();
  return true;
}

void loop::became_idle(client_connection& now) noexcept {
  if (now.idle_place.is_linked()) return;
  connections_->idle.push_back(now);
  note_longest_idle();
}

void loop::became_busy(client_connection& now) noexcept {
  if (!now.idle_place.is_linked()) return;
  connections_->idle.erase(connections_->idle.iterator_to(now));
  note_longest_idle();
}

void loop::note_longest_idle() noexcept {
  const auto& idle = connections_->idle;
  idle_since_.store(idle.empty() ? time_point::max() : idle.front().idle_since(), std::memory_order_relaxed);
}

void loop::closed(client_connection& gone) noexcept {
  if (!gone.behind_proxy()) core_->addresses.remove(gone.from());
  connections_->all.erase(connections_->all.iterator_to(gone));
  core_->open.fetch_sub(1, std::memory_order_relaxed);
  counters_.open.subtract();
  intrusive_ptr_release(&gone);  // `close` holds another
  end_if_done();
}

void loop::hand_over(client_connection& from, boost::intrusive_ptr<client_connection> to) {
  auto& all = connections_->all;
  const auto place = all.iterator_to(from);
  all.insert(place, *to);
  all.erase(place);
  intrusive_ptr_release(&from);  // its callback holds another
  auto* kept = to.detach();
  kept->start();
}

void loop::task_ended() noexcept {
  tasks_.subtract();
  end_if_done();
}

void loop::arm_sweep() {
  if (sweeping_) return;
  sweeping_ = true;
  sweep_timer_.expires_after(sweep_every_);
  sweep_timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) sweep();
  });
}

void loop::sweep() {
  sweeping_ = false;
  const time_point now = std::chrono::steady_clock::now();
  auto& all = connections_->all;
  for (auto at = all.begin(); at != all.end();) {
    auto& each = *at++;  // it may leave the list
    each.sweep(now);
  }
  if (!all.empty()) arm_sweep();
}

void loop::drain() {
  post([this] {
    if (draining_) return;
    draining_ = true;
    // A client in the listen queue is connected as far as it knows: serve it before the queue closes.
    boost::system::error_code failed;
    for (;;) {
      asio::ip::tcp::endpoint from;
      auto socket = acceptor_.accept(from, failed);
      if (failed) break;
      adopt(tcp_socket(std::move(socket)), from);
    }
    acceptor_.close(failed);
    accept_timer_.cancel();
    auto& all = connections_->all;
    for (auto at = all.begin(); at != all.end();) {
      auto& each = *at++;
      each.drain();
    }
    end_if_done();
  });
}

void loop::cut() {
  post([this] {
    auto& all = connections_->all;
    while (!all.empty()) all.front().cut();
  });
}

void loop::end() {
  post([this] { io_.stop(); });
}

void loop::end_if_done() {
  if (!draining_ || !connections_->all.empty() || tasks_.get() != 0) return;
  sweep_timer_.cancel();
  io_.stop();
}

void loop::add_stats(server_stats& into) const {
  for (std::size_t i = 0; i < into.responses.size(); ++i) into.responses[i] += counters_.responses[i].get();
  into.connections_accepted += counters_.accepted.get();
  into.connections_open += counters_.open.get();
  into.connections_refused += counters_.refused.get();
  into.connections_displaced += counters_.displaced.get();
  into.in_flight += counters_.in_flight.get();
  into.timeouts += counters_.timeouts.get();
  for (std::size_t i = 0; i < into.latency_counts.size(); ++i) {
    into.latency_counts[i] += counters_.latency.counts[i].get();
  }
  into.latency_sum += static_cast<double>(counters_.latency.sum_nanoseconds.get()) * 1e-9;
}

std::unique_ptr<exchange> loop::take_exchange() {
  if (spare_.empty()) return std::make_unique<exchange>();
  auto taken = std::move(spare_.back());
  spare_.pop_back();
  return taken;
}

void loop::give_exchange(std::unique_ptr<exchange> used) {
  if (used && spare_.size() < spare_exchanges) spare_.push_back(std::move(used));
}

std::string_view loop::date() {
  std::timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  const std::chrono::sys_seconds seconds{std::chrono::seconds(now.tv_sec)};
  if (seconds != date_seconds_) {
    date_seconds_ = seconds;
    date_ = http::format_date(seconds);
  }
  return date_;
}

std::uint64_t loop::next_id() noexcept {
  // splitmix64 (Steele, Lea, Flood 2014): a counter that does not look like one.
  std::uint64_t z = id_state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void loop::log(const std::string& line) const {
  if (core_->options.error_log) core_->options.error_log(line);
}

}  // namespace strata::server
