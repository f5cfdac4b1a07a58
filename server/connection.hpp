#pragma once
/// One client's connection: it reads requests, answers them in order, and writes.
///
/// A callback state machine and not a coroutine: the common request, which is read whole, answered
/// at once and written whole, runs through `process` as plain calls, and only the next read waits. Phases:
///
///   reading    a read is outstanding: between requests (idle), in a head, or in a body
///   running    a handler's task waits, or a step that decides about a body; nothing is read meanwhile
///   writing    the client has not taken all bytes yet; nothing is read or run meanwhile
///   streaming  the response's body has no piece to send now; bytes from the client are discarded
///   lingering  answered and shut down for writing; bytes from the client are discarded, since closing
///              with unread bytes would reset the connection and could lose the response
///   closed     kept only by the callbacks that still refer to it
///
/// Threads: its loop's.

#include "server/loop.hpp"
#include "server/request_internals.hpp"
#include "server/request_reader.hpp"
#include "server/response_writer.hpp"

#include <strata/task.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace strata::server {

class connection : public boost::intrusive::list_base_hook<> {
 public:
  /// `behind_proxy`: the peer is a trusted proxy.
  connection(loop& on, tcp_socket socket, const asio::ip::address& peer, bool behind_proxy);

  void start();
  /// Ends the current phase if its time is over.
  void sweep(time_point now);
  /// Closes the connection if it is idle or streaming.
  void drain();
  void cut() { close(); }
  /// Where it comes from, for the bound of each address.
  const address_key& from() const noexcept { return from_; }
  bool behind_proxy() const noexcept { return behind_proxy_; }
  time_point idle_since() const noexcept { return idle_since_; }

  boost::intrusive::list_member_hook<> idle_place;  ///< in its loop's list of idle connections

 private:
  using ref = boost::intrusive_ptr<connection>;
  friend void intrusive_ptr_add_ref(connection* of) noexcept { ++of->references_; }
  friend void intrusive_ptr_release(connection* of) noexcept {
    if (--of->references_ == 0) delete of;
  }

  enum class phase : std::uint8_t { reading, running, writing, streaming, lingering, closed };

  void read();
  void on_read(const boost::system::error_code& failed, std::size_t count);
  void process();

  /// Reads the PROXY protocol's header. Returns false if it is not complete, or malformed: then it is closed.
  bool take_proxy_header();
  /// The client that the proxy reports with the current request.
  std::string_view find_client();
  /// The state of the limit that counts this 4xx response; nothing if none does.
  std::optional<rate_limit_state> count_refused(const request* from, int status);

  /// Answers with the reader's refusal, or another problem that ends the connection.
  void refuse(int status, std::string_view reason);

  /// Decides from the head whether the request's body is wanted. Returns false if a task waits.
  bool admit();
  void receive_body();
  /// Fills the request. Returns whether a route takes it; if not, it is answered.
  bool routed(std::string_view body);
  /// Runs the handler. Returns false if its task waits.
  bool answer();
  void begin_task();
  void completed(completion<response> outcome);
  void respond(completion<response> outcome);
  void respond(response answer);
  void queue(wire_response out);
  void record(const wire_response& out, const request& answered);
  void time_out(int status, std::string_view reason);

  bool flush();
  void write_rest();
  void on_written(const boost::system::error_code& failed, std::size_t count);
  void take_written(std::size_t count);
  bool write_done() const { return out_at_ == out_.size() && tail_at_ == tail_.body().size(); }
  void after_flush();
  void stream();
  void linger();
  void read_and_discard();
  void close();

  connection_facts facts(bool close, bool http_1_0);

  loop& loop_;
  tcp_socket socket_;
  std::string peer_;
  std::string client_;  // of the current request, if the proxy reports one
  const address_key from_;
  const address_key address_;
  const bool behind_proxy_;
  bool expects_proxy_header_;
  time_point idle_since_{};
  unsigned references_ = 0;
  phase phase_ = phase::reading;
  bool close_after_ = false;  // when all is written
  bool starting_ = false;     // inside strata::start
  bool task_running_ = false;
  bool body_undecided_ = false;  // the head is complete, and nothing has decided about the body
  bool admitted_ = false;        // the head was, and its body is being read
  time_point deadline_{};
  time_point now_{};  // of this turn

  request_reader reader_;
  std::size_t discarded_ = 0;

  connection_memory memory_;
  std::unique_ptr<exchange> exchange_;
  std::optional<task<response>> waiting_;
  std::optional<completion<response>> outcome_;

  std::string out_;  // bytes that the socket did not take at once
  std::size_t out_at_ = 0;
  wire_response tail_;  // a body too large to copy, sent after `out_`
  std::size_t tail_at_ = 0;
  std::shared_ptr<body_stream> stream_;  // sent after all the above
};

}  // namespace strata::server
