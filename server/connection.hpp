#pragma once
/// One client's connection: reads requests, has them answered in order, writes.
///
/// A callback state machine and not a coroutine: the common request, which is read whole, answered
/// at once and written whole, runs through `process` as plain calls, and the only thing that
/// waits is the next read. Phases:
///
///   reading    a read is outstanding. Between requests (idle), in a head, or in a body
///   running    a handler's task waits; nothing is read meanwhile
///   writing    the client takes its time; nothing is read or run meanwhile
///   streaming  the answer's body has no more pieces now; what the client sends is thrown away
///   lingering  answered and shut down; what the client still sends is thrown away, since closing
///              with unread bytes would reset the connection and could lose the answer
///   closed     only kept by what still refers to it
///
/// Requests are views into `buffer_`, which therefore does not move while one is handled.
/// Threads: its loop's.

#include "http/chunked.hpp"
#include "server/finish.hpp"
#include "server/loop.hpp"
#include "server/request_access.hpp"

#include <strata/task.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace strata::server {

class connection : public boost::intrusive::list_base_hook<> {
 public:
  connection(loop& on, tcp_socket socket, std::string peer);

  void start();
  /// Ends what took too long.
  void sweep(time_point now);
  /// Closes if nothing is under way.
  void drain();
  void cut() { close(); }

 private:
  using ref = boost::intrusive_ptr<connection>;
  friend void intrusive_ptr_add_ref(connection* of) noexcept { ++of->references_; }
  friend void intrusive_ptr_release(connection* of) noexcept {
    if (--of->references_ == 0) delete of;
  }

  enum class phase : std::uint8_t { reading, running, writing, streaming, lingering, closed };
  enum class stage : std::uint8_t { head, sized_body, chunked_body };
  enum class progress : std::uint8_t { needs_more, ready, refused };

  void read();
  void on_read(const boost::system::error_code& failed, std::size_t count);
  void process();

  progress next_request();
  progress next_head();
  progress begin_body();
  progress next_sized_body();
  progress next_chunked_body();
  progress needs_more(std::size_t total, duration within);
  progress refuse(int status, std::string_view why);
  void make_room(std::size_t total);

  /// Returns false if the answer has to be waited for.
  bool answer();
  void begin_task();
  void completed(completion<response> outcome);
  void respond(completion<response> outcome);
  void respond(response with);
  void queue(finished done);
  void record(const finished& done, const request& asked);
  void timed_out(int status, std::string_view why);

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

  std::string_view received() const { return {buffer_.get() + begin_, filled_ - begin_}; }
  connection_facts facts(bool close, bool http_1_0);

  loop& loop_;
  tcp_socket socket_;
  std::string peer_;
  unsigned references_ = 0;
  phase phase_ = phase::reading;
  stage stage_ = stage::head;
  bool close_after_ = false;  // when all is written
  bool starting_ = false;     // inside strata::start
  bool task_running_ = false;
  bool reparse_ = false;  // the head's views are gone
  bool continue_sent_ = false;
  time_point deadline_{};
  time_point now_{};  // of this turn

  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;  // of the current request
  std::size_t filled_ = 0;
  std::size_t scanned_ = 0;  // bytes of an incomplete head that were looked at
  std::size_t head_length_ = 0;
  std::size_t body_length_ = 0;  // sized: of all of it; chunked: decoded so far
  std::size_t next_ = 0;         // where the next request begins
  std::size_t discarded_ = 0;
  std::optional<http::chunked_decoder> chunks_;

  connection_memory memory_;
  std::unique_ptr<exchange> exchange_;
  std::optional<task<response>> waiting_;
  std::optional<completion<response>> outcome_;

  std::string out_;  // what could not be written at once
  std::size_t out_at_ = 0;
  finished tail_;  // a body too large to copy, after `out`
  std::size_t tail_at_ = 0;
  std::shared_ptr<body_stream> stream_;  // what follows when all that is written
};

}  // namespace strata::server
