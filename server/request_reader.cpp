#include "server/request_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace strata::server {

namespace {

constexpr std::size_t initial_buffer = 4096;
constexpr std::size_t longest_skipped = 64 << 10;

}  // namespace

request_reader::request_reader(const server_options& options, body_budget& bodies)
    : options_(options),
      buffer_(std::make_unique_for_overwrite<char[]>(initial_buffer)),
      capacity_(initial_buffer),
      bodies_(bodies) {
}

std::span<char> request_reader::space() noexcept {
  const bool own = part_ == part::sized_body || part_ == part::chunked_body;
  if (own) return {own_body_.get() + own_filled_, own_capacity_ - own_filled_};
  return {buffer_.get() + filled_, capacity_ - filled_};
}

void request_reader::received(std::size_t count) noexcept {
  const bool own = part_ == part::sized_body || part_ == part::chunked_body;
  (own ? own_filled_ : filled_) += count;
}

request_reader::read_step request_reader::next(http::request_head& head) {
  switch (part_) {
    case part::head:
      return next_head(head);
    case part::decision:
      return {.state = state::head};
    case part::complete:
      return {.state = state::complete};
    case part::sized_body:
    case part::chunked_body:
      return next_body();
    case part::skipped_body:
      return next_skipped_body(head);
  }
  std::unreachable();
}

void request_reader::advance() {
  begin_ = end_;
  part_ = part::head;
  body_ = {};
  if (const auto rest = own_filled_ - used_; own_body_ != nullptr && rest != 0) {
    begin_ = filled_ = 0;  // nothing follows in the buffer, since the body was read past it
    if (capacity_ <= rest) {
      capacity_ = rest + initial_buffer;
      buffer_ = std::make_unique_for_overwrite<char[]>(capacity_);
    }
    std::memcpy(buffer_.get(), own_body_.get() + used_, rest);
    filled_ = rest;
  }
  drop_body();
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
  end_ = begin_ + head_length_;
  if (!head.has_body()) return {.state = state::complete};
  return begin_body(head);
}

request_reader::read_step request_reader::begin_body(const http::request_head& head) {
  const auto arrived = filled_ - end_;
  if (!head.chunked && head.content_length <= arrived) {
    body_ = {buffer_.get() + end_, static_cast<std::size_t>(head.content_length)};
    end_ += body_.size();
    return {.state = state::complete};
  }
  announced_ = head.content_length;
  expects_continue_ = head.expect_continue && arrived == 0;
  if (head.chunked) {
    chunks_.emplace(options_.max_body.count);
  } else {
    chunks_.reset();
  }
  part_ = part::decision;
  return {.state = state::head};
}

void request_reader::read_body(std::size_t most) {
  if (chunks_) {
    chunks_.emplace(most);
    part_ = part::chunked_body;
  } else {
    part_ = part::sized_body;
  }
  body_began_ = true;
}

request_reader::read_step request_reader::next_body() {
  const bool begins = std::exchange(body_began_, false);
  if (begins) {
    const auto arrived = filled_ - end_;
    if (!grow_body(std::max(arrived, std::size_t{1}))) return refuse_for_memory();
    std::memcpy(own_body_.get(), buffer_.get() + end_, arrived);
    own_filled_ = arrived;
    filled_ = end_;
  }
  auto step = chunks_ ? next_chunked_body() : next_sized_body();
  if (begins) step.time_limit = options_.body_timeout;
  return step;
}

request_reader::read_step request_reader::next_sized_body() {
  if (own_filled_ == announced_) return complete_body(own_filled_, own_filled_);
  if (own_filled_ == own_capacity_ && !grow_body(own_filled_ + 1)) return refuse_for_memory();
  return {};
}

request_reader::read_step request_reader::next_chunked_body() {
  auto* raw = own_body_.get() + decoded_;
  const auto step = chunks_->feed(raw, own_filled_ - decoded_, raw);
  decoded_ += step.produced;
  switch (chunks_->state()) {
    case http::chunked_decoder::parse_status::refused:
      return refuse(chunks_->status(), std::string(chunks_->why()));
    case http::chunked_decoder::parse_status::incomplete:
      own_filled_ = decoded_;
      if (own_capacity_ - own_filled_ < initial_buffer / 2 && !grow_body(own_filled_ + initial_buffer / 2)) {
        return refuse_for_memory();
      }
      return {};
    case http::chunked_decoder::parse_status::complete:
      break;
  }
  return complete_body(decoded_, decoded_ - step.produced + step.consumed);
}

request_reader::read_step request_reader::complete_body(std::size_t length, std::size_t used) {
  body_ = {own_body_.get(), length};
  used_ = used;
  part_ = part::complete;
  return {.state = state::complete};
}

bool request_reader::can_skip_body() const noexcept {
  return !chunks_ && !expects_continue_ && announced_ <= longest_skipped;
}

void request_reader::skip_body() noexcept {
  part_ = part::skipped_body;
  announced_ -= filled_ - end_;
  begin_ = filled_ = end_ = 0;
  body_began_ = true;
}

request_reader::read_step request_reader::next_skipped_body(http::request_head& head) {
  const auto dropped = std::min<std::uint64_t>(announced_, filled_);
  announced_ -= dropped;
  if (announced_ != 0) {
    filled_ = 0;
    return {.time_limit = std::exchange(body_began_, false) ? options_.body_timeout : duration::zero()};
  }
  begin_ = dropped;
  part_ = part::head;
  return next_head(head);
}

/// Makes the body's memory at least `wanted` bytes. Its capacity doubles, so that a client must send what it
/// announces before it gets the memory. Returns false if the budget of all bodies is used up.
bool request_reader::grow_body(std::size_t wanted) {
  auto capacity = std::max({wanted, own_capacity_ * 2, initial_buffer});
  if (!chunks_) capacity = static_cast<std::size_t>(std::min<std::uint64_t>(capacity, announced_));
  if (!bodies_.take(capacity - own_capacity_)) return false;
  auto moved = std::make_unique_for_overwrite<char[]>(capacity);
  if (own_filled_ != 0) std::memcpy(moved.get(), own_body_.get(), own_filled_);
  own_body_ = std::move(moved);
  own_capacity_ = capacity;
  return true;
}

void request_reader::drop_body() noexcept {
  if (own_body_ == nullptr) return;
  own_body_.reset();
  bodies_.give_back(own_capacity_);
  own_capacity_ = own_filled_ = decoded_ = used_ = 0;
}

request_reader::read_step request_reader::refuse_for_memory() {
  return refuse(503, "the server receives too many bodies at once; try again shortly");
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
