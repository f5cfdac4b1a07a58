#pragma once
/// The codec of every type that strata/json.hpp understands, and that has no codec of its own:
/// JSON, which any other language reads.
/// Threads: pure functions.

#include <strata/codec.hpp>
#include <strata/is_optional.hpp>
#include <strata/json.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace strata {

namespace detail {

/// The bytes behind `value` that `sizeof` does not see.
template <class T>
std::size_t heap_bytes(const T& value) {
  if constexpr (std::same_as<T, json::raw>) {
    return heap_bytes(value.text);
  } else if constexpr (is_optional<T>::value) {
    return value ? heap_bytes(*value) : 0;
  } else if constexpr (requires { value.begin()->second; }) {
    std::size_t sum = 0;
    for (const auto& [name, each] : value) {
      sum += 48 + sizeof name + sizeof each + heap_bytes(name) + heap_bytes(each);
    }
    return sum;
  } else if constexpr (requires {
                         value.begin();
                         value.capacity();
                       }) {
    std::size_t sum = value.capacity() * sizeof(*value.begin());
    for (const auto& each : value) sum += heap_bytes(each);
    return sum;
  } else if constexpr (json::detail::described<T>) {
    std::size_t sum = 0;
    boost::mp11::mp_for_each<json::detail::members_of<T>>(
        [&](auto member) { sum += heap_bytes(value.*member.pointer); });
    return sum;
  } else {
    return 0;
  }
}

}  // namespace detail

/// JSON. A described struct needs nothing else: `BOOST_DESCRIBE_STRUCT(agent, (), (id, name))`.
/// Programs of several releases may share a store: a member that the stored value lacks keeps what its type
/// initialises it to, and one that the type lacks is ignored (docs/guide/values.md).
template <class T>
struct codec {
  static result<void> encode(const T& value, std::string& out) { return json::write(out, value); }
  static result<T> decode(std::string_view bytes) { return json::read_stored<T>(bytes); }
  static std::size_t size(const T& value) { return sizeof value + detail::heap_bytes(value); }
};

}  // namespace strata
