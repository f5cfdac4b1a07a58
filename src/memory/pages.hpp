#pragma once
/// A range of address space. Only the pages that were written to take memory, so its contents can grow in
/// place.
/// Threads: one strand.
///
/// The address space is taken from the system, not from the allocator: it costs nothing until it is
/// used, and memory in the middle of the program's own can be given back.

#include <cstddef>
#include <utility>

namespace strata::memory {

class pages {
 public:
  pages() noexcept = default;
  pages(pages&& other) noexcept { swap(other); }
  ~pages() { release(); }
  pages& operator=(pages&&) = delete;

  void swap(pages& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  std::byte* data() const noexcept { return data_; }

  /// Moves the first `used` bytes to another piece of `size`. Throws bad_alloc, and is as it was.
  /// Requires: used <= size.
  /// Cost: O(used); system calls.
  void grow(std::size_t size, std::size_t used);
  /// Gives back the memory of the whole pages from byte `from` to byte `to`, which are not used any more.
  void drop(std::size_t from, std::size_t to) noexcept;

  /// The memory that the first `used` bytes take: whole pages.
  static std::size_t rounded(std::size_t used) noexcept;
  /// The additional memory that `grow` takes while it moves them.
  static std::size_t beside(std::size_t used) noexcept;

 private:
  void release() noexcept;

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace strata::memory
