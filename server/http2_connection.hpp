#pragma once
/// A client's HTTP/2 connection. nghttp2 frames and unframes, and keeps the windows; each stream passes the
/// same steps as a request of HTTP/1.1 (request_steps.hpp). Nothing is read while bytes wait for a slow
/// client. Threads: its loop's.

#include "server/client_connection.hpp"
#include "server/http2_head.hpp"
#include "server/loop.hpp"
#include "server/request_steps.hpp"
#include "server/transport.hpp"

#include <strata/task.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <sys/types.h>

struct nghttp2_session;

namespace strata::server {

class http2_connection final : public client_connection {
 public:
  http2_connection(loop& on, transport bytes, client_origin from);
  ~http2_connection() override;

  void start() override;
  void sweep(time_point now) override;
  void drain() override;
  void cut() override { close(); }

 private:
  using ref = boost::intrusive_ptr<http2_connection>;
  struct callbacks;
  struct stream;
  using stream_ref = std::shared_ptr<stream>;

  // What nghttp2 reports.
  void begin_request(std::int32_t id);
  bool add_field(std::int32_t id, std::string_view name, std::string_view value);
  void head_complete(std::int32_t id, bool ended);
  void add_body(std::int32_t id, std::string_view bytes);
  void request_complete(std::int32_t id);
  void forget(std::int32_t id);

  stream_ref find(std::int32_t id) const;
  void admit(const stream_ref& of);
  void receive_body(const stream_ref& of);
  void answer(const stream_ref& of);
  void run(const stream_ref& of, task<response> work);
  void completed(const stream_ref& of, completion<response> outcome);
  void respond(const stream_ref& of, response with);
  void refuse(const stream_ref& of, int status, std::string_view reason);
  void submit(const stream_ref& of, std::string head, wire_response out);
  ssize_t next_piece(const stream_ref& of, std::uint32_t* flags);
  void reset(std::int32_t id, std::uint32_t code);
  void release(stream& of);

  void read();
  void on_read(const boost::system::error_code& failed, std::size_t count);
  /// Writes what nghttp2 has to send, then reads on. Closes if nothing is left to do.
  void go_on();
  bool write_pending();
  void on_written(const boost::system::error_code& failed, std::size_t count);
  void close();

  loop& loop_;
  transport socket_;
  request_steps steps_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, stream_ref> streams_;
  std::array<char, 4096> input_;
  std::string out_;
  std::size_t out_at_ = 0;
  time_point write_deadline_{};  // while `writing_`
  time_point head_deadline_{};   // of a head that has begun
  std::int32_t head_of_ = 0;     // its stream; 0: none
  bool reading_ = false;
  bool writing_ = false;
  bool closed_ = false;
};

}  // namespace strata::server
