#pragma once
/// Received bytes that are not parsed yet, and room for more.
/// Threads: one strand.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace strata::redis {

/// How much to read at once with `depth` commands unanswered. Reading everything available in one call falls
/// into lockstep with the server at depth 64: it waits for our next commands while we parse, and we wait for
/// its replies. Small reads cost system calls when there is much to read.
constexpr std::size_t read_size(std::size_t depth) noexcept {
  constexpr std::size_t least = 16u << 10;
  constexpr std::size_t most = 256u << 10;
  return depth <= 64 ? least : std::min(most, least * (depth / 16));
}

class read_buffer {
 public:
  /// The bytes to be parsed. Valid until the next `room`.
  std::string_view bytes() const noexcept { return {data_.get() + begin_, end_ - begin_}; }

  /// Room behind `bytes`, of `size` bytes or more, to be filled and then counted by `filled`.
  std::span<char> room(std::size_t size) {
    if (begin_ == end_) begin_ = end_ = 0;
    const auto held = end_ - begin_;
    if (held == 0 && capacity_ > keep && size <= keep) {
      data_.reset();
      capacity_ = 0;
    }
    if (capacity_ - end_ < size) {
      if (capacity_ - held >= size && held <= capacity_ / 2) {
        std::memmove(data_.get(), data_.get() + begin_, held);
      } else {
        const auto grown = std::max(capacity_ * 2, held + size);
        auto moved = std::make_unique_for_overwrite<char[]>(grown);
        if (held > 0) std::memcpy(moved.get(), data_.get() + begin_, held);
        data_ = std::move(moved);
        capacity_ = grown;
      }
      begin_ = 0;
      end_ = held;
    }
    return {data_.get() + end_, capacity_ - end_};
  }
  void filled(std::size_t size) noexcept { end_ += size; }

  /// All but the last `left` bytes have been parsed.
  void keep_last(std::size_t left) noexcept { begin_ = end_ - left; }
  void clear() noexcept { begin_ = end_ = 0; }

 private:
  static constexpr std::size_t keep = 1u << 20;  // an empty buffer above this size is freed

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace strata::redis
