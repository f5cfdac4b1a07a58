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
  undecodable,   ///< stored bytes could not be read
  too_large,     ///< the value is over the policy's max_size, so it is never stored
  l2_down,       ///< the store did not answer
  not_coherent,  ///< this process has no right to trust its copy now
  behind,        ///< it is older than what the reader must see (`at_least`)
  bypassed,      ///< the key is too long, the factory said skip, or the call said `bypassing`
};

std::string_view name(layer where) noexcept;
std::string_view name(miss_reason reason) noexcept;

/// How a read was answered.
struct read_info {
  layer from = layer::none;                ///< none: nothing was found
  miss_reason reason = miss_reason::none;  ///< why the layers above `from` missed
  bool stored = false;                     ///< the factory's value was stored
  bool shared = false;                     ///< another caller's factory call answered
  bool stale = false;                      ///< past its ttl, or expired: served by the policy's leave
  duration ttl{};                          ///< freshness left; 0 if it was not stored
  commit_time asof = 0;

  bool hit() const noexcept { return from == layer::l1 || from == layer::l2; }
};

namespace detail {
struct any_lookup;
}

/// A value, or the knowledge that there is none, or the reason why it could not be had.
template <class T>
class lookup {
 public:
  template <class Any>
    requires std::same_as<Any, detail::any_lookup>
  explicit lookup(Any&& any)
      : value_(std::static_pointer_cast<const T>(std::move(any.value))),
        info_(any.info),
        failure_(std::move(any.failure)) {}

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

  /// True if the source said that there is no such value (remembered, or just now).
  bool known_absent() const noexcept {
    return value_ == nullptr && failure_ == nullptr && info_.from != layer::none;
  }

  /// Why the value could not be had, or null.
  const error* failure() const noexcept { return failure_.get(); }

  const read_info& info() const noexcept { return info_; }

 private:
  std::shared_ptr<const T> value_;
  read_info info_;
  std::shared_ptr<const error> failure_;
};

}  // namespace strata
