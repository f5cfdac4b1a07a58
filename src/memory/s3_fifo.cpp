#include "memory/eviction.hpp"
#include "memory/ghost.hpp"

namespace strata::memory {

namespace {

/// S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need for cache eviction", SOSP
/// 2023). New entries wait in a small queue of a tenth of the bytes. Those used there more than
/// once go on to the main queue; the others leave, and the ghost remembers them. An entry that comes back
/// while it is remembered enters the main queue at once. The main queue is a clock: a used entry goes
/// round again, with one use less.
class s3_fifo final : public eviction {
 public:
  explicit s3_fifo(const eviction_setup& setup) : pool_(setup.pool), per_entry_(setup.per_entry) {}

  void add(handle at, std::uint64_t hash) override {
    pool_[at].queue = ghost_.take(hash, main_.size()) ? in_main : in_small;
    restore(at);
  }
  void restore(handle at) override {
    const bool small = pool_[at].queue == in_small;
    (small ? small_ : main_).push(pool_, at);
    (small ? small_bytes_ : main_bytes_) += pool_[at].charge + per_entry_;
  }
  void remove(handle at) override {
    const bool small = pool_[at].queue == in_small;
    (small ? small_ : main_).remove(pool_, at);
    (small ? small_bytes_ : main_bytes_) -= pool_[at].charge + per_entry_;
  }

  handle victim() override {
    for (;;) {
      const bool small =
          main_.size() == 0 || (small_.size() > 0 && small_bytes_ * 10 > small_bytes_ + main_bytes_);
      const handle at = (small ? small_ : main_).oldest();
      if (at == 0) return 0;
      remove(at);
      auto& n = pool_[at];
      if (n.uses < (small ? uses_to_stay : 1)) return at;
      n.uses = small ? std::uint8_t{0} : static_cast<std::uint8_t>(n.uses - 1);
      n.queue = in_main;
      restore(at);
    }
  }
  void evicted(const node& was, std::uint64_t hash) override {
    if (was.queue == in_small) ghost_.add(hash);
  }
  void moved(handle to) override { (pool_[to].queue == in_small ? small_ : main_).moved(pool_, to); }

  std::uint8_t most_uses() const noexcept override { return 3; }
  std::size_t largest_part() const noexcept override { return 10; }
  std::size_t bytes() const noexcept override { return sizeof(*this) + ghost_.bytes(); }
  std::size_t growth() const noexcept override { return ghost_.growth(main_.size()); }
  void grow() override { ghost_.grow(); }
  void clear() noexcept override {
    small_ = main_ = {};
    small_bytes_ = main_bytes_ = 0;
    ghost_.clear();
  }

 private:
  static constexpr std::uint8_t in_small = 0;
  static constexpr std::uint8_t in_main = 1;
  static constexpr std::uint8_t uses_to_stay = 2;

  node_pool& pool_;
  const std::size_t per_entry_;
  node_queue small_;
  node_queue main_;
  std::size_t small_bytes_ = 0;
  std::size_t main_bytes_ = 0;
  ghost ghost_;
};

}  // namespace

std::unique_ptr<eviction> make_s3_fifo(const eviction_setup& setup) {
  return std::make_unique<s3_fifo>(setup);
}

}  // namespace strata::memory
