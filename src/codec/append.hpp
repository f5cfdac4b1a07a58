#pragma once
/// Writing into a string without filling it with zeros first.
/// Threads: pure functions.

#include <cstddef>
#include <string>

namespace strata::detail {

/// Lets `write(char*, size)` write up to `size` bytes behind what `out` holds; it returns how many
/// it wrote.
template <class Write>
void append_with(std::string& out, std::size_t size, Write write) {
  const auto before = out.size();
  // libstdc++ 12 passes the capacity, not what was asked for, when it has to grow.
  out.resize_and_overwrite(before + size,
                           [&](char* bytes, std::size_t) { return before + write(bytes + before, size); });
}

}  // namespace strata::detail
