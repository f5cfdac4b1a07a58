#include <strata/key.hpp>
#include <strata/metrics.hpp>

#include <map>

namespace strata {

namespace {

// Up to this many serving threads each write to a shard of their own.
constexpr std::size_t shard_count = 8;
constexpr std::string_view other = "other";

std::size_t this_thread_shard() noexcept {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % shard_count;
  return mine;
}

}  // namespace

/// An open-addressing table that only grows: a slot's name is set once and then constant.
struct alignas(64) route_counters::shard {
  struct slot {
    std::atomic<const std::string*> name{nullptr};
    std::array<std::atomic<std::uint64_t>, 6> by_class{};
  };
  static constexpr std::size_t slot_count = 2 * limit;  // at most half full: short probes

  std::array<slot, slot_count> slots;
  std::atomic<std::size_t> used{0};
  slot unnamed;

  ~shard() {
    for (auto& each : slots) delete each.name.load(std::memory_order_relaxed);
  }

  slot& find(std::string_view route) noexcept {
    for (std::size_t at = hash_of(route) % slot_count, probed = 0; probed < slot_count;
         at = (at + 1) % slot_count, ++probed) {
      const std::string* name = slots[at].name.load(std::memory_order_acquire);
      if (name == nullptr) {
        name = claim(slots[at], route);
        if (name == nullptr) return unnamed;
      }
      if (*name == route) return slots[at];
    }
    return unnamed;
  }

  /// Returns the name now in `free`: `route`, or that of a thread that claimed it first. Null if the table is
  /// full.
  const std::string* claim(slot& free, std::string_view route) noexcept {
    if (used.fetch_add(1, std::memory_order_relaxed) >= limit) {
      used.fetch_sub(1, std::memory_order_relaxed);
      return nullptr;
    }
    auto name = std::make_unique<const std::string>(route);
    const std::string* present = nullptr;
    if (free.name.compare_exchange_strong(present, name.get(), std::memory_order_acq_rel))
      return name.release();
    used.fetch_sub(1, std::memory_order_relaxed);
    return present;
  }
};

route_counters::route_counters() : shards_(std::make_unique<shard[]>(shard_count)) {
}
route_counters::~route_counters() = default;

void route_counters::count(std::string_view route, int status) noexcept {
  auto& mine = shards_[this_thread_shard()];
  auto& slot = route.empty() ? mine.unnamed : mine.find(route);
  const int status_class = status / 100;
  const std::size_t index =
      status_class >= 1 && status_class <= 5 ? static_cast<std::size_t>(status_class) : 0;
  slot.by_class[index].fetch_add(1, std::memory_order_relaxed);
}

std::vector<route_stats> route_counters::snapshot() const {
  std::map<std::string, std::array<std::uint64_t, 6>> sums;
  const auto add = [&](std::string_view name, const shard::slot& from) {
    auto& sum = sums[std::string(name)];
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += from.by_class[i].load(std::memory_order_relaxed);
  };
  for (std::size_t i = 0; i < shard_count; ++i) {
    for (const auto& each : shards_[i].slots) {
      if (const auto* name = each.name.load(std::memory_order_acquire)) add(*name, each);
    }
    add(other, shards_[i].unnamed);
  }
  std::vector<route_stats> out;
  for (auto& [route, by_class] : sums) out.push_back({route, by_class});
  return out;
}

}  // namespace strata
