#include "engine/counters.hpp"

#include "core/mutex.hpp"

#include <bitset>

namespace strata::detail {

namespace {

/// Gives each living thread its own number, so that it can count without a locked instruction. Threads beyond
/// the last number share it, and may lose counts to one another.
class thread_numbers {
 public:
  static constexpr std::size_t limit = 128;

  std::size_t take() {
    const scoped_lock lock(mutex_);
    for (std::size_t i = 0; i + 1 < limit; ++i) {
      if (!taken_[i]) {
        taken_[i] = true;
        return i;
      }
    }
    return limit - 1;
  }
  void give_back(std::size_t number) {
    const scoped_lock lock(mutex_);
    taken_[number] = false;
  }

 private:
  mutex mutex_;
  std::bitset<limit> taken_ STRATA_GUARDED_BY(mutex_);
};

thread_numbers& numbers() {
  static thread_numbers instance;
  return instance;
}

struct own_number {
  std::size_t value = numbers().take();
  ~own_number() { numbers().give_back(value); }
};

thread_local const own_number number;

}  // namespace

counters::~counters() {
  for (auto& each : blocks_) delete each.load(std::memory_order_relaxed);
}

counters::block& counters::mine() noexcept {
  const auto index = number.value;
  auto* found = blocks_[index].load(std::memory_order_acquire);
  return found != nullptr ? *found : make(index);
}

counters::block& counters::make(std::size_t index) noexcept {
  auto fresh = std::make_unique<block>();
  block* expected = nullptr;
  if (blocks_[index].compare_exchange_strong(expected, fresh.get(), std::memory_order_acq_rel)) {
    return *fresh.release();
  }
  return *expected;
}

void counters::time(operation what, duration took, std::uint64_t weight) noexcept {
  auto& timing = mine().latencies[static_cast<std::size_t>(what)];
  std::size_t bucket = 0;
  while (bucket < bounds.size() && took.count() > bounds[bucket]) ++bucket;
  add(timing.buckets[bucket], weight);
  add(timing.nanoseconds, static_cast<std::uint64_t>(took.count()) * weight);
}

void counters::collect(cache_stats& out) const {
  static constexpr std::array<const char*, operations> names = {"get", "get_or_set", "set", "delete"};
  const auto types = cache_type::names();
  out.types.resize(types.size());
  for (std::size_t t = 0; t < types.size(); ++t) out.types[t].type = types[t];
  std::array<std::uint64_t, operations> nanoseconds{};
  out.latencies.resize(operations);
  for (std::size_t op = 0; op < operations; ++op) {
    out.latencies[op].operation = names[op];
    for (const auto bound : bounds) out.latencies[op].bounds.emplace_back(bound);
    out.latencies[op].counts.resize(bounds.size() + 1);
  }
  const auto read = [](const type_cells::cell& cell) { return cell.load(std::memory_order_relaxed); };
  for (const auto& each : blocks_) {
    const auto* from = each.load(std::memory_order_acquire);
    if (from == nullptr) continue;
    for (std::size_t t = 0; t < types.size(); ++t) {
      const auto& cells = from->types[t];
      auto& sum = out.types[t];
      sum.l1_hits += read(cells.l1_hits);
      sum.l2_hits += read(cells.l2_hits);
      sum.negative_hits += read(cells.negative_hits);
      sum.stale_hits += read(cells.stale_hits);
      sum.refreshes += read(cells.refreshes);
      sum.shared += read(cells.shared);
      sum.fills += read(cells.fills);
      sum.fills_fenced += read(cells.fills_fenced);
      sum.fills_older += read(cells.fills_older);
      sum.fills_too_large += read(cells.fills_too_large);
      sum.fills_withheld += read(cells.fills_withheld);
      sum.factory_calls += read(cells.factory_calls);
      sum.factory_failures += read(cells.factory_failures);
      sum.removals += read(cells.removals);
      for (std::size_t r = 0; r < miss_reasons; ++r) sum.misses[r] += read(cells.misses[r]);
    }
    for (std::size_t op = 0; op < operations; ++op) {
      const auto& timing = from->latencies[op];
      for (std::size_t b = 0; b <= bounds.size(); ++b) out.latencies[op].counts[b] += read(timing.buckets[b]);
      nanoseconds[op] += read(timing.nanoseconds);
    }
    out.l2_round_trips += read(from->l2_round_trips);
    out.l2_errors += read(from->l2_errors);
    out.hook_failures += read(from->hook_failures);
  }
  for (std::size_t op = 0; op < operations; ++op) {
    out.latencies[op].sum = duration(static_cast<duration::rep>(nanoseconds[op]));
  }
}

}  // namespace strata::detail
