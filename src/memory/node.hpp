#pragma once
/// The head of every entry, and the pool that entries live in.
/// Threads: one strand: all parts of a shard are used under its lock, except for `relaxed` fields and the
/// fields of cells that a `view` reads.

#include "memory/pages.hpp"
#include "memory/relaxed.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace strata::memory {

/// Names a cell of a pool; 0 names none. Half a pointer, and cells can move.
using handle = std::uint32_t;

/// The head of every cell: the fields that a hit may touch, and those of its policy.
struct node {
  relaxed<std::int64_t> drop_at = never;  ///< nanoseconds on the clock's own count
  std::uint32_t charge = 0;               ///< bytes on the heap: key and value
  std::uint8_t queue = 0;                 ///< which of the policy's queues
  relaxed<std::uint8_t> uses = 0;         ///< hits since it was queued, as far as the policy counts
  std::uint16_t stamp = 0;                ///< for the policy

  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
};

/// The lists a cell is in. Not in the cell: no hit needs them.
struct node_links {
  handle queue_prev = 0;  ///< towards the newer
  handle queue_next = 0;  ///< towards the older
  handle timer_prev = 0;
  handle timer_next = 0;
};

/// Cells of one type side by side, lowest free cell first, so that the last run empty and can be given
/// back, in chunks of 64, when entries become fewer. A handle is a cell's place: finding a cell costs a
/// hit no step by itself.
///
/// A cell is constructed with its chunk and destroyed with it, not when it is taken or given: a
/// reader may look at a cell that is being given to another entry. So the caller puts its contents in and
/// takes them out.
class node_pool {
 public:
  static constexpr std::size_t cells_per_chunk = 64;

  /// For cells of type `Cell`, whose first base is node.
  template <class Cell>
  static node_pool of() {
    static_assert(std::is_trivially_destructible_v<Cell>);
    return node_pool(sizeof(Cell), [](std::byte* cells) {
      for (std::size_t i = 0; i < cells_per_chunk; ++i) new (cells + i * sizeof(Cell)) Cell;
    });
  }
  node_pool(node_pool&& other) noexcept : node_pool(other.cell_size_, other.construct_) { swap(other); }
  node_pool& operator=(node_pool&&) = delete;

  /// Requires: the same type of cell.
  void swap(node_pool& other) noexcept {
    cells_.swap(other.cells_);
    links_.swap(other.links_);
    free_.swap(other.free_);
    summary_.swap(other.summary_);
    std::swap(chunks_, other.chunks_);
    std::swap(capacity_, other.capacity_);
    std::swap(bytes_, other.bytes_);
    std::swap(growth_, other.growth_);
    std::swap(hint_, other.hint_);
    std::swap(used_, other.used_);
  }

  node& operator[](handle at) const noexcept {
    return *std::launder(reinterpret_cast<node*>(cells_.data() + at * cell_size_));
  }
  node_links& links(handle at) const noexcept {
    return *std::launder(reinterpret_cast<node_links*>(links_.data() + at * sizeof(node_links)));
  }

  /// A cell of those that begin at `cells`. Readers use it: only `move` changes where they begin, and only
  /// `pop_chunk` ends one.
  template <class Cell>
  static Cell& cell(std::byte* cells, handle at) noexcept {
    return *std::launder(reinterpret_cast<Cell*>(cells + at * sizeof(Cell)));
  }
  std::byte* cells() const noexcept { return cells_.data(); }

  std::size_t used() const noexcept { return used_; }
  std::size_t free() const noexcept { return chunks_ * cells_per_chunk - reserved() - used_; }
  bool is_used(handle at) const noexcept {
    return (free_[at / cells_per_chunk] >> (at % cells_per_chunk) & 1) == 0;
  }
  /// One past the last handle there is; `first()` is the first. Not every handle between is used.
  handle end() const noexcept { return static_cast<handle>(chunks_ * cells_per_chunk); }
  static constexpr handle first() noexcept { return 1; }

  /// The bytes that the pool uses, and the additional bytes that `move` and `grow` need while they run.
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t growth() const noexcept { return growth_; }

  /// True if `grow` needs a `move` first.
  bool is_full() const noexcept { return chunks_ == capacity_; }
  /// Moves the cells to where there is room for more. No reader may look at a cell meanwhile. Throws
  /// bad_alloc and changes nothing then.
  void move() {
    const std::size_t capacity = grown();
    auto free = std::make_unique<std::uint64_t[]>(capacity);
    auto summary = std::make_unique<std::uint64_t[]>(capacity / 64 + 1);
    cells_.grow(capacity * cells_size(), chunks_ * cells_size());
    links_.grow(capacity * links_size, chunks_ * links_size);
    std::copy_n(free_.get(), chunks_, free.get());
    if (capacity_ > 0) std::copy_n(summary_.get(), capacity_ / 64 + 1, summary.get());
    free_ = std::move(free);
    summary_ = std::move(summary);
    capacity_ = capacity;
    measure();
  }

  /// Requires: not is_full().
  void grow() noexcept {
    construct_(cells_.data() + chunks_ * cells_size());
    for (std::size_t i = 0; i < cells_per_chunk; ++i) {
      new (links_.data() + chunks_ * links_size + i * sizeof(node_links)) node_links;
    }
    // Handle 0 names no cell: the first cell of the first chunk is never given out. A reader that looks at
    // it all the same finds an entry past its end.
    free_[chunks_] = chunks_ == 0 ? ~std::uint64_t{1} : ~std::uint64_t{0};
    if (chunks_ == 0) (*this)[0].drop_at = std::numeric_limits<std::int64_t>::min();
    set_summary(chunks_);
    hint_ = std::min(hint_, chunks_ / 64);
    ++chunks_;
    measure();
  }

  /// The lowest free cell. Requires: free() > 0.
  handle take() noexcept {
    while (summary_[hint_] == 0) ++hint_;
    const std::size_t at = hint_ * 64 + std::countr_zero(summary_[hint_]);
    const auto cell = static_cast<unsigned>(std::countr_zero(free_[at]));
    free_[at] &= free_[at] - 1;
    if (free_[at] == 0) summary_[at / 64] &= ~(std::uint64_t{1} << (at % 64));
    ++used_;
    return static_cast<handle>(at * cells_per_chunk + cell);
  }

  void give(handle at) noexcept {
    const std::size_t index = at / cells_per_chunk;
    free_[index] |= std::uint64_t{1} << (at % cells_per_chunk);
    set_summary(index);
    hint_ = std::min(hint_, index / 64);
    --used_;
  }

  /// A used cell of the last chunk, or 0: then the last chunk can be popped.
  handle last_used() const noexcept {
    const std::size_t last = chunks_ - 1;
    const std::uint64_t taken = ~free_[last] & ~(last == 0 ? std::uint64_t{1} : 0);
    return taken == 0 ? 0 : static_cast<handle>(last * cells_per_chunk + std::countr_zero(taken));
  }

  /// Requires: last_used() == 0. No reader may hold a handle to it.
  void pop_chunk() noexcept {
    const std::size_t last = --chunks_;
    cells_.drop(last * cells_size(), (last + 1) * cells_size());
    links_.drop(last * links_size, (last + 1) * links_size);
    summary_[last / 64] &= ~(std::uint64_t{1} << (last % 64));
    measure();
  }

 private:
  using construct = void (*)(std::byte* cells);
  // Of a chunk.
  static constexpr std::size_t links_size = cells_per_chunk * sizeof(node_links);
  std::size_t cells_size() const noexcept { return cells_per_chunk * cell_size_; }

  node_pool(std::size_t cell_size, construct construct) : cell_size_(cell_size), construct_(construct) {
    measure();
  }

  /// Beforehand, as every write asks.
  void measure() noexcept {
    bytes_ = bytes(chunks_) + maps_bytes(capacity_);
    growth_ = bytes(chunks_ + 1) - bytes(chunks_) + (is_full() ? move_bytes() : 0);
  }
  /// Of cells and links.
  std::size_t bytes(std::size_t chunks) const noexcept {
    return pages::rounded(chunks * cells_size()) + pages::rounded(chunks * links_size);
  }
  /// Bytes of the map of free cells, with the allocator's overhead.
  static std::size_t maps_bytes(std::size_t capacity) noexcept {
    return capacity == 0 ? 0 : capacity * 8 + capacity / 64 * 8 + 8 + std::size_t{2} * 16;
  }
  /// Of both maps at once, and of the cells that are in two places; the links follow.
  std::size_t move_bytes() const noexcept {
    return maps_bytes(grown()) + pages::beside(chunks_ * cells_size());
  }
  /// Address space costs nothing, and a move makes readers wait.
  std::size_t grown() const noexcept { return std::max<std::size_t>(capacity_ * 2, 32); }
  std::size_t reserved() const noexcept { return chunks_ == 0 ? 0 : 1; }
  void set_summary(std::size_t chunk) noexcept { summary_[chunk / 64] |= std::uint64_t{1} << (chunk % 64); }

  std::size_t used_ = 0;
  std::size_t hint_ = 0;  ///< no word of summary_ before it has a bit
  pages cells_;
  pages links_;
  std::unique_ptr<std::uint64_t[]> free_;     ///< each chunk: a bit a cell
  std::unique_ptr<std::uint64_t[]> summary_;  ///< a bit a chunk: it has free cells
  std::size_t chunks_ = 0;
  std::size_t capacity_ = 0;
  std::size_t bytes_ = 0;
  std::size_t growth_ = 0;
  const std::size_t cell_size_;
  const construct construct_;
};

/// A queue through cells, newest first.
class node_queue {
 public:
  std::size_t size() const noexcept { return size_; }
  handle oldest() const noexcept { return tail_; }

  void push(node_pool& pool, handle at) noexcept {
    auto& n = pool.links(at);
    n.queue_prev = 0;
    n.queue_next = head_;
    (head_ != 0 ? pool.links(head_).queue_prev : tail_) = at;
    head_ = at;
    ++size_;
  }

  /// Requires: `at` is in this queue.
  void remove(node_pool& pool, handle at) noexcept {
    auto& n = pool.links(at);
    (n.queue_prev != 0 ? pool.links(n.queue_prev).queue_next : head_) = n.queue_next;
    (n.queue_next != 0 ? pool.links(n.queue_next).queue_prev : tail_) = n.queue_prev;
    --size_;
  }

  /// The cell now at `to` was one of this queue.
  void moved(node_pool& pool, handle to) noexcept {
    auto& n = pool.links(to);
    (n.queue_prev != 0 ? pool.links(n.queue_prev).queue_next : head_) = to;
    (n.queue_next != 0 ? pool.links(n.queue_next).queue_prev : tail_) = to;
  }

 private:
  handle head_ = 0;
  handle tail_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace strata::memory
