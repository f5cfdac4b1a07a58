#pragma once
/// How a value becomes bytes for the second level and back. Strings are stored as they are. Every
/// other type needs a codec: JSON for described structs (strata/json_codec.hpp), or your own.
/// Threads: pure functions.

#include <strata/error.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace strata {

/// The codec of `T`. Include strata/json_codec.hpp for JSON, or specialise it:
///   `static void encode(const T&, std::string& out)` appends; one that cannot encode every value returns
///   `result<void>`, and what it refuses is stored nowhere (miss_reason::unstorable);
///   `static result<T> decode(std::string_view)` returns corrupt_entry or invalid_argument;
///   `static std::size_t size(const T&)` returns the bytes that `T` occupies in memory.
template <class T>
struct codec;

/// The codec of text: its bytes.
template <>
struct codec<std::string> {
  static void encode(const std::string& value, std::string& out) { out += value; }
  static result<std::string> decode(std::string_view bytes) { return std::string(bytes); }
  static std::size_t size(const std::string& value) { return sizeof value + value.capacity(); }
};

namespace detail {

/// The bytes that `text` holds outside of its own object.
inline std::size_t heap_bytes(const std::string& text) noexcept {
  return text.capacity() > 15 ? text.capacity() + 1 : 0;
}

/// A codec with its type erased. The engine knows a type by it.
struct value_type {
  result<void> (*encode)(const void* value, std::string& out);
  result<std::shared_ptr<const void>> (*decode)(std::string_view bytes);
  std::size_t (*size)(const void* value);
};

/// There is one per type, so its address identifies the type.
template <class T>
inline constexpr value_type value_type_of{
    .encode = [](const void* value, std::string& out) -> result<void> {
      const auto& typed = *static_cast<const T*>(value);
      if constexpr (std::is_void_v<decltype(codec<T>::encode(typed, out))>) {
        codec<T>::encode(typed, out);
        return {};
      } else {
        return codec<T>::encode(typed, out);
      }
    },
    .decode = [](std::string_view bytes) -> result<std::shared_ptr<const void>> {
      auto value = codec<T>::decode(bytes);
      if (!value) return std::unexpected(error{errc::corrupt_entry, value.error().detail});
      return std::make_shared<const T>(std::move(*value));
    },
    .size = [](const void* value) { return codec<T>::size(*static_cast<const T*>(value)); },
};

}  // namespace detail

}  // namespace strata
