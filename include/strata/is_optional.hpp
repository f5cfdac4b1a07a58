#pragma once
/// Whether a type is a `std::optional`.
/// Threads: a constant.

#include <optional>
#include <type_traits>

namespace strata::detail {

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

}  // namespace strata::detail
