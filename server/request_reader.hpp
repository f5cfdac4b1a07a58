#pragma once
/// Cuts the bytes of one connection into requests, within the server's limits. It does no I/O and reads no
/// clock: the connection receives into `space()` and calls `next`.
///
/// A request's head is a view into the buffer, which moves only inside `next` and only while no head is
/// complete. A body that has not arrived with its head gets memory of its own, and only when the owner has
/// decided from the head that it wants the body. That memory counts for the budget that all connections
/// share. Threads: its connection's loop.

#include "http/chunked.hpp"
#include "http/request_head.hpp"

#include "server/body_budget.hpp"

#include <server/server.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace strata::server {

class request_reader {
 public:
  enum class state : std::uint8_t {
    incomplete,
    head,  ///< the head is complete, the body is not: `read_body` or `skip_body` follows
    complete,
    refused,
  };

  struct read_step {
    request_reader::state state = state::incomplete;
    /// Incomplete: not zero if a part of a request began, which the client has this long to send.
    duration time_limit{};
  };

  /// Lifetime: `options` and `bodies` outlive the reader.
  request_reader(const server_options& options, body_budget& bodies);
  ~request_reader() { drop_body(); }
  request_reader(const request_reader&) = delete;
  request_reader& operator=(const request_reader&) = delete;

  /// Where the next bytes of the connection go. Never empty while a request is incomplete.
  std::span<char> space() noexcept;
  /// Counts the bytes that were written into `space()`.
  void received(std::size_t count) noexcept;

  /// Parses the current request further. Writes `head` when it is complete; its views live until `advance` or
  /// `skip_body`. Until then `head` may be another object at each call.
  read_step next(http::request_head& head);

  /// Whether the client waits for 100 Continue before it sends the body. Requires: state::head.
  bool expects_continue() const noexcept { return expects_continue_; }
  /// Takes the body, if it is not longer than `most`. Requires: state::head.
  void read_body(std::size_t most);
  /// Whether the body is so short that dropping it costs less than a new connection. Requires: state::head.
  bool can_skip_body() const noexcept;
  /// Drops the body and goes on with the next request. Requires: can_skip_body().
  void skip_body() noexcept;

  /// Requires: the request is complete.
  std::string_view body() const noexcept { return body_; }
  /// Drops the current request. Requires: the request is complete.
  void advance();

  /// Requires: the request was refused.
  int refusal_status() const noexcept { return refusal_status_; }
  const std::string& refusal_reason() const noexcept { return refusal_reason_; }

  /// What was received and not parsed. Requires: between requests.
  std::string_view unread() const noexcept { return {buffer_.get() + begin_, filled_ - begin_}; }
  /// Drops the first `count` of these bytes.
  void drop(std::size_t count) noexcept { begin_ += count; }

  /// True between requests, when no byte of the next one has arrived.
  bool empty() const noexcept { return begin_ == filled_ && part_ == part::head; }
  bool in_body() const noexcept { return part_ != part::head; }

 private:
  enum class part : std::uint8_t { head, decision, sized_body, chunked_body, skipped_body, complete };

  read_step next_head(http::request_head& head);
  read_step begin_body(const http::request_head& head);
  read_step next_body();
  read_step next_sized_body();
  read_step next_chunked_body();
  read_step next_skipped_body(http::request_head& head);
  read_step complete_body(std::size_t length, std::size_t used);
  read_step refuse(int status, std::string reason);
  read_step refuse_for_memory();
  bool grow_body(std::size_t wanted);
  void drop_body() noexcept;
  void make_room(std::size_t total);
  http::head_limits head_limits() const noexcept;

  const server_options& options_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;  // of the current request
  std::size_t filled_ = 0;
  std::size_t scanned_ = 0;  // bytes of an incomplete head that were searched for its end
  std::size_t head_length_ = 0;
  std::size_t end_ = 0;  // of the current request in the buffer, where the next one begins
  part part_ = part::head;
  bool expects_continue_ = false;
  bool body_began_ = false;
  std::uint64_t announced_ = 0;  // length of a body that is not chunked
  std::string_view body_;

  // Of a body that did not arrive with its head.
  body_budget& bodies_;
  std::unique_ptr<char[]> own_body_;
  std::size_t own_capacity_ = 0;
  std::size_t own_filled_ = 0;
  std::size_t decoded_ = 0;  // chunked: bytes at the beginning that are decoded
  std::size_t used_ = 0;     // of a complete body; what follows belongs to the next request
  std::optional<http::chunked_decoder> chunks_;
  int refusal_status_ = 0;
  std::string refusal_reason_;
};

}  // namespace strata::server
