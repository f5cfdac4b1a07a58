#pragma once
/// How a value becomes bytes for the second level and back. JSON by default, readable by any
/// other language; strings and byte strings as they are; or your own codec for a type.
/// Threads: pure functions.

#include <strata/error.hpp>
#include <strata/json.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace strata {

/// The codec of `T`. Specialise it to store a type your own way:
///   `static void encode(const T&, std::string& out)` appends;
///   `static result<T> decode(std::string_view)` returns corrupt_entry or invalid_argument;
///   `static std::size_t size(const T&)` tells the bytes `T` occupies in memory.
template <class T>
struct codec {
  static void encode(const T& value, std::string& out) { json::write(out, value); }
  static result<T> decode(std::string_view bytes) { return json::read<T>(bytes); }
  static std::size_t size(const T& value);
};

template <>
struct codec<std::string> {
  static void encode(const std::string& value, std::string& out) { out += value; }
  static result<std::string> decode(std::string_view bytes) { return std::string(bytes); }
  static std::size_t size(const std::string& value) { return sizeof value + value.capacity(); }
};

namespace detail {

/// The bytes behind `value` that `sizeof` does not see.
template <class T>
std::size_t heap_bytes(const T& value) {
  if constexpr (std::same_as<T, std::string>) {
    return value.capacity() > 15 ? value.capacity() + 1 : 0;
  } else if constexpr (std::same_as<T, json::raw>) {
    return heap_bytes(value.text);
  } else if constexpr (json::detail::is_optional<T>::value) {
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

/// A codec with its type erased: what the engine sees of `T`.
struct value_type {
  void (*encode)(const void* value, std::string& out);
  result<std::shared_ptr<const void>> (*decode)(std::string_view bytes);
  std::size_t (*size)(const void* value);
};

/// One per type, so its address also tells the types apart.
template <class T>
inline constexpr value_type value_type_of{
    .encode = [](const void* value,
                 std::string& out) { codec<T>::encode(*static_cast<const T*>(value), out); },
    .decode = [](std::string_view bytes) -> result<std::shared_ptr<const void>> {
      auto value = codec<T>::decode(bytes);
      if (!value) return std::unexpected(error{errc::corrupt_entry, value.error().detail});
      return std::make_shared<const T>(std::move(*value));
    },
    .size = [](const void* value) { return codec<T>::size(*static_cast<const T*>(value)); },
};

}  // namespace detail

template <class T>
std::size_t codec<T>::size(const T& value) {
  return sizeof value + detail::heap_bytes(value);
}

}  // namespace strata
