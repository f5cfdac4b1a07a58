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

/// The bytes that the allocator takes for a block of `size` bytes.
constexpr std::size_t block_bytes(std::size_t size) {
  return std::max<std::size_t>((size + 8 + 15) & ~15u, 32);
}

/// A key's text and its value in one block: neither changes while anyone may read it.
class body {
 public:
  static std::size_t bytes(std::string_view key) noexcept { return block_bytes(size(key)); }

  static body* make(std::string_view key, table::value value) {
    void* place = ::operator new(size(key));
    return new (place) body(key, std::move(value));
  }
  static void destroy(body* gone) noexcept {
    gone->~body();
    ::operator delete(gone);
  }

  std::string_view key() const noexcept {
    length size;
    std::memcpy(&size, text(), sizeof size);
    return {text() + sizeof size, size};
  }
  const table::value& value() const noexcept { return value_; }

  /// Once it has no readers, the link to the next body replaces its key.
  body* next() const noexcept {
    body* next;
    std::memcpy(static_cast<void*>(&next), text(), sizeof(body*));
    return next;
  }
  void set_next(body* next) noexcept { std::memcpy(text(), static_cast<const void*>(&next), sizeof(body*)); }

 private:
  using length = std::uint16_t;

  body(std::string_view key, table::value value) noexcept : value_(std::move(value)) {
    const auto size = static_cast<length>(key.size());
    std::memcpy(text(), &size, sizeof size);
    std::memcpy(text() + sizeof size, key.data(), key.size());
  }
  ~body() = default;

  static std::size_t size(std::string_view key) noexcept {
    return sizeof(body) + std::max(sizeof(length) + key.size(), sizeof(body*));
  }
  char* text() noexcept { return reinterpret_cast<char*>(this + 1); }  // the key's length, then its text
  const char* text() const noexcept { return reinterpret_cast<const char*>(this + 1); }

  table::value value_;
};

struct destroy_body {
  void operator()(body* gone) const noexcept { body::destroy(gone); }
};
using body_ptr = std::unique_ptr<body, destroy_body>;

/// An entry with a text key: half a cache line.
class object : public node {
 public:
  using key_type = std::string_view;
  using value_type = body_ptr;
  using found_type = const body*;
  using shared_type = table::value;

  static constexpr bool lingers = true;
  static bool accepts(std::string_view key) noexcept {
    return key.size() <= std::numeric_limits<std::uint16_t>::max();
  }
  static std::size_t key_bytes(std::string_view key) noexcept { return body::bytes(key); }

  const body* look(std::uint64_t hash, std::string_view key) const noexcept {
    if (hash_ != hash) return nullptr;
    const body* there = body_.load(std::memory_order_acquire);
    return there != nullptr && there->key() == key ? there : nullptr;
  }
  static table::value share(const body* found) noexcept { return found->value(); }

  void fill(std::uint64_t hash, std::string_view, body_ptr value) noexcept {
    hash_ = hash;
    put(std::move(value));
  }
  body_ptr put(body_ptr value) noexcept {
    body_ptr old(body_.load(std::memory_order_relaxed));
    body_.store(value.release(), std::memory_order_release);
    return old;
  }
  body_ptr take() noexcept { return put(nullptr); }
  void move_to(object& empty) noexcept {
    static_cast<node&>(empty) = static_cast<const node&>(*this);
    empty.fill(hash_, {}, take());
  }

  std::uint64_t hash() const noexcept { return hash_; }
  std::string_view key() const noexcept { return body_.load(std::memory_order_relaxed)->key(); }
  const void* value() const noexcept { return body_.load(std::memory_order_relaxed)->value().get(); }

 private:
  relaxed<std::uint64_t> hash_;
  std::atomic<body*> body_{nullptr};
};
static_assert(sizeof(object) == 32);

using on_gone = std::function<void(std::string_view, std::uint64_t, gone)>;

/// Collects the values that leave under a lock, to destroy them after it: a value's destructor may take
/// long, or use the table.
class leaving {
 public:
  explicit leaving(const on_gone& listener) : listener_(listener) {}
  ~leaving() {
    if (crowded_) readers::wait();
    while (first_ != nullptr) body::destroy(std::exchange(first_, first_->next()));
  }
  leaving(const leaving&) = delete;
  leaving& operator=(const leaving&) = delete;

  void gone(const object& cell, left why) {
    if (listener_ && why == left::evicted) listener_(cell.key(), cell.hash(), memory::gone::evicted);
    if (listener_ && why == left::expired) listener_(cell.key(), cell.hash(), memory::gone::expired);
  }
  void crowded() noexcept { crowded_ = true; }
  void free(body_ptr value) noexcept {
    value->set_next(first_);
    first_ = value.release();
  }

 private:
  const on_gone& listener_;
  body* first_ = nullptr;
  bool crowded_ = false;
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
/// 1000 objects and 100 times the largest value. Four are kept for concurrent readers if each can still
/// hold 16 of the largest.
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
      : listener(std::move(options.on_gone)),
        budget(options.budget.count),
        parts(checked_shards(options),
              {.budget = options.budget.count / checked_shards(options), .wanted = options.wanted},
              options.policy) {}

  on_gone listener;
  std::atomic<std::uint64_t> budget;
  shards parts;
};

table::table(table_options options) : impl_(std::make_unique<impl>(std::move(options))) {
}
table::~table() = default;

table::value table::find(std::uint64_t hash, std::string_view key, time_point now) noexcept {
  return impl_->parts.find(hash, key, count_of(now));
}

table::value table::peek(std::uint64_t hash, std::string_view key, time_point now) const noexcept {
  return impl_->parts.peek(hash, key, count_of(now));
}

inserted table::insert_if(std::uint64_t hash, std::string_view key, item what, time_point now,
                          function_ref<bool(const void* current)> wanted) {
  auto& shard = impl_->parts.at(hash);
  // Before the lock, so that it is held neither for the allocator nor for the end of a refused value.
  body_ptr fresh(object::accepts(key) ? body::make(key, std::move(what.value)) : nullptr);
  leaving out(impl_->listener);
  const locked hold(shard.lock);
  const auto accepts = [&](const object* current) {
    return wanted(current != nullptr ? current->value() : nullptr);
  };
  switch (shard.entries.insert(hash, key, std::move(fresh), what.bytes, count_of(what.drop_at), count_of(now),
                               accepts, out)) {
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
  leaving out(impl_->listener);
  const locked hold(shard.lock);
  return shard.entries.erase_if(hash, key, [&](const object& cell) { return wanted(cell.value()); }, out);
}

bool table::erase(std::uint64_t hash, std::string_view key) {
  return erase_if(hash, key, [](const void*) { return true; });
}

std::size_t table::erase_matching(function_ref<bool(std::string_view key, const void* current)> wanted) {
  const auto matches = [&](const object& cell) { return wanted(cell.key(), cell.value()); };
  std::size_t erased = 0;
  for (auto& shard : impl_->parts) {
    const walk here(shard);
    handle at = node_pool::first();
    for (bool more = true; more;) {
      leaving out(impl_->listener);
      const locked hold(shard.lock);
      erased += shard.entries.erase_slice(at, steps_per_slice, matches, out);
      more = at < shard.entries.walk_end();
    }
  }
  return erased;
}

void table::visit(function_ref<void(std::string_view key, const void* current)> each) {
  erase_matching([&](std::string_view key, const void* current) {
    each(key, current);
    return false;
  });
}

void table::clear() {
  for (auto& shard : impl_->parts) {
    auto cells = node_pool::of<object>();
    {
      leaving out(impl_->listener);
      const locked hold(shard.lock);
      shard.entries.clear(cells);
      shard.entries.reclaim_all(out);
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
      leaving out(impl_->listener);
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
    leaving out(impl_->listener);
    const locked hold(shard.lock);
    dropped += shard.entries.expire(count_of(now), steps_per_slice, out);
    shard.entries.reclaim_all(out);
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
