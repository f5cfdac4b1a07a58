#pragma once
/// What every entry has, and the pool entries live in.
/// Threads: one strand: all of a shard's parts are used under its lock.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>
#include <vector>

namespace strata::memory {

/// Names a cell of a pool; 0 names none. Half a pointer, and cells can move.
using handle = std::uint32_t;

/// The head of every cell.
struct node {
  handle queue_prev = 0;  ///< towards the newer
  handle queue_next = 0;  ///< towards the older
  handle timer_prev = 0;
  handle timer_next = 0;
  std::int64_t drop_at = never;  ///< nanoseconds on the clock's own count
  std::uint32_t charge = 0;      ///< bytes on the heap: key and value
  std::uint8_t queue = 0;        ///< which of the policy's queues
  std::uint8_t uses = 0;         ///< hits since it was queued, as far as the policy counts
  std::uint16_t stamp = 0;       ///< for the policy

  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
};

/// Cells of one size in chunks of 64, lowest free cell first, so that the last chunks run empty
/// and can be given back when entries become fewer.
/// Constructing and destroying what is in a cell is the caller's.
class node_pool {
 public:
  static constexpr std::size_t cells_per_chunk = 64;

  explicit node_pool(std::size_t cell_size) : cell_size_(cell_size) {}
  ~node_pool() {
    while (!chunks_.empty()) pop_chunk();
  }
  node_pool(const node_pool&) = delete;
  node_pool& operator=(const node_pool&) = delete;

  /// Requires: the same cell size.
  void swap(node_pool& other) noexcept {
    chunks_.swap(other.chunks_);
    summary_.swap(other.summary_);
    std::swap(hint_, other.hint_);
    std::swap(used_, other.used_);
  }

  node& operator[](handle at) const noexcept { return *static_cast<node*>(address(at)); }

  void* address(handle at) const noexcept {
    return chunks_[at / cells_per_chunk].cells + (at % cells_per_chunk) * cell_size_;
  }

  std::size_t used() const noexcept { return used_; }
  std::size_t free() const noexcept { return chunks_.size() * cells_per_chunk - reserved() - used_; }
  bool is_used(handle at) const noexcept {
    return (chunks_[at / cells_per_chunk].free >> (at % cells_per_chunk) & 1) == 0;
  }
  /// One past the last handle there is; `first()` is the first. Not every handle between is used.
  handle end() const noexcept { return static_cast<handle>(chunks_.size() * cells_per_chunk); }
  static constexpr handle first() noexcept { return 1; }

  /// What the pool uses, and what `grow` needs beside it while it runs.
  std::size_t bytes() const noexcept {
    return chunks_.size() * chunk_bytes() + chunks_.capacity() * sizeof(chunk) +
           summary_.capacity() * sizeof(std::uint64_t);
  }
  std::size_t growth() const noexcept {
    std::size_t more = chunk_bytes();
    if (chunks_.size() == chunks_.capacity()) more += more_chunks() * sizeof(chunk);
    if (chunks_.size() / 64 == summary_.capacity()) more += more_words() * sizeof(std::uint64_t);
    return more;
  }

  void grow() {
    if (chunks_.size() == chunks_.capacity()) chunks_.reserve(more_chunks());
    if (chunks_.size() / 64 == summary_.capacity()) summary_.reserve(more_words());
    if (chunks_.size() / 64 == summary_.size()) summary_.push_back(0);
    auto* cells = static_cast<std::byte*>(::operator new(cell_size_ * cells_per_chunk, alignment));
    // Handle 0 names no cell: the first chunk's first cell is never given out.
    chunks_.push_back({cells, chunks_.empty() ? ~std::uint64_t{1} : ~std::uint64_t{0}});
    set_summary(chunks_.size() - 1);
    if (chunks_.size() - 1 < 64 * hint_) hint_ = (chunks_.size() - 1) / 64;
  }

  /// The lowest free cell. Requires: free() > 0.
  handle take() noexcept {
    while (summary_[hint_] == 0) ++hint_;
    const std::size_t at = hint_ * 64 + std::countr_zero(summary_[hint_]);
    auto& chunk = chunks_[at];
    const auto cell = static_cast<unsigned>(std::countr_zero(chunk.free));
    chunk.free &= chunk.free - 1;
    if (chunk.free == 0) summary_[at / 64] &= ~(std::uint64_t{1} << (at % 64));
    ++used_;
    return static_cast<handle>(at * cells_per_chunk + cell);
  }

  void give(handle at) noexcept {
    const std::size_t index = at / cells_per_chunk;
    chunks_[index].free |= std::uint64_t{1} << (at % cells_per_chunk);
    set_summary(index);
    if (index / 64 < hint_) hint_ = index / 64;
    --used_;
  }

  /// A used cell of the last chunk, or 0: then the last chunk can be popped.
  handle last_used() const noexcept {
    const std::size_t last = chunks_.size() - 1;
    const std::uint64_t taken = ~chunks_[last].free & ~(last == 0 ? std::uint64_t{1} : 0);
    return taken == 0 ? 0 : static_cast<handle>(last * cells_per_chunk + std::countr_zero(taken));
  }

  /// Requires: last_used() == 0.
  void pop_chunk() noexcept {
    const std::size_t last = chunks_.size() - 1;
    ::operator delete(chunks_[last].cells, alignment);
    chunks_.pop_back();
    summary_[last / 64] &= ~(std::uint64_t{1} << (last % 64));
  }

 private:
  struct chunk {
    std::byte* cells;
    std::uint64_t free;  ///< a bit a cell
  };
  static constexpr std::align_val_t alignment{64};

  /// With what the allocator adds to an aligned block.
  std::size_t chunk_bytes() const noexcept { return cell_size_ * cells_per_chunk + 80; }
  std::size_t more_chunks() const noexcept { return chunks_.capacity() + chunks_.capacity() / 2 + 8; }
  std::size_t more_words() const noexcept { return summary_.capacity() * 2 + 1; }
  std::size_t reserved() const noexcept { return chunks_.empty() ? 0 : 1; }
  void set_summary(std::size_t chunk) noexcept { summary_[chunk / 64] |= std::uint64_t{1} << (chunk % 64); }

  const std::size_t cell_size_;
  std::vector<chunk> chunks_;
  std::vector<std::uint64_t> summary_;  ///< a bit a chunk: it has free cells
  std::size_t hint_ = 0;                ///< no word of summary_ before it has a bit
  std::size_t used_ = 0;
};

/// A queue through cells, newest first.
class node_queue {
 public:
  std::size_t size() const noexcept { return size_; }
  handle oldest() const noexcept { return tail_; }

  void push(node_pool& pool, handle at) noexcept {
    auto& n = pool[at];
    n.queue_prev = 0;
    n.queue_next = head_;
    (head_ != 0 ? pool[head_].queue_prev : tail_) = at;
    head_ = at;
    ++size_;
  }

  /// Requires: `at` is in this queue.
  void remove(node_pool& pool, handle at) noexcept {
    auto& n = pool[at];
    (n.queue_prev != 0 ? pool[n.queue_prev].queue_next : head_) = n.queue_next;
    (n.queue_next != 0 ? pool[n.queue_next].queue_prev : tail_) = n.queue_prev;
    --size_;
  }

  /// The cell now at `to` was one of this queue.
  void moved(node_pool& pool, handle to) noexcept {
    auto& n = pool[to];
    (n.queue_prev != 0 ? pool[n.queue_prev].queue_next : head_) = to;
    (n.queue_next != 0 ? pool[n.queue_next].queue_prev : tail_) = to;
  }

 private:
  handle head_ = 0;
  handle tail_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace strata::memory
