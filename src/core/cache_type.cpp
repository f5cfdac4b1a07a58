#include <strata/cache_type.hpp>

#include "core/mutex.hpp"

#include <array>
#include <atomic>

namespace strata {

namespace {

/// Names are only added, and `count` publishes each name, so readers take no lock.
struct registry {
  detail::mutex adding;
  std::array<std::string, cache_type::limit> names{"other"};
  std::atomic<std::size_t> count = 1;
};

registry& types() {
  static registry instance;
  return instance;
}

std::size_t index_of(const registry& all, std::string_view name) {
  const auto count = all.count.load(std::memory_order_acquire);
  for (std::size_t i = 1; i < count; ++i) {
    if (all.names[i] == name) return i;
  }
  return 0;
}

}  // namespace

cache_type cache_type::named(std::string_view name) {
  auto& all = types();
  detail::scoped_lock lock(all.adding);
  if (const auto known = index_of(all, name); known != 0) return cache_type(static_cast<std::uint8_t>(known));
  const auto next = all.count.load(std::memory_order_relaxed);
  if (next == limit) return {};
  all.names[next] = name;
  all.count.store(next + 1, std::memory_order_release);
  return cache_type(static_cast<std::uint8_t>(next));
}

cache_type cache_type::find(std::string_view name) noexcept {
  return cache_type(static_cast<std::uint8_t>(index_of(types(), name)));
}

std::vector<std::string> cache_type::names() {
  const auto& all = types();
  const auto count = all.count.load(std::memory_order_acquire);
  return {all.names.begin(), all.names.begin() + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace strata
