#include "memory/eviction.hpp"

namespace strata::memory {

namespace {

/// One queue in order of use.
class lru final : public eviction {
 public:
  explicit lru(const eviction_setup& setup) : pool_(setup.pool) {}

  void add(handle at, std::uint64_t) override { queue_.push(pool_, at); }
  void remove(handle at) override { queue_.remove(pool_, at); }
  void restore(handle at) override { queue_.push(pool_, at); }

  handle victim() override {
    const handle at = queue_.oldest();
    if (at != 0) queue_.remove(pool_, at);
    return at;
  }
  void evicted(const node&, std::uint64_t) override {}
  void moved(handle to) override { queue_.moved(pool_, to); }

  std::uint8_t most_uses() const noexcept override { return 0; }
  bool ordered_by_use() const noexcept override { return true; }
  void used(handle at) noexcept override {
    queue_.remove(pool_, at);
    queue_.push(pool_, at);
  }

  // Textbook LRU: any entry that fits is stored, and evicts as many as it needs to.
  std::size_t largest_part() const noexcept override { return 1; }
  std::size_t bytes() const noexcept override { return sizeof(*this); }
  void clear() noexcept override { queue_ = {}; }

 private:
  node_pool& pool_;
  node_queue queue_;
};

}  // namespace

std::unique_ptr<eviction> make_lru(const eviction_setup& setup) {
  return std::make_unique<lru>(setup);
}

}  // namespace strata::memory
