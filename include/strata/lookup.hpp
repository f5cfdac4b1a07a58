#pragma once
/// What a read found, where, and why.
/// Threads: values.

#include <strata/error.hpp>
#include <strata/time.hpp>

#include <cassert>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace strata {

/// Where a value came from.
enum class layer : std::uint8_t { none, l1, l2, source };

/// Why a read was not answered by the cache.
enum class miss_reason : std::uint8_t {
  none,          ///< it was a hit
  absent,        ///< nothing is stored under this key
  expired,       ///< its time to live is over
  removed,       ///< it was removed by key or pattern
  tag,           ///< one of its tags was removed
  prefix,        ///< one of its prefixes was removed
  cleared,       ///< everything was removed
  fenced,        ///< what was computed was older than an invalidation, and not stored
  evicted,       ///< it made room for another
  undecodable,   ///< the stored bytes are no value of this type
  unauthentic,   ///< the stored bytes were not written under this name by a holder of the keys
  too_large,     ///< the value is over the policy's max_size, so it is never stored
  l2_down,       ///< the store did not answer
  not_coherent,  ///< changes may not have been reported, so the copy cannot be trusted now
  behind,        ///< it is older than what the reader must see (`at_least`)
  unstorable,    ///< it has no encoding, or a tag is empty, over 1024 bytes, or one of more than 255
  bypassed,      ///< a key too long, `skip`, a read that left out the level, or a disabled cache
  failed,        ///< its source failed less than policy::failure_ttl ago
};

std::string_view name(layer from) noexcept;
std::string_view name(miss_reason reason) noexcept;

/// How a read was answered.
struct read_info {
  layer from = layer::none;                ///< none: nothing was found
  miss_reason reason = miss_reason::none;  ///< why the layers above `from` missed
  bool stored = false;                     ///< the factory's value was stored
  bool shared = false;                     ///< another caller's factory call answered
  bool stale = false;                      ///< past its ttl, or expired; the policy allows serving it
  duration ttl{};                          ///< freshness left; 0 if it was not stored
  commit_time asof = 0;

  bool hit() const noexcept { return from == layer::l1 || from == layer::l2; }
};

namespace detail {
struct any_lookup;
}

/// How a read ended: exactly one of these.
enum class read_outcome : std::uint8_t {
  value,   ///< there is a value
  absent,  ///< the source has no such value: remembered, or just read
  missed,  ///< a read without a factory found nothing
  failed,  ///< the value could not be read: see `failure`
};

/// The result of a read: a value, the knowledge that there is none, a miss, or a failure.
///
///   switch (found.outcome()) {
///     case strata::read_outcome::value: return show(*found);
///     case strata::read_outcome::absent: return not_found();
///     case strata::read_outcome::missed: return unknown();
///     case strata::read_outcome::failed: return unavailable(*found.failure());
///   }
template <class T>
class lookup {
 public:
  template <class Any>
    requires std::same_as<Any, detail::any_lookup>
  explicit lookup(Any&& any)
      : value_(std::static_pointer_cast<const T>(std::move(any.value))),
        info_(any.info),
        failure_(std::move(any.failure)) {}

  read_outcome outcome() const noexcept {
    if (value_ != nullptr) return read_outcome::value;
    if (failure_ != nullptr) return read_outcome::failed;
    return info_.from != layer::none ? read_outcome::absent : read_outcome::missed;
  }

  /// True if there is a value.
  explicit operator bool() const noexcept { return value_ != nullptr; }
  const T& operator*() const noexcept {
    assert(value_);
    return *value_;
  }
  const T* operator->() const noexcept {
    assert(value_);
    return value_.get();
  }

  /// The value, shared with the cache; null if there is none.
  const std::shared_ptr<const T>& value() const noexcept { return value_; }

  /// True if the source has no such value.
  bool known_absent() const noexcept { return outcome() == read_outcome::absent; }

  /// Why the value could not be read, or null.
  const error* failure() const noexcept { return failure_.get(); }

  const read_info& info() const noexcept { return info_; }

 private:
  std::shared_ptr<const T> value_;
  read_info info_;
  std::shared_ptr<const error> failure_;
};

}  // namespace strata
