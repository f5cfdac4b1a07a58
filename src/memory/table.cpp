#include "memory/table.hpp"

#include <strata/error.hpp>

#include "memory/sharded.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

namespace strata::memory {

namespace {

/// What the allocator takes for a block of `size` bytes.
constexpr std::size_t block_bytes(std::size_t size) {
  return std::max<std::size_t>((size + 8 + 15) & ~15u, 32);
}

/// An entry with a text key: one cache line, the key's text beside it.
class object : public node {
 public:
  using key_type = std::string_view;
  using value_type = table::value;
  using length = std::uint16_t;

  static bool accepts(std::string_view key) {
    return key.size() <= std::numeric_limits<std::uint16_t>::max();
  }
  static std::size_t key_bytes(std::string_view key) { return block_bytes(sizeof(length) + key.size()); }

  object(std::uint64_t hash, std::string_view key)
      : hash_(hash), text_(new char[sizeof(length) + key.size()]) {
    const auto size = static_cast<length>(key.size());
    std::memcpy(text_, &size, sizeof size);
    std::memcpy(text_ + sizeof size, key.data(), key.size());
  }
  object(object&& other) noexcept
      : node(other),
        hash_(other.hash_),
        text_(std::exchange(other.text_, nullptr)),
        value_(std::move(other.value_)) {}
  ~object() { delete[] text_; }
  object& operator=(object&&) = delete;

  std::uint64_t hash() const noexcept { return hash_; }
  std::string_view key() const noexcept {
    length size;
    std::memcpy(&size, text_, sizeof size);
    return {text_ + sizeof size, size};
  }
  bool holds(std::uint64_t hash, std::string_view key) const noexcept {
    return hash_ == hash && this->key() == key;
  }
  const table::value& value() const noexcept { return value_; }
  table::value put(table::value value) noexcept { return std::exchange(value_, std::move(value)); }
  table::value take() noexcept { return std::move(value_); }

 private:
  std::uint64_t hash_;
  char* text_;  ///< the key's length, then its text
  table::value value_;
};
static_assert(sizeof(object) == 64);

using on_gone = std::function<void(std::string_view, std::uint64_t, gone)>;

/// Collects the values that leave under a lock, to be destroyed after it: a value's destructor may
/// take long, or use the table.
class leaving {
 public:
  explicit leaving(const on_gone& told) : told_(told) {}

  void gone(object& cell, left why) {
    if (told_ && why == left::evicted) told_(cell.key(), cell.hash(), memory::gone::evicted);
    if (told_ && why == left::expired) told_(cell.key(), cell.hash(), memory::gone::expired);
    replaced(cell.take());
  }
  void replaced(table::value value) {
    if (count_ < few_.size()) {
      few_[count_++] = std::move(value);
    } else {
      many_.push_back(std::move(value));
    }
  }

 private:
  const on_gone& told_;
  std::size_t count_ = 0;
  std::array<table::value, 16> few_;
  std::vector<table::value> many_;
};

using shards = sharded<object>;

/// Keeps a shard's entries where they are while its lock is given up between slices.
class walk {
 public:
  explicit walk(shards::part& shard) : shard_(shard) {
    const locked hold(shard_.lock);
    shard_.entries.begin_walk();
  }
  ~walk() {
    const locked hold(shard_.lock);
    shard_.entries.end_walk();
  }
  walk(const walk&) = delete;
  walk& operator=(const walk&) = delete;

 private:
  shards::part& shard_;
};

constexpr unsigned most_shards = 256;

/// 64 shards, halved until each is large enough to evict as well as one large cache would: at least
/// 1000 objects and 100 times the largest value. For the sake of threads that read at once, four
/// are kept where each can still hold 16 of the largest.
unsigned choose_shards(const table_options& options) {
  const std::uint64_t objects =
      options.expected_objects != 0 ? options.expected_objects : options.budget.count / 1024;
  const std::uint64_t largest = std::max<std::uint64_t>(options.largest.count, 1);
  unsigned shards = 64;
  while (shards > 1) {
    const std::uint64_t share = options.budget.count / shards;
    const std::uint64_t times = shards <= 4 ? 16 : 100;
    if (objects / shards >= 1000 && share / times >= largest) break;
    shards /= 2;
  }
  return shards;
}

unsigned checked_shards(const table_options& options) {
  if (options.shards == 0) return choose_shards(options);
  if (!std::has_single_bit(options.shards) || options.shards > most_shards) {
    throw bad_options(
        {"shards: must be 0 or a power of two up to 256, not " + std::to_string(options.shards)});
  }
  return options.shards;
}

std::int64_t count_of(time_point when) noexcept {
  return when.time_since_epoch().count();
}

constexpr unsigned steps_per_slice = 256;

}  // namespace

struct table::impl {
  explicit impl(table_options options)
      : told(std::move(options.on_gone)),
        budget(options.budget.count),
        parts(checked_shards(options),
              {.budget = options.budget.count / checked_shards(options), .wanted = options.wanted},
              options.policy) {}

  on_gone told;
  std::atomic<std::uint64_t> budget;
  shards parts;
};

table::table(table_options options) : impl_(std::make_unique<impl>(std::move(options))) {
}
table::~table() = default;

table::value table::find(std::uint64_t hash, std::string_view key, time_point now) noexcept {
  auto& shard = impl_->parts.at(hash);
  const locked hold(shard.lock);
  const object* found = shard.entries.find(hash, key, count_of(now));
  return found != nullptr ? found->value() : nullptr;
}

table::value table::peek(std::uint64_t hash, std::string_view key, time_point now) const noexcept {
  auto& shard = impl_->parts.at(hash);
  const locked hold(shard.lock);
  const object* found = shard.entries.peek(hash, key, count_of(now));
  return found != nullptr ? found->value() : nullptr;
}

inserted table::insert_if(std::uint64_t hash, std::string_view key, item what, time_point now,
                          function_ref<bool(const void* current)> wanted) {
  auto& shard = impl_->parts.at(hash);
  leaving out(impl_->told);
  const locked hold(shard.lock);
  const auto asked = [&](const object* current) {
    return wanted(current != nullptr ? current->value().get() : nullptr);
  };
  switch (shard.entries.insert(hash, key, std::move(what.value), what.bytes, count_of(what.drop_at),
                               count_of(now), asked, out)) {
    case stored::refused:
      return inserted::refused;
    case stored::too_large:
      return inserted::too_large;
    default:
      return inserted::stored;
  }
}

bool table::insert(std::uint64_t hash, std::string_view key, item what, time_point now) {
  return insert_if(hash, key, std::move(what), now, [](const void*) { return true; }) == inserted::stored;
}

bool table::erase_if(std::uint64_t hash, std::string_view key,
                     function_ref<bool(const void* current)> wanted) {
  auto& shard = impl_->parts.at(hash);
  leaving out(impl_->told);
  const locked hold(shard.lock);
  return shard.entries.erase_if(
      hash, key, [&](const object& cell) { return wanted(cell.value().get()); }, out);
}

bool table::erase(std::uint64_t hash, std::string_view key) {
  return erase_if(hash, key, [](const void*) { return true; });
}

std::size_t table::erase_matching(function_ref<bool(std::string_view key, const void* current)> wanted) {
  const auto matches = [&](const object& cell) { return wanted(cell.key(), cell.value().get()); };
  std::size_t erased = 0;
  for (auto& shard : impl_->parts) {
    const walk here(shard);
    handle at = node_pool::first();
    for (bool more = true; more;) {
      leaving out(impl_->told);
      const locked hold(shard.lock);
      erased += shard.entries.erase_slice(at, steps_per_slice, matches, out);
      more = at < shard.entries.walk_end();
    }
  }
  return erased;
}

void table::clear() {
  for (auto& shard : impl_->parts) {
    node_pool cells(sizeof(object));
    {
      const locked hold(shard.lock);
      shard.entries.clear(cells);
    }
    memory::shard<object>::destroy_cells(cells);
  }
}

void table::resize(byte_size budget, time_point now) {
  const std::size_t share = budget.count / impl_->parts.size();
  const std::uint64_t old = impl_->budget.load(std::memory_order_relaxed);
  if (budget.count > old) impl_->budget.store(budget.count, std::memory_order_relaxed);
  for (auto& shard : impl_->parts) {
    for (bool fits = false; !fits;) {
      leaving out(impl_->told);
      const locked hold(shard.lock);
      shard.entries.set_budget(share);
      shard.entries.expire(count_of(now), steps_per_slice, out);
      fits = shard.entries.trim(steps_per_slice, out);
    }
  }
  impl_->budget.store(budget.count, std::memory_order_relaxed);
}

std::size_t table::sweep(time_point now) {
  std::size_t dropped = 0;
  for (auto& shard : impl_->parts) {
    leaving out(impl_->told);
    const locked hold(shard.lock);
    dropped += shard.entries.expire(count_of(now), steps_per_slice, out);
  }
  return dropped;
}

table_stats table::stats() const {
  table_stats sum;
  sum.budget = impl_->budget.load(std::memory_order_relaxed);
  sum.shards = impl_->parts.size();
  for (const auto& shard : impl_->parts) {
    const auto& each = shard.counters();
    sum.entries += each.entries;
    sum.bytes += each.bytes;
    sum.evictions += each.evictions;
    sum.expirations += each.expirations;
    sum.rejected += each.rejected;
  }
  return sum;
}

}  // namespace strata::memory
