#pragma once
/// A client's HTTP/1.1 connection: it reads requests, answers them in order, and writes.
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

#include "server/client_connection.hpp"
#include "server/loop.hpp"
#include "server/request_internals.hpp"
#include "server/request_reader.hpp"
#include "server/request_steps.hpp"
#include "server/response_writer.hpp"
#include "server/transport.hpp"

#include <strata/task.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace strata::server {

class connection final : public client_connection {
 public:
  connection(loop& on, transport bytes, client_origin from);

  void start() override;
  void sweep(time_point now) override;
  void drain() override;
  void cut() override { close(); }

 private:
  using ref = boost::intrusive_ptr<connection>;

  enum class phase : std::uint8_t { reading, running, writing, streaming, lingering, closed };

  void read();
  void on_read(const boost::system::error_code& failed, std::size_t count);
  void process();

  /// Reads the PROXY protocol's header. Returns false if it is not complete, or malformed: then it is closed.
  bool take_proxy_header();

  /// Answers with the reader's refusal, or another problem that ends the connection.
  void refuse(int status, std::string_view reason);

  /// Decides from the head whether the request's body is wanted. Returns false if a task waits.
  bool admit();
  void receive_body();
  /// Returns whether a route takes the request; if not, it is answered.
  bool routed(std::string_view body);
  /// Runs the handler. Returns false if its task waits.
  bool answer();
  void begin_task();
  void completed(completion<response> outcome);
  void respond(completion<response> outcome);
  void respond(response answer);
  void queue(wire_response out);
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

  loop& loop_;
  transport socket_;
  request_steps steps_;
  bool expects_proxy_header_;
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
