#pragma once
/// Cuts the bytes of one connection into requests, within the server's limits. It does no I/O and reads no
/// clock: the connection receives into `space()` and calls `next`.
///
/// A request is a view into the buffer, which therefore moves only inside `next`.
/// Threads: its connection's loop.

#include "http/chunked.hpp"
#include "http/request_head.hpp"

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
  enum class state : std::uint8_t { incomplete, complete, refused };

  struct read_step {
    request_reader::state state = state::incomplete;
    /// Incomplete: not zero if a part of a request began, which the client has this long to send.
    duration time_limit{};
    /// Incomplete: the client waits for 100 Continue before it sends the body.
    bool expects_continue = false;
  };

  /// Lifetime: `options` outlives the reader.
  explicit request_reader(const server_options& options);

  /// Where the next bytes of the connection go. Never empty while a request is incomplete.
  std::span<char> space() noexcept { return {buffer_.get() + filled_, capacity_ - filled_}; }
  /// Counts the bytes that were written into `space()`.
  void received(std::size_t count) noexcept { filled_ += count; }

  /// Parses the current request further. `head` is valid only when the request is complete: its views point
  /// into the buffer. It may be another object at each call.
  read_step next(http::request_head& head);

  /// Requires: the request is complete.
  std::string_view body() const noexcept { return {buffer_.get() + begin_ + head_length_, body_length_}; }
  /// Drops the current request. Requires: the request is complete.
  void advance() noexcept;

  /// Requires: the request was refused.
  int refusal_status() const noexcept { return refusal_status_; }
  const std::string& refusal_reason() const noexcept { return refusal_reason_; }

  /// True between requests, when no byte of the next one has arrived.
  bool empty() const noexcept { return begin_ == filled_ && part_ == part::head; }
  bool in_body() const noexcept { return part_ != part::head; }

 private:
  enum class part : std::uint8_t { head, sized_body, chunked_body };

  read_step next_head(http::request_head& head);
  read_step begin_body(http::request_head& head);
  read_step next_sized_body(http::request_head& head);
  read_step next_chunked_body(http::request_head& head);
  read_step complete_body(http::request_head& head);
  read_step refuse(int status, std::string reason);
  void make_room(std::size_t total);
  http::head_limits head_limits() const noexcept;
  std::string_view unread() const noexcept { return {buffer_.get() + begin_, filled_ - begin_}; }

  const server_options& options_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;  // of the current request
  std::size_t filled_ = 0;
  std::size_t scanned_ = 0;  // bytes of an incomplete head that were searched for its end
  std::size_t head_length_ = 0;
  std::size_t body_length_ = 0;  // sized: of the whole body; chunked: decoded so far
  std::size_t end_ = 0;          // of the current request, where the next one begins
  std::optional<http::chunked_decoder> chunks_;
  part part_ = part::head;
  bool head_moved_ = false;  // since it was parsed
  int refusal_status_ = 0;
  std::string refusal_reason_;
};

}  // namespace strata::server
