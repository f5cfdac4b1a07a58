#include "memory/eviction.hpp"
#include "memory/ghost.hpp"

namespace strata::memory {

namespace {

/// S3-FIFO: new entries wait in a small queue of a tenth of the bytes. Those used there more than
/// once go on to the main queue, the others leave and are remembered by the ghost; who comes back
/// while remembered enters the main queue at once. The main queue is a clock: what was used goes
/// round again, with one use less.
class s3_fifo final : public eviction {
 public:
  explicit s3_fifo(const eviction_setup& setup)
      : pool_(setup.pool), small_(setup.pool, setup.per_entry), main_(setup.pool, setup.per_entry) {}

  void add(handle at, std::uint64_t hash) override {
    pool_[at].queue = ghost_.take(hash, main_.size()) ? in_main : in_small;
    restore(at);
  }
  void remove(handle at) override { queue_of(at).remove(at); }
  void restore(handle at) override { queue_of(at).push(at); }

  handle victim() override {
    for (;;) {
      const bool from_small =
          small_.size() > 0 && (small_.bytes() * 10 > small_.bytes() + main_.bytes() || main_.size() == 0);
      auto& from = from_small ? small_ : main_;
      const handle at = from.oldest();
      if (at == 0) return 0;
      auto& n = pool_[at];
      from.remove(at);
      if (n.uses < (from_small ? uses_to_stay : 1)) return at;
      n.uses = from_small ? std::uint8_t{0} : static_cast<std::uint8_t>(n.uses - 1);
      n.queue = in_main;
      main_.push(at);
    }
  }
  void evicted(const node& was, std::uint64_t hash) override {
    if (was.queue == in_small) ghost_.add(hash);
  }
  void moved(handle to) override { queue_of(to).moved(to); }

  std::uint8_t most_uses() const noexcept override { return 3; }
  std::size_t bytes() const noexcept override { return sizeof(*this) + ghost_.bytes(); }
  std::size_t growth() const noexcept override { return ghost_.growth(main_.size() + 1); }
  void grow() override { ghost_.grow(); }
  void clear() noexcept override {
    small_.clear();
    main_.clear();
    ghost_.clear();
  }

 private:
  static constexpr std::uint8_t in_small = 0;
  static constexpr std::uint8_t in_main = 1;
  static constexpr std::uint8_t uses_to_stay = 2;

  node_queue& queue_of(handle at) noexcept { return pool_[at].queue == in_small ? small_ : main_; }

  node_pool& pool_;
  node_queue small_;
  node_queue main_;
  ghost ghost_;
};

}  // namespace

std::unique_ptr<eviction> make_s3_fifo(const eviction_setup& setup) {
  return std::make_unique<s3_fifo>(setup);
}

}  // namespace strata::memory
