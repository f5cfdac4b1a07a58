#pragma once
/// Drives a connection: a socket, a timer and the state machines that decide what to do with them.
/// Threads: the overridden members any; the rest the loop's thread.
///
/// All work happens in *turns*: a handler of the loop does its part, and then `finish_turn` handles a broken
/// connection, wakes waiters, takes what they and other threads have submitted meanwhile, writes it in one
/// call, and sets the timer. A part that finds the connection broken only sets `broken_`, so that no state is
/// torn down while callers still use it. `attempt_` tells the handlers of an earlier connection from those of
/// this one.

#include "core/counter.hpp"
#include "core/mutex.hpp"
#include "redis/connection/backoff.hpp"
#include "redis/connection/connection.hpp"
#include "redis/connection/delivery.hpp"
#include "redis/connection/inbox.hpp"
#include "redis/connection/liveness.hpp"
#include "redis/connection/loop.hpp"
#include "redis/connection/multiplexer.hpp"
#include "redis/connection/read_buffer.hpp"
#include "redis/connection/tls.hpp"
#include "resp/parser.hpp"

#include <atomic>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace strata::redis {

using detail::counter;

class asio_connection final : public connection, public std::enable_shared_from_this<asio_connection> {
 public:
  asio_connection(std::shared_ptr<loop> on, client_options with, std::shared_ptr<const tls_context> tls,
                  client_observer* observer, const clock& time);

  void open() override;
  void close() override;
  bool submit(request& one) override;
  void fence() override { delivery_.fence(); }

  client_state state() const noexcept override { return state_.load(std::memory_order_relaxed); }
  std::string trouble() const override;
  client_stats stats() const override;
  void renew(error why) override;
  address at() const override;
  const client_options& options() const noexcept override { return options_; }
  const clock& time() const noexcept override { return time_; }
  executor& get_executor() noexcept override { return *loop_; }

 private:
  using error_code = boost::system::error_code;
  using stream = asio::generic::stream_protocol;
  using socket = asio::basic_stream_socket<stream, loop::io_executor>;
  using resolver = asio::ip::basic_resolver<asio::ip::tcp, loop::io_executor>;
  using timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                           asio::wait_traits<std::chrono::steady_clock>, loop::io_executor>;
  /// A handler that does nothing once its connection is gone.
  template <class Work>
  auto guarded(Work work);

  // Its life.
  enum class phase : std::uint8_t { resting, opening, handshake, ready, ended };
  void begin_attempt();
  void end();
  void send_handshake();
  void handshake_done();
  void lose(const error& why);
  void fail_all(const error& why);
  void add_own(request* one, bool first);
  void expect_deadline(time_point deadline);
  void arm_timer();
  void tick();
  time_point next_due(time_point now) const;
  error down_error() const;
  void set_trouble(std::string words);

  // Its bytes.
  void connect_to(const address& server);
  void connect_next();
  void connected();
  void read();
  void on_read(const error_code& failed, std::size_t size);
  void parse();
  void on_push(resp::value message);
  void flush();
  void write();
  void finish_turn();
  void take_inbox();
  void sort_completed();
  void broke(std::string_view what, const error_code& failed = {});

  const std::shared_ptr<loop> loop_;
  const client_options options_;
  const std::shared_ptr<const tls_context> tls_;
  client_observer* observer_;
  const clock& time_;

  // Shared by all threads.
  inbox inbox_;
  delivery delivery_;
  std::atomic<client_state> state_ = client_state::connecting;
  std::atomic<std::size_t> pending_ = 0;
  std::atomic<std::size_t> pending_size_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  mutable detail::mutex trouble_guard_;
  std::string trouble_ STRATA_GUARDED_BY(trouble_guard_);
  address at_ STRATA_GUARDED_BY(trouble_guard_);

  // The loop's thread's.
  socket socket_;
  resolver resolver_;
  timer timer_;
  bool ticking_ = false;                     ///< a deadline was near when the timer fired last
  time_point deadline_ = time_point::max();  ///< of the requests since then, the first
  time_point timer_at_{};                    ///< when the timer fires
  phase phase_ = phase::resting;
  std::uint64_t attempt_ = 0;
  time_point retry_at_{};
  time_point give_up_at_{};  ///< of opening and the handshake
  time_point ready_since_{};
  std::vector<stream::endpoint> candidates_;
  std::unique_ptr<tls_session> session_;
  bool tls_done_ = false;
  request* handshake_ = nullptr;
  bool handshake_sent_ = false;
  std::uint64_t generation_ = 0;
  std::vector<resp::value> early_pushes_;  ///< received during the handshake

  multiplexer requests_;
  liveness liveness_;
  backoff backoff_;
  std::minstd_rand random_;
  resp::parser parser_;
  read_buffer in_;
  std::unique_ptr<char[]> cipher_;  ///< received from the network, with TLS
  std::string plain_;               ///< to be encrypted
  std::string wire_;                ///< being written
  std::size_t written_ = 0;
  bool writing_ = false;  ///< waits until the socket takes more
  bool in_turn_ = false;
  bool again_ = false;  ///< this thread submitted a request during the turn
  std::optional<error> broken_;

  counter requests_taken_, connections_, failures_, pushes_, writes_, sent_, received_;
  counter timeouts_, resent_, unanswered_;
};

}  // namespace strata::redis
