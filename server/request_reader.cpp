#include "server/request_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace strata::server {

namespace {

constexpr std::size_t initial_buffer = 4096;

}  // namespace

request_reader::request_reader(const server_options& options)
    : options_(options),
      buffer_(std::make_unique_for_overwrite<char[]>(initial_buffer)),
      capacity_(initial_buffer) {
}

request_reader::read_step request_reader::next(http::request_head& head) {
  switch (part_) {
    case part::head:
      return next_head(head);
    case part::sized_body:
      return next_sized_body(head);
    case part::chunked_body:
      return next_chunked_body(head);
  }
  std::unreachable();
}

void request_reader::advance() noexcept {
  begin_ = end_;
  part_ = part::head;
}

http::head_limits request_reader::head_limits() const noexcept {
  return {.max_head = options_.max_head.count, .max_target = options_.max_target.count};
}

request_reader::read_step request_reader::next_head(http::request_head& head) {
  if (begin_ == filled_) {
    begin_ = filled_ = 0;
    if (capacity_ > initial_buffer) {
      buffer_ = std::make_unique_for_overwrite<char[]>(initial_buffer);
      capacity_ = initial_buffer;
    }
    return {.time_limit = options_.idle_timeout};
  }
  const auto bytes = unread();
  if (scanned_ != 0 && bytes.size() <= options_.max_head.count) {
    // Parse again only when the head's end has arrived, so that a client that sends byte by byte costs no
    // more than one that does not.
    const auto from = scanned_ < 3 ? 0 : scanned_ - 3;
    if (!bytes.substr(from).contains("\r\n\r\n")) {
      scanned_ = bytes.size();
      make_room(bytes.size() + 1);
      return {};
    }
  }
  const auto parsed = http::parse_head(bytes, head_limits(), head);
  switch (parsed.state) {
    case http::head_result::parse_status::incomplete: {
      const bool began = scanned_ == 0;
      scanned_ = bytes.size();
      make_room(bytes.size() + 1);
      return {.time_limit = began ? options_.head_timeout : duration::zero()};
    }
    case http::head_result::parse_status::refused:
      return refuse(parsed.status, std::string(parsed.why));
    case http::head_result::parse_status::complete:
      break;
  }
  scanned_ = 0;
  head_length_ = parsed.length;
  body_length_ = 0;
  end_ = begin_ + head_length_;
  if (!head.has_body()) return {.state = state::complete};
  return begin_body(head);
}

request_reader::read_step request_reader::begin_body(http::request_head& head) {
  const auto max_body = options_.max_body.count;
  if (head.chunked) {
    chunks_.emplace(max_body);
    part_ = part::chunked_body;
  } else {
    if (head.content_length > max_body) {
      return refuse(413, "the body is larger than " + std::to_string(max_body) + " bytes");
    }
    body_length_ = head.content_length;
    part_ = part::sized_body;
  }
  const bool expects_continue = head.expect_continue && filled_ == end_;
  auto step = next(head);
  step.time_limit = options_.body_timeout;
  step.expects_continue = expects_continue;
  return step;
}

request_reader::read_step request_reader::next_sized_body(http::request_head& head) {
  const auto total = head_length_ + body_length_;
  if (filled_ - begin_ < total) {
    head_moved_ = true;
    make_room(total);
    return {};
  }
  end_ = begin_ + total;
  return complete_body(head);
}

request_reader::read_step request_reader::next_chunked_body(http::request_head& head) {
  const auto body_end = begin_ + head_length_ + body_length_;
  const auto raw = filled_ - body_end;
  const auto step = chunks_->feed(buffer_.get() + body_end, raw, buffer_.get() + body_end);
  body_length_ += step.produced;
  switch (chunks_->state()) {
    case http::chunked_decoder::parse_status::refused:
      return refuse(chunks_->status(), std::string(chunks_->why()));
    case http::chunked_decoder::parse_status::incomplete:
      filled_ = begin_ + head_length_ + body_length_;
      head_moved_ = true;
      make_room(head_length_ + body_length_ + initial_buffer / 2);
      return {};
    case http::chunked_decoder::parse_status::complete:
      break;
  }
  end_ = body_end + step.consumed;
  return complete_body(head);
}

request_reader::read_step request_reader::complete_body(http::request_head& head) {
  if (std::exchange(head_moved_, false))
    http::parse_head(unread().substr(0, head_length_), head_limits(), head);
  return {.state = state::complete};
}

request_reader::read_step request_reader::refuse(int status, std::string reason) {
  refusal_status_ = status;
  refusal_reason_ = std::move(reason);
  return {.state = state::refused};
}

/// Makes room for a request of `total` bytes, or at least for more of it: a client must send what it
/// announces before it gets the memory.
void request_reader::make_room(std::size_t total) {
  const auto used = filled_ - begin_;
  if (begin_ != 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, used);
    begin_ = 0;
    filled_ = used;
  }
  if (filled_ < capacity_ && (capacity_ >= total || filled_ < capacity_ / 2)) return;
  const auto bigger = std::max(std::min(total, capacity_ * 2), filled_ + 1024);
  if (bigger <= capacity_) return;
  auto moved = std::make_unique_for_overwrite<char[]>(bigger);
  std::memcpy(moved.get(), buffer_.get(), used);
  buffer_ = std::move(moved);
  capacity_ = bigger;
}

}  // namespace strata::server
